"""Assembly keeps to the window, keeps what is newest, keeps exchanges whole, and keeps still."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatplatform.privacy.prompt import PromptMessage
from chatplatform.prompts.assembly import AssembledPrompt, QuestionTooLong, assemble

SYSTEM = "You answer customers of a shop."


class Counter:
    """Counts a token for every `chars` characters and `overhead` for every message; remembers each call."""

    def __init__(self, chars: float = 4, overhead: int = 4) -> None:
        self.chars, self.overhead = chars, overhead
        self.calls: list[int] = []

    def of(self, messages: Sequence[PromptMessage]) -> int:
        return sum(self.overhead + int(len(message.content) / self.chars) for message in messages)

    async def __call__(self, messages: Sequence[PromptMessage]) -> int:
        self.calls.append(len(messages))
        return self.of(messages)


def conversation(lengths: Sequence[int], question: int = 20) -> list[PromptMessage]:
    """Exchanges with answers of the given lengths, and a question of `question` characters at the end."""
    messages: list[PromptMessage] = []
    for number, length in enumerate(lengths):
        messages += [
            PromptMessage("user", f"{number}? ".ljust(12, "q")),
            PromptMessage("assistant", f"{number}! ".ljust(max(4, length), "a")),
        ]
    return [*messages, PromptMessage("user", "Q".ljust(question, "?"))]


async def assembled(
    history: Sequence[PromptMessage], *, window: int = 1000, reserve: int = 200, count: Counter | None = None
) -> AssembledPrompt:
    return await assemble(
        SYSTEM, history, context_tokens=window, reserve_tokens=reserve, count=count or Counter()
    )


async def test_a_short_conversation_is_sent_whole_after_one_count() -> None:
    history, count = conversation([80, 80]), Counter()
    prompt = await assembled(history, count=count)
    assert prompt.messages == (PromptMessage("system", SYSTEM), *history)
    assert prompt.left_out == 0
    assert prompt.prompt_tokens == count.of(prompt.messages)
    assert len(count.calls) == 1


async def test_the_oldest_exchanges_are_left_out_whole_and_reported() -> None:
    history = conversation([400] * 20)
    prompt = await assembled(history)
    kept = prompt.messages[1:]
    assert prompt.left_out == len(history) - len(kept) > 0
    assert kept == tuple(history[prompt.left_out :])
    assert kept[0].role == "user"


async def test_an_empty_system_text_sends_no_system_message() -> None:
    history = conversation([])
    prompt = await assemble("", history, context_tokens=100, reserve_tokens=10, count=Counter())
    assert prompt.messages == tuple(history)


async def test_examples_stand_between_system_text_and_history_and_are_never_left_out() -> None:
    history = conversation([400] * 20)
    text = f"{SYSTEM}\n[user]\nHow much?\n[assistant]\nFive euros."
    prompt = await assemble(text, history, context_tokens=1000, reserve_tokens=200, count=Counter())
    assert [message.content for message in prompt.messages[:3]] == [SYSTEM, "How much?", "Five euros."]
    assert prompt.left_out > 0
    assert prompt.messages[3:] == tuple(history[prompt.left_out :])


async def test_the_beginning_of_an_answer_stays_with_its_question() -> None:
    history = [*conversation([400] * 20), PromptMessage("assistant", "It costs")]
    prompt = await assembled(history)
    assert prompt.messages[-2:] == tuple(history[-2:])
    assert prompt.messages[1].role == "user"


async def test_a_question_that_does_not_fit_is_refused_not_cut() -> None:
    with pytest.raises(QuestionTooLong) as refusal:
        await assembled(conversation([40], question=8000))
    assert refusal.value.prompt_tokens > refusal.value.budget_tokens == 800
    assert refusal.value.status == 400


async def test_an_empty_history_is_a_defect() -> None:
    with pytest.raises(ValueError, match="question"):
        await assembled([])


async def test_a_very_long_conversation_needs_few_counts_of_few_messages() -> None:
    history, count = conversation([400] * 2500), Counter()
    await assembled(history, window=8192, reserve=1024, count=count)
    assert len(count.calls) <= 3
    assert max(count.calls) < 300


async def test_the_cut_stays_for_many_turns_so_that_the_engine_can_go_on_reading() -> None:
    """Without marks the cut would move on nearly every turn once the window is full."""
    cuts = [(await assembled(conversation([200] * turns), window=4096)).left_out for turns in range(60, 160)]
    moves = sum(before != after for before, after in itertools.pairwise(cuts))
    assert cuts == sorted(cuts)
    assert 1 <= moves <= 100 / 8


lengths = st.lists(st.integers(0, 3000), max_size=60)


@given(
    lengths=lengths,
    question=st.integers(1, 2000),
    window=st.integers(64, 8192),
    reserve=st.integers(0, 1024),
    chars=st.floats(0.5, 8),
    overhead=st.integers(0, 12),
    answering=st.booleans(),
)
async def test_whatever_comes(
    lengths: list[int],
    question: int,
    window: int,
    reserve: int,
    chars: float,
    overhead: int,
    answering: bool,
) -> None:
    history = conversation(lengths, question)
    if answering:
        history.append(PromptMessage("assistant", "Yes, and"))
    count = Counter(chars, overhead)
    budget = window - reserve
    last_exchange = history[-2:] if answering else history[-1:]
    least = count.of([PromptMessage("system", SYSTEM), *last_exchange])
    try:
        prompt = await assemble(SYSTEM, history, context_tokens=window, reserve_tokens=reserve, count=count)
    except QuestionTooLong:
        assert least > budget  # refused only where it cannot be helped
        return
    assert prompt.prompt_tokens == count.of(prompt.messages) <= budget  # never exceeds
    assert prompt.messages[0] == PromptMessage("system", SYSTEM)
    assert prompt.messages[1:] == tuple(history[prompt.left_out :])  # the newest, in order, nothing between
    assert prompt.messages[1].role == "user"  # whole exchanges
    if count.of([PromptMessage("system", SYSTEM), *history]) <= budget:
        assert prompt.left_out == 0  # nothing is left out without need
    assert len(count.calls) <= 10
    assert len(set(count.calls)) == len(count.calls)  # nothing is counted twice


@given(lengths=st.lists(st.integers(0, 500), min_size=10, max_size=60), window=st.integers(1024, 4096))
async def test_no_more_is_left_out_than_one_step_and_one_exchange(lengths: list[int], window: int) -> None:
    history, count = conversation(lengths), Counter(chars=2.5, overhead=8)  # as the estimate counts
    prompt = await assemble(SYSTEM, history, context_tokens=window, reserve_tokens=200, count=count)
    if prompt.left_out:
        longest_exchange = count.of([PromptMessage("user", "q" * 12), PromptMessage("assistant", "a" * 500)])
        slack = (window - 200) / 2 + 2 * longest_exchange + len(history)
        assert prompt.prompt_tokens >= window - 200 - slack

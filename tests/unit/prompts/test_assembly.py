"""Assembly keeps to the window, keeps what is newest, keeps exchanges whole, and keeps still."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatplatform.privacy.prompt import LeftOut, LeftOutReason, PromptMessage
from chatplatform.prompts.assembly import AssembledPrompt, Before, Counted, QuestionTooLong, assemble

OPENING = (
    Counted(PromptMessage("system", "You answer customers of a shop."), 30),
    Counted(PromptMessage("user", "How much?"), 10),
    Counted(PromptMessage("assistant", "Five euros."), 10),
)
OPENING_TOKENS = 50


def conversation(lengths: Sequence[int], question: int = 20) -> list[Counted]:
    """Exchanges of so many tokens, 10 of them the question's, and a question at the end."""
    messages: list[Counted] = []
    for number, length in enumerate(lengths):
        messages += [
            Counted(PromptMessage("user", f"{number}?"), 10),
            Counted(PromptMessage("assistant", f"{number}!"), max(0, length - 10)),
        ]
    return [*messages, Counted(PromptMessage("user", "And now?"), question)]


def assembled(
    history: Sequence[Counted],
    *,
    budget: int = 1000,
    reading: int | None = None,
    before: Before | None = None,
) -> AssembledPrompt:
    return assemble(OPENING, history, budget_tokens=budget, reading_tokens=reading, before=before)


def kept(history: Sequence[Counted], prompt: AssembledPrompt) -> bool:
    """The opening whole, then the newest messages, in order, with nothing between."""
    expected = (*OPENING, *history[prompt.start :])
    return prompt.messages == tuple(part.message for part in expected)


def test_a_short_conversation_is_sent_whole() -> None:
    history = conversation([80, 80])
    prompt = assembled(history)
    assert kept(history, prompt)
    assert (prompt.start, prompt.left_out, prompt.platform_messages) == (0, None, 3)
    assert prompt.tokens == OPENING_TOKENS + 160 + 20


def test_the_oldest_exchanges_are_left_out_whole_and_reported() -> None:
    history = conversation([100] * 20)
    prompt = assembled(history)
    assert kept(history, prompt)
    assert history[prompt.start].message.role == "user"
    assert prompt.left_out == LeftOut(prompt.start, "context")


def test_a_cut_goes_far_and_then_stays_for_many_turns() -> None:
    """Each move of the cut costs a new reading of all that stays."""
    before, cuts, counts = None, [], []
    for number in range(60):
        prompt = assembled(conversation([100] * number), budget=2000, before=before)
        before = Before(prompt.start, is_cached=True, tokens=prompt.tokens + 90, reason=None)
        cuts.append(prompt.start)
        counts.append(prompt.tokens)
    moves = sum(one != other for one, other in itertools.pairwise(cuts))
    assert cuts == sorted(cuts)
    assert 1 <= moves <= 60 // 9
    assert max(counts) <= 2000
    assert min(counts[30:]) > 800, "no more is left out than half"


def test_a_forgotten_conversation_is_cut_for_the_wished_time() -> None:
    history = conversation([100] * 9)
    prompt = assembled(history, reading=350)
    assert kept(history, prompt)
    assert prompt.left_out == LeftOut(12, "first_word")
    assert prompt.tokens - OPENING_TOKENS <= 350


def test_a_conversation_that_the_engine_still_has_is_not_cut_for_it() -> None:
    history = conversation([100] * 9)
    whole = assembled(history, reading=350, before=Before(0, is_cached=True))
    assert (whole.start, whole.left_out) == (0, None)
    shorter = assembled(history, reading=350, before=Before(4, is_cached=True, reason="first_word"))
    assert shorter.left_out == LeftOut(4, "first_word")


def test_what_was_cut_for_time_comes_back_when_there_is_time() -> None:
    history = conversation([100] * 9)
    before = Before(4, is_cached=False, reason="first_word")
    assert assembled(history, reading=5000, before=before).left_out is None


def test_a_long_question_does_not_cost_what_the_engine_has() -> None:
    history = conversation([100] * 5, question=400)
    assert assembled(history, reading=100, before=Before(0, is_cached=True)).start == 0


def test_the_exchange_before_the_question_is_never_left_out_for_the_wished_time() -> None:
    history = conversation([100, 100, 700])
    prompt = assembled(history, reading=1)
    assert prompt.left_out == LeftOut(4, "first_word")
    tight = assembled(conversation([100, 100, 980]), reading=1)
    assert tight.left_out is not None
    assert tight.start == 6, "but for the context it is"


@pytest.mark.parametrize(("reading", "reason"), [(None, "context"), (100, "first_word"), (900, "context")])
def test_the_narrower_limit_is_named(reading: int | None, reason: LeftOutReason) -> None:
    prompt = assembled(conversation([100] * 30), reading=reading)
    assert prompt.left_out is not None
    assert prompt.left_out.reason == reason


def test_what_the_engine_counted_counts() -> None:
    """The estimates of a foreign tongue may be far off: the last answer told how long the prompt was."""
    history = conversation([100] * 9)
    prompt = assembled(history, budget=800, before=Before(0, is_cached=True, tokens=500))
    assert (prompt.start, prompt.tokens) == (0, 520)


def test_a_question_that_does_not_fit_is_refused_not_cut() -> None:
    with pytest.raises(QuestionTooLong) as refusal:
        assembled(conversation([40], question=951))
    assert (refusal.value.prompt_tokens, refusal.value.budget_tokens) == (1001, 1000)
    assert refusal.value.status == 400


def test_an_empty_history_is_a_defect() -> None:
    with pytest.raises(ValueError, match="question"):
        assembled([])


@given(
    lengths=st.lists(st.integers(0, 3000), max_size=60),
    question=st.integers(1, 2000),
    budget=st.integers(64, 8192),
    reading=st.none() | st.integers(0, 4000),
    before=st.none()
    | st.builds(
        Before,
        start=st.integers(0, 30).map(lambda exchange: 2 * exchange),
        is_cached=st.booleans(),
        reason=st.sampled_from([None, "context", "first_word"]),
    ),
)
def test_whatever_comes(
    lengths: list[int], question: int, budget: int, reading: int | None, before: Before | None
) -> None:
    history = conversation(lengths, question)
    if before is not None and before.start >= len(history) - 1:
        before = None
    try:
        prompt = assembled(history, budget=budget, reading=reading, before=before)
    except QuestionTooLong:
        assert OPENING_TOKENS + question > budget  # refused only where it cannot be helped
        return
    whole = OPENING_TOKENS + sum(part.tokens for part in history)
    assert kept(history, prompt)
    assert prompt.tokens <= budget
    assert history[prompt.start].message.role == "user"  # whole exchanges
    assert (prompt.left_out is None) == (prompt.start == 0)
    if whole <= budget and reading is None and (before is None or not before.is_cached):
        assert prompt.start == 0  # nothing is left out without need
    if prompt.left_out is not None:
        assert prompt.left_out.messages == prompt.start  # and never in silence

"""Fitting a conversation into the model's window.

The order is what the engine's prefix cache wants: the system text with its examples, which never change, then the
history from oldest to newest, then the question. When not everything fits, whole exchanges are left out from the
oldest on.

Where the cut falls decides how the product feels: reading is the slow part, and if each turn dropped just one more
exchange, the text behind the system message would begin differently every time and be read anew every time. So
cuts lie on marks, a good part of a window apart, counted from the beginning of the history: a cut stays
where it is for many turns, and the engine goes on reading from where it stopped.

Counting tokens is a call to the engine. Lengths are estimated here first and only whole candidates are counted:
one count when everything fits, two or three when not, whatever the number of messages.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from chatplatform.common.errors import InvalidInput
from chatplatform.inference.token_estimate import estimate_tokens
from chatplatform.privacy.prompt import PromptMessage
from chatplatform.prompts.text_format import opening_messages

Count = Callable[[Sequence[PromptMessage]], Awaitable[int]]

CUTS_A_WINDOW = 2
GUESSES = 3


class QuestionTooLong(InvalidInput):
    """The question does not fit beside the system text, even without any history. Counts in tokens."""

    def __init__(self, *, prompt_tokens: int, budget_tokens: int) -> None:
        super().__init__(
            "question_too_long", _("This message is too long for the model. Shorten or split it.")
        )
        self.prompt_tokens = prompt_tokens
        self.budget_tokens = budget_tokens


@dataclass(frozen=True, slots=True)
class AssembledPrompt:
    """`messages` count `prompt_tokens`; `left_out` says how many messages of the history are not among them."""

    messages: tuple[PromptMessage, ...]
    prompt_tokens: int
    left_out: int


async def assemble(
    system_text: str,
    history: Sequence[PromptMessage],
    *,
    context_tokens: int,
    reserve_tokens: int,
    count: Count,
) -> AssembledPrompt:
    """The prompt for the last exchange of `history`, with as much of what was before as fits.

    `system_text` is a prompt's text and may hold examples (text_format.py).
    `history` runs from oldest to newest and ends with the question, or with the question and the beginning of
    its answer. `reserve_tokens` of the window are kept free for the answer. `count` tells the tokens of messages
    as the model will read them.

    Raises QuestionTooLong when system text and last exchange alone do not fit; ValueError for an empty history.
    """
    if not history:
        raise ValueError("the history ends with the question: it cannot be empty")
    budget = context_tokens - reserve_tokens
    candidates = _Candidates(system_text, history, step_tokens=_step(budget), count=count)
    most = await _first_that_fits(candidates, budget)
    return AssembledPrompt(
        candidates.messages(most), await candidates.tokens(most), candidates.left_out(most)
    )


def _step(budget: int) -> int:
    """Distance of the marks: a power of two, so that a window of nearly the same size has the same marks."""
    return 1 << max(0, (max(0, budget) // CUTS_A_WINDOW).bit_length() - 1)


async def _first_that_fits(candidates: _Candidates, budget: int) -> int:
    """Index of the longest candidate within `budget`: guessed by estimate, proved by counting."""
    low, high = 0, candidates.last  # shorter than `low` is too long; `high` fits once it was counted
    guess = candidates.estimated_first(budget)
    for counts in itertools.count(1):
        tokens = await candidates.tokens(guess)
        if tokens <= budget:
            high = guess
        elif guess == candidates.last:
            raise QuestionTooLong(prompt_tokens=tokens, budget_tokens=budget)
        else:
            low = guess + 1
        if low == high and candidates.is_counted(high):
            break
        top = high - 1 if candidates.is_counted(high) else high
        if counts < GUESSES:  # the count tells how far off the estimate is for this text
            better = candidates.estimated_first(budget * candidates.estimate(guess) / max(1, tokens))
            guess = min(max(better, low), top)
        else:
            guess = (low + top) // 2
    return high


class _Candidates:
    """The prompts that may be sent, the longest first: each begins its history at a later mark than the one before.

    The last one holds nothing but the opening and the last exchange.
    """

    def __init__(
        self, system_text: str, history: Sequence[PromptMessage], *, step_tokens: int, count: Count
    ) -> None:
        self._opening = opening_messages(system_text)
        self._history = tuple(history)
        self._count = count
        self._counted: dict[int, int] = {}
        lengths = [estimate_tokens([message]) for message in self._history]
        self._before = [0, *itertools.accumulate(lengths)]
        self._opening_estimate = estimate_tokens(self._opening)
        self._starts = self._marks(step_tokens)

    def _marks(self, step_tokens: int) -> list[int]:
        """Indices at which history may begin. They depend on what is before them only, so that they stay."""
        exchanges = [i for i, message in enumerate(self._history) if message.role == "user" or i == 0]
        starts, mark = [0], step_tokens
        for start in exchanges[1:]:
            if self._before[start] >= mark:
                starts.append(start)
                mark = self._before[start] + step_tokens
        if starts[-1] != exchanges[-1]:
            starts.append(exchanges[-1])
        return starts

    @property
    def last(self) -> int:
        return len(self._starts) - 1

    def messages(self, index: int) -> tuple[PromptMessage, ...]:
        return (*self._opening, *self._history[self._starts[index] :])

    def left_out(self, index: int) -> int:
        return self._starts[index]

    def estimate(self, index: int) -> int:
        return self._opening_estimate + self._before[-1] - self._before[self._starts[index]]

    def estimated_first(self, budget: float) -> int:
        """The longest candidate whose estimate is within `budget`, else the last."""
        return next((i for i in range(self.last) if self.estimate(i) <= budget), self.last)

    def is_counted(self, index: int) -> bool:
        return index in self._counted

    async def tokens(self, index: int) -> int:
        """Counted once, then remembered."""
        if index not in self._counted:
            self._counted[index] = await self._count(self.messages(index))
        return self._counted[index]

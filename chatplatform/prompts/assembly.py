"""Fitting a conversation into what a model can read, and can read in time.

The order is what the engine's prefix cache wants: the system text with its examples, which never change, then what
features put before the history, the history from oldest to newest, then the question. When not everything fits, whole
exchanges are left out from the oldest on. Every character of the prompt has an origin (parts.py).

Reading is the slow part, and what an engine has read of a conversation it need not read again as long as the text
begins the same. So leaving something out costs a new reading of all that stays. Two rules follow. A cut stays where it
is for as long as what is behind it fits: while the engine still has the conversation, each turn costs its question
only. And when a cut has to move, it moves far, to half of what fits, so that it can stay for many turns again.

The wished time to the first word counts where much would have to be read at once: in a conversation that the engine
has forgotten meanwhile. It never costs the exchange right before the question, without which few questions make sense.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from django.utils.translation import gettext_lazy as _

from chatplatform.common.errors import InvalidInput
from chatplatform.privacy.prompt import LeftOut, LeftOutReason, PromptMessage
from chatplatform.prompts.parts import BETWEEN, Origin, Part, PlacedPart


class QuestionTooLong(InvalidInput):
    """The question does not fit beside the system text, even without any history. Counts in tokens."""

    def __init__(self, *, prompt_tokens: int, budget_tokens: int) -> None:
        super().__init__(
            "question_too_long", _("This message is too long for the model. Shorten or split it.")
        )
        self.prompt_tokens = prompt_tokens
        self.budget_tokens = budget_tokens


@dataclass(frozen=True, slots=True)
class Counted:
    """A message with its length in tokens, template included. `parts` go in front of what it says; `ref` names it."""

    message: PromptMessage
    tokens: int
    ref: str = ""
    parts: tuple[Part, ...] = ()

    @property
    def all_tokens(self) -> int:
        return self.tokens + _sum(self.parts)


@dataclass(frozen=True, slots=True)
class Before:
    """The prompt of the turn before, of the same conversation.

    It began at history's index `start`, for the reason that `left_out` names. `is_cached`: the engine presumably still
    has all of it, and the answer. `tokens` is how long both are, 0 where that is not known exactly.
    """

    start: int
    is_cached: bool
    tokens: int = 0
    reason: LeftOutReason | None = None


@dataclass(frozen=True, slots=True)
class AssembledPrompt:
    """`messages` count `tokens`; the first `platform_messages` are the platform's own. History begins at `start`.

    `parts` say of every character of the messages where it comes from, in order.
    """

    messages: tuple[PromptMessage, ...]
    tokens: int
    start: int
    left_out: LeftOut | None
    platform_messages: int
    parts: tuple[PlacedPart, ...] = ()


def assemble(
    opening: Sequence[Counted],
    history: Sequence[Counted],
    *,
    budget_tokens: int,
    reading_tokens: int | None = None,
    before: Before | None = None,
    context: Sequence[Part] = (),
) -> AssembledPrompt:
    """The prompt for the question that `history` ends with, with as much of what was before as fits.

    `opening` is the platform's own text and is never left out; nor is `context`, which goes in front of the first
    message of the history that stays. The parts of a message are left out with it. `reading_tokens` is how much can
    be read in the wished time; None is no wish. Raises QuestionTooLong when what is never left out and the question
    do not fit; ValueError for an empty history.
    """
    if not history:
        raise ValueError("the history ends with the question: it cannot be empty")
    fitting = _Fitting(opening, history, budget_tokens, reading_tokens, before, _sum(context))
    start, reason = fitting.choose()
    said = list(history[start:])
    if context:
        if said[0].message.role == "user":
            said[0] = replace(said[0], parts=(*context, *said[0].parts))
        else:  # an answer whose question is gone: nothing can be put in its mouth
            said.insert(0, Counted(PromptMessage("user", ""), 0, parts=tuple(context)))
    messages: list[PromptMessage] = []
    placed: list[PlacedPart] = []
    for part in opening:
        placed.append(PlacedPart("system", len(messages), len(part.message.content), part.tokens, part.ref))
        messages.append(part.message)
    for part in said:
        placed += _placed(part, len(messages), is_question=part is said[-1])
        messages.append(_with_parts(part))
    return AssembledPrompt(
        messages=tuple(messages),
        tokens=fitting.total(start),
        start=start,
        left_out=LeftOut(start, reason) if reason is not None else None,
        platform_messages=len(opening),
        parts=tuple(placed),
    )


def _with_parts(said: Counted) -> PromptMessage:
    texts = [part.text for part in said.parts]
    if not texts:
        return said.message
    if said.message.content:
        texts.append(said.message.content)
    return replace(said.message, content=BETWEEN.join(texts))


def _placed(said: Counted, message: int, *, is_question: bool) -> list[PlacedPart]:
    has_words = bool(said.message.content) or not said.parts
    last = len(said.parts) - (not has_words)
    placed = [
        PlacedPart(
            part.origin,
            message,
            len(part.text) + (len(BETWEEN) if index < last else 0),
            (part.tokens or 0) + (0 if index < last else said.tokens),
            part.ref,
        )
        for index, part in enumerate(said.parts)
    ]
    if has_words:
        origin: Origin = "question" if is_question else "history"
        placed.append(PlacedPart(origin, message, len(said.message.content), said.tokens, said.ref))
    return placed


def _sum(parts: Sequence[Part]) -> int:
    return sum(part.tokens or 0 for part in parts)


class _Fitting:
    """Where the history may begin, and what each beginning costs."""

    def __init__(
        self,
        opening: Sequence[Counted],
        history: Sequence[Counted],
        budget: int,
        reading: int | None,
        before: Before | None,
        context: int,
    ) -> None:
        self._opening = sum(part.tokens for part in opening)
        self._context = context
        self._sums = [0, *accumulate(part.all_tokens for part in history)]
        self._question = history[-1].all_tokens
        self._budget = budget
        self._reading = reading
        self._before = before
        exchanges = [i for i, part in enumerate(history) if part.message.role == "user" and i]
        self._starts = [0, *exchanges]
        self._last = self._starts[-1]
        # never left out for the wished time
        self._near = self._starts[-2] if len(self._starts) > 1 else self._last

    def total(self, start: int) -> int:
        """Tokens of the prompt whose history begins there; exact where the engine counted most of it before."""
        before = self._before
        if before is not None and before.tokens and start == before.start:
            return before.tokens + self._question
        return self._opening + self._context + self._sums[-1] - self._sums[start]

    def choose(self) -> tuple[int, LeftOutReason | None]:
        """The best beginning, with the reason if it is not the first message. Raises QuestionTooLong."""
        if self.total(self._last) > self._budget:
            raise QuestionTooLong(prompt_tokens=self.total(self._last), budget_tokens=self._budget)
        before = self._before
        if before is not None and before.is_cached and self._fits(before.start):
            return before.start, self._reason_to_keep(before)
        if self._fits(0) and self._is_quick(0):
            return 0, None
        if before is not None and self._fits(before.start) and self._is_quick(before.start):
            return before.start, self._reason_to_keep(before)
        start = self._after_a_large_step()
        return start, self._reason() if start else None

    def _after_a_large_step(self) -> int:
        limits = [self._budget if self._fits(0) else self._budget // 2]
        if self._reading is not None:
            limits.append(self._opening + self._reading)
        start = next((start for start in self._starts if self.total(start) <= min(limits)), self._last)
        return self._near if start > self._near and self._fits(self._near) else start

    def _fits(self, start: int) -> bool:
        return self.total(start) <= self._budget

    def _is_quick(self, start: int) -> bool:
        return self._reading is None or start >= self._near or self._to_read(start) <= self._reading

    def _to_read(self, start: int) -> int:
        """Tokens that the engine does not have yet. It has the opening: that is everybody's."""
        if self._before is not None and self._before.is_cached and start == self._before.start:
            return self._question
        return self.total(start) - self._opening

    def _reason_to_keep(self, before: Before) -> LeftOutReason | None:
        return (before.reason or self._reason()) if before.start else None

    def _reason(self) -> LeftOutReason:
        """What holds the cut: the narrower of the two limits."""
        if self._fits(0):
            return "first_word"
        in_time = self._opening + (self._budget if self._reading is None else self._reading)
        return "first_word" if in_time < self._budget // 2 else "context"

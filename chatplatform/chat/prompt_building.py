"""What a turn asks the model: the released prompt and as much of the conversation as fits, and fits in time.

Lengths are the model's own tokens. They are counted once, in one request for all messages whose length is not known,
and kept beside each message; where an estimate, which is rather too high, leaves no doubt, not even that.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.conf import settings

from chatplatform.chat import limits
from chatplatform.chat.turns import LastPrompt, PastMessage, TurnWork
from chatplatform.common.clock import now
from chatplatform.inference import gateway
from chatplatform.inference.errors import ContextOverflow
from chatplatform.inference.gateway import EngineModel
from chatplatform.privacy.prompt import LeftOut, LeftOutReason, Prompt, PromptMessage
from chatplatform.prompts.assembly import (
    AssembledPrompt,
    Before,
    Counted,
    QuestionTooLong,
    assemble,
)
from chatplatform.prompts.lengths import counted_tokens, estimated_tokens
from chatplatform.prompts.text_format import opening_messages

CHARS_A_TOKEN = 4
# what is read in a second where an engine of ours has not measured it yet
READING_TOKENS_S = 80.0
# an engine keeps an unused conversation for a quarter of an hour; a little less is counted on
CACHED_FOR = timedelta(minutes=12)
OPENINGS_KEPT = 256
REASONS: dict[str, LeftOutReason] = {"context": "context", "first_word": "first_word"}


@dataclass(frozen=True, slots=True)
class BuiltPrompt:
    """`tokens` is how long it was counted to be, `answer_tokens` what is kept free for the answer."""

    prompt: Prompt
    tokens: int
    answer_tokens: int
    history_from: int


@dataclass(slots=True)
class PromptBuilder:
    """Builds the prompts of one turn. `lengths` are what was counted on the way, for the model `lengths_of`."""

    lengths: dict[UUID, int] = field(default_factory=dict)
    lengths_of: str = ""
    retries: int = 0
    _window: int = 0
    _built: BuiltPrompt | None = None

    async def build(self, work: TurnWork) -> BuiltPrompt:
        """The prompt for the turn as it stands. Raises QuestionTooLong and what the gateway raises."""
        model = await gateway.served_model(work.prompt.model)
        window = self._window or window_of(model)
        reserve = answer_reserve(window)
        budget = window - reserve - len(work.text) // CHARS_A_TOKEN
        reading = None if work.text else reading_tokens(model, work.prompt.first_word_s)
        assembled = await self._assembled(work, model, budget, reading)
        messages = assembled.messages
        if work.text:
            messages = (*messages, PromptMessage("assistant", work.text))
        left_out = assembled.left_out
        if work.left_out:
            reason: LeftOutReason = left_out.reason if left_out else "long_chat"
            left_out = LeftOut(work.left_out + assembled.start, reason)
        self._built = BuiltPrompt(
            Prompt(
                messages,
                continue_final=bool(work.text),
                platform_messages=assembled.platform_messages,
                left_out=left_out,
            ),
            tokens=assembled.tokens,
            answer_tokens=reserve,
            history_from=work.history[assembled.start].number,
        )
        return self._built

    def shrink(self, error: ContextOverflow) -> bool:
        """Build smaller from now on, because the engine refused. False the second time: that would not help."""
        if self.retries or self._built is None:
            return False
        self.retries = 1
        window = self._built.tokens + self._built.answer_tokens
        if error.context_tokens:
            window = error.context_tokens
        if error.prompt_tokens > self._built.tokens:  # it counts more than we do
            window = int(window * self._built.tokens / error.prompt_tokens)
        elif window >= self._built.tokens + self._built.answer_tokens:
            window = window * 3 // 4
        self._window = window
        return True

    async def _assembled(
        self, work: TurnWork, model: EngineModel | None, budget: int, reading: int | None
    ) -> AssembledPrompt:
        opening = opening_messages(work.prompt.system_text)
        sha256 = model.sha256 if model is not None else ""
        before = self._before(work, sha256)

        def fitted() -> AssembledPrompt:
            return assemble(
                _counted(opening, _OPENINGS.get((sha256, work.prompt.sha256))),
                [Counted(past.message, self._length(past, sha256)) for past in work.history],
                budget_tokens=budget,
                reading_tokens=reading,
                before=before,
            )

        with suppress(QuestionTooLong):
            estimated = fitted()
            stays = estimated.start in (0, before.start if before is not None else 0)
            if stays and estimated.tokens <= budget // 2:
                return estimated
        await self._count(work, opening, sha256)
        return fitted()

    def _length(self, past: PastMessage, sha256: str) -> int:
        """Tokens of the message as far as is known, else an estimate."""
        if past.tokens is not None and past.tokens_of == sha256:
            return past.tokens
        return self.lengths.get(past.id) or estimated_tokens(past.message)

    async def _count(self, work: TurnWork, opening: Sequence[PromptMessage], sha256: str) -> None:
        """Let the engine count what is not known, if it is one of ours: at most once in a turn."""
        if not sha256 or self.lengths_of == sha256:
            return
        key = (sha256, work.prompt.sha256)
        uncounted = [past for past in work.history if past.tokens is None or past.tokens_of != sha256]
        texts = [*(opening if key not in _OPENINGS else ()), *(past.message for past in uncounted)]
        counts = await counted_tokens(texts, model=work.prompt.model)
        if counts is None:
            return
        if key not in _OPENINGS:
            while len(_OPENINGS) >= OPENINGS_KEPT:
                _OPENINGS.pop(next(iter(_OPENINGS)), None)
            _OPENINGS[key] = tuple(counts[: len(opening)])
        of_history = counts[len(texts) - len(uncounted) :]
        self.lengths = dict(zip((past.id for past in uncounted), of_history, strict=True))
        self.lengths_of = sha256

    def _before(self, work: TurnWork, sha256: str) -> Before | None:
        """The prompt that came before this one: an earlier one of this turn, or the last turn's."""
        last = work.last
        history_from = self._built.history_from if self._built is not None else None
        if history_from is None:
            history_from = last.history_from if last is not None else None
        start = next((i for i, past in enumerate(work.history) if past.number == history_from), None)
        if start is None:
            return None
        if self._built is not None:
            reason = self._built.prompt.left_out.reason if self._built.prompt.left_out else None
            return Before(start, is_cached=not self.retries, reason=reason)
        assert last is not None
        is_cached = _is_cached(last, sha256, work.prompt.sha256)
        tokens = last.tokens if is_cached and sha256 else 0
        return Before(start, is_cached, tokens=tokens, reason=REASONS.get(last.reason))


# Lengths of the openings of prompts, by hash of the model and hash of the prompt.
_OPENINGS: dict[tuple[str, str], tuple[int, ...]] = {}


def window_of(model: EngineModel | None) -> int:
    """Tokens that prompt and answer may have together."""
    asked: int = settings.ENVIRONMENT.context_tokens
    served = model.context_tokens if model is not None else None
    return min(asked, served) if served else asked


def answer_reserve(window: int) -> int:
    """What of the window is kept free for the answer."""
    return min(limits.ANSWER_TOKENS, window // 4)


def reading_tokens(model: EngineModel | None, own_wish_s: float | None) -> int | None:
    """How much can be read in the wished time to the first word; None without a wish.

    A server of somebody else's that does not tell its speed is not guessed at.
    """
    wish_s: float = settings.ENVIRONMENT.first_word_s if own_wish_s is None else own_wish_s
    if not wish_s or model is None or not (model.reading_tokens_s or model.sha256):
        return None
    return int(wish_s * (model.reading_tokens_s or READING_TOKENS_S))


def _counted(opening: Sequence[PromptMessage], lengths: Sequence[int] | None) -> list[Counted]:
    known = lengths or [estimated_tokens(message) for message in opening]
    return [Counted(message, tokens) for message, tokens in zip(opening, known, strict=True)]


def _is_cached(last: LastPrompt, sha256: str, prompt_sha256: str) -> bool:
    """Whether the engine presumably still has what it read and wrote for the last turn."""
    is_same = (last.model_sha256, last.prompt_sha256) == (sha256, prompt_sha256)
    return is_same and now() - last.finished_at < CACHED_FOR

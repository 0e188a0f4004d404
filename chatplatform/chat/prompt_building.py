"""What a turn asks the model: the released prompt and as much of the conversation as fits, and fits in time.

What does not is summarised in the background, before it has to go if possible; then the summary stands in its place.
A summary that the engine has read is kept for as long as what follows it fits: another one would cost a new reading.

Lengths are the model's own tokens. They are counted once, in one request for all messages whose length is not known,
and kept beside each message; where an estimate, which is rather too high, leaves no doubt, not even that.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import blake2b
from typing import TypeVar
from uuid import UUID

from django.conf import settings

from chatplatform.chat import limits
from chatplatform.chat.summaries.queries import PastSummary
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
from chatplatform.prompts.parts import Origin, Part, PartsRequest, PlacedPart, in_order, parts_for
from chatplatform.prompts.text_format import opening_messages

K = TypeVar("K")
V = TypeVar("V")

CHARS_A_TOKEN = 4
# what is read in a second where an engine of ours has not measured it yet
READING_TOKENS_S = 80.0
# an engine keeps an unused conversation for a quarter of an hour; a little less is counted on
CACHED_FOR = timedelta(minutes=12)
OPENINGS_KEPT = 256
PARTS_KEPT = 1024
# of what can be read, at once or in the wished time: so much is full enough to summarise the older half
FULL_ENOUGH = 0.6
REASONS: dict[str, LeftOutReason] = {"context": "context", "first_word": "first_word"}


@dataclass(frozen=True, slots=True)
class BuiltPrompt:
    """`tokens` is how long it was counted to be, `answer_tokens` what is kept free for the answer, `window` what both
    may have together. `parts` say of every character where it comes from; `context` names what stands before the
    history."""

    prompt: Prompt
    tokens: int
    answer_tokens: int
    window: int
    history_from: int
    parts: tuple[PlacedPart, ...]
    context: str
    wants_summary: bool = False


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far back a prompt may begin: behind what `summary` tells of. `begin` is an index of the history, and
    `skipped` messages before it are in no summary."""

    summary: PastSummary | None
    begin: int
    skipped: int

    @property
    def parts(self) -> list[Part]:
        return [self.summary.part] if self.summary is not None else []


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A prompt that fits, with the reach that was chosen for it; its history begins at index `start`."""

    assembled: AssembledPrompt
    reach: _Reach

    @property
    def start(self) -> int:
        return self.reach.begin + self.assembled.start

    @property
    def left_out(self) -> int:
        return self.reach.skipped + self.assembled.start


@dataclass(slots=True)
class PromptBuilder:
    """Builds the prompts of one turn. `lengths` are what was counted on the way, for the model `lengths_of`."""

    lengths: dict[UUID, int] = field(default_factory=dict)
    lengths_of: str = ""
    retries: int = 0
    _window: int = 0
    _built: BuiltPrompt | None = None
    _parts: list[Part] | None = None

    async def build(self, work: TurnWork) -> BuiltPrompt:
        """The prompt for the turn as it stands. Raises QuestionTooLong and what the gateway raises."""
        model = await gateway.served_model(work.prompt.model)
        window = self._window or window_of(model)
        reserve = answer_reserve(window)
        has_begun = work.characters > 0
        budget = window - reserve - work.characters // CHARS_A_TOKEN
        reading = None if has_begun else reading_tokens(model, work.prompt.first_word_s)
        parts = await self._all_parts(work, budget, reading)
        fitted = await self._fitted(work, parts, model, budget, reading)
        assembled = fitted.assembled
        messages, placed = assembled.messages, assembled.parts
        if has_begun:
            so_far: list[PlacedPart] = []
            begun: tuple[tuple[Origin, str], ...] = (("thinking", work.thinking), ("answer", work.text))
            for origin, text in begun:
                if text:
                    length = len(text) // CHARS_A_TOKEN
                    so_far.append(PlacedPart(origin, len(messages), len(text), length, str(work.answer_id)))
            messages = (*messages, PromptMessage("assistant", work.text, thinking=work.thinking))
            placed = (*placed, *so_far)
        left_out = assembled.left_out
        if fitted.left_out:
            reason: LeftOutReason = left_out.reason if left_out else "long_chat"
            left_out = LeftOut(fitted.left_out, reason)
        self._built = BuiltPrompt(
            Prompt(
                messages,
                continue_final=has_begun,
                platform_messages=assembled.platform_messages,
                left_out=left_out,
            ),
            tokens=assembled.tokens,
            answer_tokens=reserve,
            window=window,
            history_from=work.history[fitted.start].number,
            parts=placed,
            context=_named([*parts, *fitted.reach.parts]),
            wants_summary=work.prompt.summaries
            and (left_out is not None or _is_full(assembled, budget, reading)),
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
        self._parts = None
        return True

    async def _all_parts(self, work: TurnWork, budget: int, reading: int | None) -> list[Part]:
        """What features put in, asked for once for each size of the window."""
        if self._parts is None:
            request = PartsRequest(
                workspace_id=work.workspace_id,
                conversation_id=work.conversation_id,
                owner_id=work.owner_id,
                turn_id=work.id,
                assistant_id=work.prompt.assistant_id,
                question_id=work.history[-1].id,
                question=work.history[-1].message.content,
                earlier_questions=work.earlier_questions,
                message_ids=tuple(past.id for past in work.history),
                room_tokens=budget,
                reading_tokens=reading,
                model=work.prompt.model,
            )
            self._parts = await parts_for(request)
        return self._parts

    async def _fitted(
        self,
        work: TurnWork,
        parts: Sequence[Part],
        model: EngineModel | None,
        budget: int,
        reading: int | None,
    ) -> _Fitted:
        opening = opening_messages(work.prompt.system_text)
        sha256 = model.sha256 if model is not None else ""
        reaches = self._reaches(work)

        def assembled(reach: _Reach) -> AssembledPrompt:
            counted = [_with_length(part, sha256) for part in (*parts, *reach.parts)]
            history = work.history[reach.begin :]
            return assemble(
                _counted(opening, _OPENINGS.get((sha256, work.prompt.sha256)), str(work.prompt.version_id)),
                [
                    Counted(
                        past.message,
                        self._length(past, sha256),
                        ref=str(past.id),
                        parts=tuple(part for part in counted if part.message_id == past.id),
                    )
                    for past in history
                ],
                budget_tokens=budget,
                reading_tokens=reading,
                before=self._before(work, history, sha256, _named([*parts, *reach.parts])),
                context=in_order(part for part in counted if part.message_id is None),
            )

        with suppress(QuestionTooLong):
            first = reaches[0]
            estimated = assembled(first)
            before = self._before(work, work.history[first.begin :], sha256, _named([*parts, *first.parts]))
            stays = estimated.start in (0, before.start if before is not None else 0)
            if stays and estimated.tokens <= budget // 2:
                fitted = _Fitted(estimated, first)
                if len(reaches) == 1 or not fitted.left_out:
                    return fitted
        await self._count(work, opening, [*parts, *(part for each in reaches for part in each.parts)], sha256)
        found: _Fitted | None = None
        refusal: QuestionTooLong | None = None
        for reach in reaches:
            try:
                found = _Fitted(assembled(reach), reach)
            except QuestionTooLong as error:
                refusal = error  # beside a summary; without one it may fit
                continue
            if not found.left_out:
                break
        if found is None:
            raise refusal or ValueError("there is always one reach")
        return found

    def _reaches(self, work: TurnWork) -> list[_Reach]:
        """How far back the prompt may begin: where the prompt before did, whose beginning the engine has read, and
        behind the newest summary."""
        context = self._built.context if self._built is not None else work.last.context if work.last else ""
        reaches = [_Reach(None, 0, work.left_out)]
        for summary in work.summaries:
            begin = next(i for i, past in enumerate(work.history) if past.number > summary.last_number)
            # what is older than the history looks back to is in the summary, or in none
            beyond = max(0, work.left_out - summary.skipped - summary.messages) if not begin else 0
            reach = _Reach(summary, begin, summary.skipped + beyond)
            if _named(reach.parts) in context.split(" "):
                reaches.clear()
            del reaches[1:]
            reaches.append(reach)
        return reaches

    def _length(self, past: PastMessage, sha256: str) -> int:
        """Tokens of the message as far as is known, else an estimate."""
        if past.tokens is not None and past.tokens_of == sha256:
            return past.tokens
        return self.lengths.get(past.id) or estimated_tokens(past.message)

    async def _count(
        self, work: TurnWork, opening: Sequence[PromptMessage], parts: Sequence[Part], sha256: str
    ) -> None:
        """Let the engine count what is not known, if it is one of ours: at most once in a turn."""
        if not sha256 or self.lengths_of == sha256:
            return
        key = (sha256, work.prompt.sha256)
        uncounted = [past for past in work.history if past.tokens is None or past.tokens_of != sha256]
        unknown = [part for part in parts if part.tokens is None and _part_key(part, sha256) not in _PARTS]
        texts = [
            *(opening if key not in _OPENINGS else ()),
            *(PromptMessage("user", part.text) for part in unknown),
            *(past.message for past in uncounted),
        ]
        counts = await counted_tokens(texts, model=work.prompt.model)
        if counts is None:
            return
        if key not in _OPENINGS:
            _keep(_OPENINGS, key, tuple(counts[: len(opening)]), OPENINGS_KEPT)
        of_history = counts[len(texts) - len(uncounted) :]
        of_parts = counts[len(texts) - len(uncounted) - len(unknown) : len(texts) - len(uncounted)]
        for part, tokens in zip(unknown, of_parts, strict=True):
            _keep(_PARTS, _part_key(part, sha256), tokens, PARTS_KEPT)
        self.lengths = dict(zip((past.id for past in uncounted), of_history, strict=True))
        self.lengths_of = sha256

    def _before(
        self, work: TurnWork, history: Sequence[PastMessage], sha256: str, context: str
    ) -> Before | None:
        """The prompt that came before this one: an earlier one of this turn, or the last turn's. `history` is what this
        one may hold."""
        last = work.last
        history_from = self._built.history_from if self._built is not None else None
        if history_from is None:
            history_from = last.history_from if last is not None else None
        start = next((i for i, past in enumerate(history) if past.number == history_from), None)
        if start is None:
            return None
        if self._built is not None:
            reason = self._built.prompt.left_out.reason if self._built.prompt.left_out else None
            is_same = self._built.context == context
            return Before(start, is_cached=is_same and not self.retries, reason=reason)
        assert last is not None
        is_cached = last.context == context and _is_cached(last, sha256, work.prompt.sha256)
        tokens = last.tokens if is_cached and sha256 else 0
        return Before(start, is_cached, tokens=tokens, reason=REASONS.get(last.reason))


# Lengths of the openings of prompts, by hash of the model and hash of the prompt.
_OPENINGS: dict[tuple[str, str], tuple[int, ...]] = {}
# Lengths of what features put in, by hash of the model and hash of the text.
_PARTS: dict[tuple[str, bytes], int] = {}


def _keep(lengths: dict[K, V], key: K, value: V, most: int) -> None:
    while len(lengths) >= most:
        lengths.pop(next(iter(lengths)), None)
    lengths[key] = value


def _part_key(part: Part, sha256: str) -> tuple[str, bytes]:
    return sha256, blake2b(part.text.encode(errors="surrogatepass")).digest()


def _with_length(part: Part, sha256: str) -> Part:
    if part.tokens is not None:
        return part
    known = _PARTS.get(_part_key(part, sha256))
    return replace(part, tokens=known or estimated_tokens(PromptMessage("user", part.text)))


def _named(parts: Sequence[Part]) -> str:
    """What stands before the history, by name: while that is the same, so is what the engine has read of it."""
    return " ".join(f"{part.origin}:{part.ref}" for part in in_order(parts) if part.message_id is None)


def _is_full(assembled: AssembledPrompt, budget: int, reading: int | None) -> bool:
    """Whether it is time to summarise, so that it is done before anything has to be left out."""
    said = sum(part.tokens for part in assembled.parts if part.origin != "system")
    room = budget - (assembled.tokens - said)
    return said > FULL_ENOUGH * (room if reading is None else min(room, reading))


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


def _counted(opening: Sequence[PromptMessage], lengths: Sequence[int] | None, ref: str) -> list[Counted]:
    known = lengths or [estimated_tokens(message) for message in opening]
    return [Counted(message, tokens, ref=ref) for message, tokens in zip(opening, known, strict=True)]


def _is_cached(last: LastPrompt, sha256: str, prompt_sha256: str) -> bool:
    """Whether the engine presumably still has what it read and wrote for the last turn."""
    is_same = (last.model_sha256, last.prompt_sha256) == (sha256, prompt_sha256)
    return is_same and now() - last.finished_at < CACHED_FOR

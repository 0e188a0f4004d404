"""What an answer was made of, for its owner. In a workspace scope."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast
from urllib.parse import urlsplit
from uuid import UUID

from django.utils.translation import gettext as _

from chatplatform.audit.queries import EventFilter, event_page
from chatplatform.chat.inside.content import Contents, KeptPart
from chatplatform.chat.inside.models import SentPrompt
from chatplatform.chat.inside.rebuilding import RebuiltPrompt, contents_of_sent, rebuild
from chatplatform.chat.inside.view import (
    ORIGINS,
    AuditEntry,
    CallView,
    InsideView,
    OriginView,
    PartView,
    SourceEntry,
    TimingView,
    WindowView,
)
from chatplatform.chat.knowledge.rows import confidences, looked_up
from chatplatform.chat.models import Turn
from chatplatform.chat.presentation import left_out_of
from chatplatform.chat.protocol import TurnState
from chatplatform.chat.sources.queries import sources_of_turn
from chatplatform.chat.thinking import ThinkingClock
from chatplatform.common.clock import now
from chatplatform.common.errors import NotFound
from chatplatform.inference.models import ModelCall
from chatplatform.privacy.content import ContentErased
from chatplatform.prompts.models import PromptVersion

AUDIT_ENTRIES = 20


def inside_of_turn(person_id: UUID, turn_id: UUID, *, number: int | None = None) -> InsideView:
    """What the turn's request `number` (None: the last) was made of. Raises NotFound for another person's turn, or a
    request that there was not."""
    turn = own_turn(person_id, turn_id)
    sent = list(SentPrompt.objects.filter(turn=turn).order_by("number"))
    row = _chosen(sent, number)
    contents, is_erased = _contents(row, turn)
    version = _version(turn, contents)
    parts = _parts(row, contents) if row is not None and contents is not None else ()
    return InsideView(
        turn_id=turn.id,
        conversation_id=turn.conversation_id,
        question_id=turn.question_id,
        answer_id=turn.answer_id,
        state=cast(TurnState, turn.state),
        request=row.number if row is not None else 0,
        requests=len(sent),
        parts=parts,
        origins=_by_origin(parts),
        window=window_of_sent(row) if row is not None else None,
        is_counted=row is not None and row.prompt_tokens is not None,
        left_out=left_out_of(turn),
        history_from=turn.history_from,
        sources=_sources(person_id, turn_id),
        timing=_timing(row) if row is not None else None,
        sampling=dict(row.sampling) if row is not None else {},
        asked_model=row.asked_model if row is not None else "",
        model=turn.model or (row.model if row is not None else ""),
        model_sha256=turn.model_sha256,
        prompt_id=version.prompt_id if version is not None else None,
        prompt_version_id=version.id if version is not None else turn.prompt_version_id,
        prompt_name=version.prompt.name if version is not None else "",
        prompt_number=version.number if version is not None else None,
        prompt_sha256=version.sha256 if version is not None else turn.prompt_sha256,
        assistant_id=turn.assistant_id,
        calls=_calls(turn),
        audit=_audit(turn),
        commitment=row.commitment if row is not None else "",
        created_at=turn.created_at,
        finished_at=turn.finished_at,
        is_erased=is_erased,
        looked_up=looked_up(person_id, turn_id),
        thinking_tokens=turn.thinking_tokens,
        thought_s=ThinkingClock(turn.thought_s, turn.thinking_since).thought_s,
    )


def prompt_of_turn(person_id: UUID, turn_id: UUID, *, number: int | None = None) -> RebuiltPrompt | None:
    """The exact text of a request, as far as it can be shown; None where nothing was written down. Raises NotFound as
    above, ContentErased, ContentUnreadable and KeysUnavailable."""
    turn = own_turn(person_id, turn_id)
    row = _chosen(list(SentPrompt.objects.filter(turn=turn).order_by("number")), number)
    return rebuild(row, turn) if row is not None else None


def own_turn(person_id: UUID, turn_id: UUID) -> Turn:
    """Raises NotFound when it does not exist or is another person's."""
    turn = (
        Turn.objects.filter(id=turn_id, owner_id=person_id)
        .select_related("conversation", "question", "answer")
        .first()
    )
    if turn is None:
        raise NotFound("turn_not_found", _("This answer does not exist, or it is not yours."))
    return turn


def window_of_sent(row: SentPrompt) -> WindowView:
    return WindowView(
        tokens=row.window_tokens,
        prompt_tokens=row.prompt_tokens or row.counted_tokens,
        answer_tokens=row.completion_tokens or 0,
        reserved_tokens=row.answer_tokens,
    )


def _chosen(sent: Sequence[SentPrompt], number: int | None) -> SentPrompt | None:
    if number is None:
        return sent[-1] if sent else None
    for row in sent:
        if row.number == number:
            return row
    raise NotFound("request_not_found", _("There was no such request for this answer."))


def _contents(row: SentPrompt | None, turn: Turn) -> tuple[Contents | None, bool]:
    if row is None:
        return None, False
    try:
        return contents_of_sent(row, turn), False
    except ContentErased:
        return None, True


def _version(turn: Turn, contents: Contents | None) -> PromptVersion | None:
    """The prompt's version: the turn says it when it is over, what was sent says it before."""
    refs = [str(turn.prompt_version_id)] if turn.prompt_version_id else []
    if contents is not None:
        refs += [kept.placed.ref for kept in contents.parts if kept.placed.origin == "system"]
    return PromptVersion.objects.filter(id__in=refs[:1]).select_related("prompt").first()


def _sources(person_id: UUID, turn_id: UUID) -> tuple[SourceEntry, ...]:
    try:
        found = sources_of_turn(person_id, turn_id)
    except ContentErased:
        return ()
    sure = confidences(person_id, turn_id) if any(source.kind == "document" for source in found) else {}
    return tuple(
        SourceEntry(
            source.number,
            source.kind,
            source.title,
            round(100 * sure[source.number]) if source.kind == "document" and source.number in sure else None,
        )
        for source in found
    )


def _parts(row: SentPrompt, contents: Contents) -> tuple[PartView, ...]:
    """The parts with what of each was read before: an engine keeps beginnings, so the cached tokens are the first."""
    lengths = _fitted([kept.placed.tokens for kept in contents.parts], row.prompt_tokens)
    cached_left = row.cached_tokens or 0
    found = []
    for kept, tokens in zip(contents.parts, lengths, strict=True):
        cached = min(tokens, cached_left)
        cached_left -= cached
        found.append(_part(kept, contents, tokens, cached))
    rest = (row.prompt_tokens or 0) - sum(lengths)
    if rest > 0:
        found.append(PartView("template", "", len(contents.roles), rest, min(rest, cached_left)))
    return tuple(found)


def _part(kept: KeptPart, contents: Contents, tokens: int, cached: int) -> PartView:
    placed = kept.placed
    return PartView(placed.origin, contents.roles[placed.message], placed.message, tokens, cached, placed.ref)


def _fitted(lengths: Sequence[int], total: int | None) -> list[int]:
    """Where the parts were estimated as longer than the engine counted them all, each is so much shorter."""
    counted = sum(lengths)
    if total is None or counted <= total or not counted:
        return list(lengths)
    shares = [length * total / counted for length in lengths]
    fitted = [int(share) for share in shares]
    by_rest = sorted(range(len(shares)), key=lambda i: fitted[i] - shares[i])
    for i in by_rest[: total - sum(fitted)]:
        fitted[i] += 1
    return fitted


def _by_origin(parts: Sequence[PartView]) -> tuple[OriginView, ...]:
    found = []
    for origin in ORIGINS:
        own = [part for part in parts if part.origin == origin]
        if own:
            tokens = sum(part.tokens for part in own)
            found.append(OriginView(origin, tokens, sum(part.cached_tokens for part in own), len(own)))
    return tuple(found)


def _timing(row: SentPrompt) -> TimingView:
    writing = _between(row.first_word_at, row.ended_at or now())
    return TimingView(
        queue_s=_between(row.sent_at, row.started_at),
        reading_s=_between(row.started_at, row.first_word_at),
        first_word_s=_between(row.sent_at, row.first_word_at),
        writing_s=writing,
        tokens_a_second=(row.completion_tokens / writing if row.completion_tokens and writing else None),
    )


def _between(begin: datetime | None, end: datetime | None) -> float | None:
    if begin is None or end is None:
        return None
    return max(0.0, (end - begin).total_seconds())


def _calls(turn: Turn) -> tuple[CallView, ...]:
    return tuple(
        CallView(
            id=row.id,
            purpose=row.purpose,
            state=row.state,
            error_code=row.error_code,
            destination=row.destination,
            host=urlsplit(row.destination_url).hostname or "",
            is_local=row.is_local,
            model=row.model or row.asked_model,
            opened_at=row.opened_at,
            total_s=row.total_s,
        )
        for row in ModelCall.objects.filter(turn_id=turn.id).order_by("opened_at")
    )


def _audit(turn: Turn) -> tuple[AuditEntry, ...]:
    matching = EventFilter(target_kind="turn", target_id=str(turn.id))
    found = event_page(turn.workspace_id, matching=matching, limit=AUDIT_ENTRIES)
    return tuple(
        AuditEntry(
            event.id, event.code, event.at, event.index, str(event.details.get("prompt_commitment") or "")
        )
        for event in reversed(found)
    )

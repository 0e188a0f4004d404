"""The record of model calls: opened before the first byte leaves, closed after the last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

from django.db import DatabaseError, transaction

from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor, ActorKind
from chatplatform.common.clock import now
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.inference.audit_events import MODEL_CALL_CLOSED, MODEL_CALL_OPENED
from chatplatform.inference.errors import RecordUnavailable
from chatplatform.inference.events import Priority
from chatplatform.inference.models import ModelCall
from chatplatform.privacy.clearance import ClearedPrompt
from chatplatform.usage.services import QuotaExceeded, add_call, admit, note_refusal, person_of

DETAIL_CHARS = 200
SWEEP_ROWS = 500

Ending = Literal["completed", "cancelled", "failed", "abandoned"]


@dataclass(frozen=True, slots=True)
class CallResult:
    """How a call ended, as far as is known. Counts in tokens, times in seconds."""

    state: Ending
    error_code: str = ""
    model: str = ""
    model_sha256: str = ""
    finish_reason: str = ""
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    first_token_s: float | None = None
    total_s: float | None = None


def open_call(
    cleared: ClearedPrompt,
    *,
    kind: Literal["chat", "embedding", "reranking"],
    model: str,
    priority: Priority,
    turn_id: UUID | None,
) -> UUID:
    """Commit the row of a call that is about to be made, with its audit event; the row's id.

    Raises RecordUnavailable or AuditUnavailable when that cannot be written: then the call must not be made. Raises
    QuotaExceeded where a person's limit is used up; a turn passed its limits when it was accepted, and is not cut.
    """
    destination = cleared.destination
    left_out = cleared.prompt.left_out
    try:
        if turn_id is None:
            _admit(cleared)
        with workspace_scope(cleared.workspace_id), transaction.atomic():
            call = ModelCall.objects.create(
                workspace_id=cleared.workspace_id,
                kind=kind,
                turn_id=turn_id,
                actor_kind=cleared.actor.kind.value,
                actor_id=cleared.actor.id,
                subject_kind=cleared.subject.kind,
                subject_id=cleared.subject.id,
                purpose=cleared.purpose,
                priority=priority,
                destination=destination.name,
                destination_url=_without_credentials(destination.url),
                is_local=destination.is_local,
                asked_model=model,
                messages_left_out=left_out.messages if left_out else 0,
                left_out_reason=left_out.reason if left_out else "",
            )
            record(
                MODEL_CALL_OPENED,
                actor=cleared.actor,
                workspace_id=cleared.workspace_id,
                target=Target("model_call", str(call.id)),
                details={
                    "kind": kind,
                    "purpose": cleared.purpose,
                    "model": model[:DETAIL_CHARS],
                    "destination": destination.name[:DETAIL_CHARS],
                    "is_local": destination.is_local,
                    "turn_id": str(turn_id) if turn_id else None,
                    "messages_left_out": left_out.messages if left_out else 0,
                },
            )
    except DatabaseError as error:
        raise RecordUnavailable from error
    return call.id


def _admit(cleared: ClearedPrompt) -> None:
    person_id = person_of(cleared.actor)
    if person_id is None:
        return
    with workspace_scope(cleared.workspace_id):
        try:
            admit(user_id=person_id, token_id=cleared.actor.token_id)
        except QuotaExceeded as refusal:
            note_refusal(refusal, actor=cleared.actor)
            raise


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def close_call(call_id: UUID, *, workspace_id: UUID, actor: Actor, result: CallResult) -> bool:
    """Write how the call ended, with its audit event, and count its tokens. False if it was closed already: then
    nothing changes."""
    with workspace_scope(workspace_id), transaction.atomic():
        changed = ModelCall.objects.filter(id=call_id, state=ModelCall.State.OPEN).update(
            state=result.state,
            error_code=result.error_code,
            model=result.model,
            model_sha256=result.model_sha256,
            finish_reason=result.finish_reason,
            prompt_tokens=result.prompt_tokens,
            cached_tokens=result.cached_tokens,
            completion_tokens=result.completion_tokens,
            first_token_s=result.first_token_s,
            total_s=result.total_s,
            closed_at=now(),
        )
        if not changed:
            return False
        record(
            MODEL_CALL_CLOSED,
            actor=actor,
            workspace_id=workspace_id,
            target=Target("model_call", str(call_id)),
            details={
                "state": result.state,
                "error_code": result.error_code,
                "model": result.model[:DETAIL_CHARS],
                "model_sha256": result.model_sha256,
                "prompt_tokens": result.prompt_tokens,
                "cached_tokens": result.cached_tokens,
                "completion_tokens": result.completion_tokens,
            },
            outcome="failed" if result.state in {"failed", "abandoned"} else "ok",
        )
        add_call(
            actor=actor,
            model=result.model,
            tokens_read=result.prompt_tokens or 0,
            tokens_written=result.completion_tokens or 0,
        )
    return True


def close_abandoned_calls(older_than: timedelta) -> int:
    """Close, as abandoned, calls that were opened longer ago than `older_than` and never closed; how many.

    Their processes died. A call that is still running and outlasts `older_than` would be misjudged, so the
    limit belongs above the longest answer.
    """
    with all_workspaces("calls of dead processes are closed wherever they were made"):
        rows = list(
            ModelCall.objects.filter(state=ModelCall.State.OPEN, opened_at__lt=now() - older_than)
            .order_by("opened_at")
            .values_list("id", "workspace_id", "actor_kind", "actor_id")[:SWEEP_ROWS]
        )
    closed = 0
    for call_id, workspace_id, actor_kind, actor_id in rows:
        closed += close_call(
            call_id,
            workspace_id=workspace_id,
            actor=Actor(ActorKind(actor_kind), actor_id),
            result=CallResult("abandoned", error_code="process_died"),
        )
    return closed

"""The audit log of the workspace, with proofs."""

from __future__ import annotations

import base64
from typing import Any, Literal, cast
from uuid import UUID

from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema
from pydantic import AwareDatetime

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.cursors import at_number, cursor
from chatplatform.api.documentation import FINDS, answers
from chatplatform.api.schemas import Moment, NextCursor, Page, Text
from chatplatform.audit.queries import EventFilter, EventView, event_page, event_proof
from chatplatform.audit.witness import Statement
from chatplatform.common.errors import NotFound

router = Router(tags=["Audit"])
READ = Access(Permission.AUDIT_READ)
LARGEST_ID = 2**63 - 2


class EventOut(Schema):
    """An event. `index` is its place in the tree, null until it has one; `erased` means that address and details
    were erased, which the tree still proves."""

    id: int
    at: Moment
    code: str
    outcome: Literal["ok", "refused", "failed"]
    actor_kind: str
    actor_id: str
    ip: str
    target_kind: str
    target_id: str
    details: dict[str, str | int | float | bool | None]
    erased: bool
    index: int | None


class EventList(Schema):
    items: list[EventOut]
    next: NextCursor


class CheckpointOut(Schema):
    """The signed state of the log. `root` is hexadecimal, `signature` base64."""

    size: int
    root: str
    at: Moment
    key_id: str
    signature: str


class ProofOut(Schema):
    """Recompute the leaf from the event, the root from leaf and path, and check the checkpoint's signature
    (docs/audit.md). Hashes are hexadecimal."""

    index: int
    leaf_hash: str
    path: list[str]
    checkpoint: CheckpointOut


class EventWanted(Page):
    code: Text | None = Field(
        None, max_length=80, description="This code, and those that begin with it and a dot."
    )
    outcome: Literal["ok", "refused", "failed"] | None = None
    actor_id: Text | None = Field(None, max_length=64)
    target_kind: Text | None = Field(None, max_length=64)
    target_id: Text | None = Field(None, max_length=64)
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


@router.get("audit/events", response=answers(EventList), auth=READ, summary="List events")
def list_events(request: ApiRequest, wanted: Query[EventWanted]) -> dict[str, Any]:
    """The workspace's events, newest first."""
    matching = EventFilter(
        code=wanted.code,
        outcome=wanted.outcome,
        actor_id=wanted.actor_id,
        target_kind=wanted.target_kind,
        target_id=wanted.target_id,
        since=wanted.since,
        until=wanted.until,
    )
    found = event_page(
        request.caller.workspace_id,
        matching=matching,
        before=at_number(wanted.after),
        limit=wanted.limit + 1,
    )
    shown = found[: wanted.limit]
    return {
        "items": [_out(view) for view in shown],
        "next": cursor(shown[-1].id) if len(found) > len(shown) else None,
    }


@router.get(
    "audit/events/{int:event_id}", response=answers(EventOut, errors=FINDS), auth=READ, summary="Get an event"
)
def get_event(request: ApiRequest, event_id: int) -> EventOut:
    return _out(_event(request.caller.workspace_id, event_id))


@router.get(
    "audit/events/{int:event_id}/proof",
    response=answers(ProofOut, errors=FINDS),
    auth=READ,
    summary="Get an event's proof",
)
def get_proof(request: ApiRequest, event_id: int) -> ProofOut:
    """Evidence that the event is in the log, under the newest signed checkpoint that covers it."""
    _event(request.caller.workspace_id, event_id)
    proof = event_proof(event_id)
    if proof is None:
        raise NotFound("proof_not_ready", _("No checkpoint covers this event yet. Ask again in a minute."))
    return ProofOut(
        index=proof.index,
        leaf_hash=proof.leaf_hash.hex(),
        path=[hashed.hex() for hashed in proof.path],
        checkpoint=_checkpoint(proof.checkpoint),
    )


def _event(workspace_id: UUID, event_id: int) -> EventView:
    """Raises NotFound for another workspace's event too."""
    found = event_page(workspace_id, before=event_id + 1, limit=1) if event_id <= LARGEST_ID else []
    if not found or found[0].id != event_id:
        raise NotFound("event_not_found", _("There is no such event."))
    return found[0]


def _checkpoint(statement: Statement) -> CheckpointOut:
    return CheckpointOut(
        size=statement.size,
        root=statement.root.hex(),
        at=statement.at,
        key_id=statement.key_id,
        signature=base64.b64encode(statement.signature).decode(),
    )


def _out(view: EventView) -> EventOut:
    return EventOut(
        id=view.id,
        at=view.at,
        code=view.code,
        outcome=cast(Any, view.outcome),
        actor_kind=view.actor.kind.value,
        actor_id=view.actor.id,
        ip=view.actor.ip,
        target_kind=view.target_kind,
        target_id=view.target_id,
        details=dict(view.details),
        erased=view.erased,
        index=view.index,
    )

"""What left this machine, as the outbound doors counted it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ninja import Field, Query, Router, Schema

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.cursors import at_number, cursor
from chatplatform.api.documentation import FINDS, answers
from chatplatform.api.schemas import Moment, NextCursor, Page
from chatplatform.chat.queries import conversation_of
from chatplatform.privacy.outbound import queries
from chatplatform.privacy.outbound.queries import OutboundView

router = Router(tags=["Privacy"])
OWN = Access(Permission.CHAT)
READ = Access(Permission.AUDIT_READ)


class OutboundOut(Schema):
    """One request to another machine: when, where to, and why. `sent_bytes` is null where it was not known."""

    at: Moment
    host: str
    purpose: str = Field(..., description="`chat`, `title`, … : the code under which it was let through.")
    sent_bytes: int | None


class OutboundList(Schema):
    """`count` is how many there are in all."""

    count: int
    items: list[OutboundOut]
    next: NextCursor


class OutboundOfAllOut(OutboundOut):
    person_id: UUID | None


class OutboundOfAllList(Schema):
    count: int
    items: list[OutboundOfAllOut]
    next: NextCursor


@router.get(
    "conversations/{uuid:conversation_id}/outbound",
    response=answers(OutboundList, errors=FINDS),
    auth=OWN,
    summary="What left this machine for a conversation",
)
def of_conversation(request: ApiRequest, conversation_id: UUID, page: Query[Page]) -> dict[str, Any]:
    """The newest first. Nothing, while all that answers runs on this machine."""
    conversation_of(request.caller.id, conversation_id)
    return _listed(page, conversation_id=conversation_id)


@router.get("me/outbound", response=answers(OutboundList), auth=OWN, summary="What left this machine for me")
def of_person(request: ApiRequest, page: Query[Page]) -> dict[str, Any]:
    return _listed(page, person_id=request.caller.id)


@router.get("outbound", response=answers(OutboundOfAllList), auth=READ, summary="What left this machine")
def of_workspace(request: ApiRequest, page: Query[Page]) -> dict[str, Any]:
    """For the whole workspace, the newest first."""
    return _listed(page, with_person=True)


def _listed(
    page: Page,
    *,
    conversation_id: UUID | None = None,
    person_id: UUID | None = None,
    with_person: bool = False,
) -> dict[str, Any]:
    found = queries.outbound_page(
        conversation_id=conversation_id,
        person_id=person_id,
        before=at_number(page.after),
        limit=page.limit + 1,
    )
    shown = found[: page.limit]
    return {
        "count": queries.outbound_count(conversation_id=conversation_id, person_id=person_id),
        "items": [_out(row, with_person) for row in shown],
        "next": cursor(shown[-1].id) if len(found) > len(shown) else None,
    }


def _out(row: OutboundView, with_person: bool) -> OutboundOut:
    plain = OutboundOut(at=row.at, host=row.host, purpose=row.purpose, sent_bytes=row.sent_bytes)
    return OutboundOfAllOut(**dict(plain), person_id=row.person_id) if with_person else plain

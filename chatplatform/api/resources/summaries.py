"""Routes of summaries of earlier messages."""

from __future__ import annotations

from uuid import UUID

from ninja import Router, Schema, Status

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.documentation import CHANGES, FINDS, answers
from chatplatform.api.schemas import Moment
from chatplatform.chat.queries import conversation_of
from chatplatform.chat.summaries.queries import SummaryDetails, summaries_of, summary_of
from chatplatform.chat.summaries.services import remove_summary, summarise_again

router = Router(tags=["Conversations"])
ACCESS = Access(Permission.CHAT)


class SummaryOut(Schema):
    """What `messages` messages, up to and with `last_message_id`, were about. The model reads it in their place once
    they do not fit any more; the messages are kept."""

    id: UUID
    conversation_id: UUID
    last_message_id: UUID
    messages: int
    text: str
    model: str
    created_at: Moment


class SummaryList(Schema):
    items: list[SummaryOut]


@router.get(
    "conversations/{uuid:conversation_id}/summaries",
    response=answers(SummaryList, errors=FINDS),
    auth=ACCESS,
    summary="List summaries",
)
def list_summaries(request: ApiRequest, conversation_id: UUID) -> SummaryList:
    """Those of the shown branch, oldest first."""
    conversation_of(request.caller.id, conversation_id)  # theirs, or not found
    return SummaryList(items=[_out(row) for row in summaries_of(request.caller.id, conversation_id)])


@router.get(
    "summaries/{uuid:summary_id}",
    response=answers(SummaryOut, errors=FINDS),
    auth=ACCESS,
    summary="Get a summary",
)
def get_summary(request: ApiRequest, summary_id: UUID) -> SummaryOut:
    return _out(summary_of(request.caller.id, summary_id))


@router.post(
    "summaries/{uuid:summary_id}/again",
    response=answers(SummaryOut, errors=CHANGES),
    auth=ACCESS,
    summary="Summarise again",
)
def again(request: ApiRequest, summary_id: UUID) -> SummaryOut:
    """Have another one written; until it is there this one holds."""
    summarise_again(summary_id, actor=request.caller.actor)
    return _out(summary_of(request.caller.id, summary_id))


@router.delete(
    "summaries/{uuid:summary_id}",
    response=answers(None, status=204, errors=CHANGES),
    auth=ACCESS,
    summary="Delete a summary",
)
def delete_summary(request: ApiRequest, summary_id: UUID) -> Status[None]:
    """These messages are not summarised again by themselves; what does not fit is left out, and said to be."""
    remove_summary(summary_id, actor=request.caller.actor)
    return Status(204, None)


def _out(row: SummaryDetails) -> SummaryOut:
    return SummaryOut(
        id=row.id,
        conversation_id=row.conversation_id,
        last_message_id=row.last_message_id,
        messages=row.messages,
        text=row.text,
        model=row.model,
        created_at=row.created_at,
    )

"""Conversations and their messages: the same rows and the same turns as in the web chat."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ninja import Field, Query, Router, Schema, Status

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.cursors import at_moment, at_number, cursor
from chatplatform.api.documentation import CHANGES, FINDS, answers, example
from chatplatform.api.resources.begun_turns import BEGINS_WITH_TEXT, Saying, begin, client_id_of
from chatplatform.api.resources.turns import MessageOut, message_out
from chatplatform.api.schemas import Body, Moment, NextCursor, Order, Page, Text
from chatplatform.chat import services
from chatplatform.chat.limits import TITLE_CHARS
from chatplatform.chat.protocol import MAX_MESSAGE_CHARS
from chatplatform.chat.turn_queries import (
    ConversationDetails,
    Which,
    conversation_details,
    conversations_after,
    messages_after,
)

router = Router(tags=["Conversations"])
ACCESS = Access(Permission.CHAT)


class ConversationOut(Schema):
    """A conversation of yours. `title` is empty until it has one; `assistant_id` null means the default one; `model` is
    set where another than the assistant's own was chosen.
    `folder_id` is the folder that it lies in, `tag_ids` are the tags that it is marked with."""

    id: UUID
    title: str
    assistant_id: UUID | None
    model: str
    created_at: Moment
    updated_at: Moment
    folder_id: UUID | None
    tag_ids: list[UUID]
    pinned: bool
    archived: bool


class ConversationList(Schema):
    items: list[ConversationOut]
    next: NextCursor


class MessageList(Schema):
    items: list[MessageOut]
    next: NextCursor


class NewMessage(Saying):
    text: Text = Field(..., min_length=1, max_length=MAX_MESSAGE_CHARS)
    attachment_ids: list[UUID] = Field(
        default=[],
        max_length=50,
        description="Files that you uploaded; the answer waits until they are read.",
    )


class NewConversation(NewMessage):
    """A conversation begins with what you say."""

    assistant_id: UUID | None = Field(None, description="Whom to talk to; null means the default assistant.")
    folder_id: UUID | None = Field(None, description="The folder that it begins in; null means none.")


class NewTitle(Body):
    title: Text = Field(..., min_length=1, max_length=TITLE_CHARS)


class ConversationPage(Page):
    """Which conversations; what is left out leaves it open."""

    folder_id: UUID | None = Field(None, description="Those in this folder.")
    tag_id: UUID | None = Field(None, description="Those with this tag.")
    pinned: bool | None = Field(None, description="Those that are pinned, or those that are not.")
    archived: bool | None = Field(None, description="Those in the archive, or those that are not.")


class MessagePage(Page):
    order: Order = Field("asc", description="`asc`: oldest first; `desc`: newest first.")


@router.get("conversations", response=answers(ConversationList), auth=ACCESS, summary="List conversations")
def list_conversations(request: ApiRequest, page: Query[ConversationPage]) -> dict[str, Any]:
    """Your conversations, last changed first: all of them, those in the archive and in folders too."""
    which = Which(page.folder_id, page.tag_id, page.pinned, page.archived)
    found = conversations_after(request.caller.id, at_moment(page.after), limit=page.limit + 1, which=which)
    shown = found[: page.limit]
    more = cursor(shown[-1].updated_at, shown[-1].id) if len(found) > len(shown) else None
    return {"items": [conversation_out(row) for row in shown], "next": more}


@router.post(
    "conversations",
    **BEGINS_WITH_TEXT,
    summary="Begin a conversation",
)
def begin_conversation(request: ApiRequest, body: NewConversation) -> Any:
    """Say something to an assistant. Answers with the turn at once (202, to be polled), with the whole answer
    (`wait`, 200; 202 after five minutes), or with a stream of events (`stream`)."""
    return _say(request, body, conversation_id=None, assistant_id=body.assistant_id, folder_id=body.folder_id)


@router.get(
    "conversations/{uuid:conversation_id}",
    response=answers(ConversationOut, errors=FINDS),
    auth=ACCESS,
    summary="Get a conversation",
)
def get_conversation(request: ApiRequest, conversation_id: UUID) -> ConversationOut:
    return conversation_out(conversation_details(request.caller.id, conversation_id))


@router.patch(
    "conversations/{uuid:conversation_id}",
    response=answers(ConversationOut, errors=CHANGES),
    auth=ACCESS,
    summary="Rename a conversation",
    openapi_extra=example({"title": "Tents"}),
)
def rename_conversation(request: ApiRequest, conversation_id: UUID, body: NewTitle) -> ConversationOut:
    services.rename_conversation(conversation_id, body.title, actor=request.caller.actor)
    return conversation_out(conversation_details(request.caller.id, conversation_id))


@router.delete(
    "conversations/{uuid:conversation_id}",
    response=answers(None, status=204, errors=CHANGES),
    auth=ACCESS,
    summary="Delete a conversation",
)
def delete_conversation(request: ApiRequest, conversation_id: UUID) -> Status[None]:
    """Deletes it with all its messages; an answer that is running ends."""
    services.delete_conversation(conversation_id, actor=request.caller.actor)
    return Status(204, None)


@router.get(
    "conversations/{uuid:conversation_id}/messages",
    response=answers(MessageList, errors=FINDS),
    auth=ACCESS,
    summary="List messages",
)
def list_messages(request: ApiRequest, conversation_id: UUID, page: Query[MessagePage]) -> dict[str, Any]:
    """The messages of the branch that is shown: after a regeneration, the newest answer."""
    found = messages_after(
        request.caller.id,
        conversation_id,
        at_number(page.after),
        limit=page.limit + 1,
        newest_first=page.order == "desc",
    )
    shown = found[: page.limit]
    more = cursor(shown[-1].number) if len(found) > len(shown) else None
    return {"items": [message_out(row) for row in shown], "next": more}


@router.post(
    "conversations/{uuid:conversation_id}/messages",
    **BEGINS_WITH_TEXT,
    summary="Send a message",
)
def send_message(request: ApiRequest, conversation_id: UUID, body: NewMessage) -> Any:
    """Say something in a conversation; answers as for a new conversation. One answer runs at a time."""
    return _say(request, body, conversation_id=conversation_id, assistant_id=None)


def _say(
    request: ApiRequest,
    body: NewMessage,
    *,
    conversation_id: UUID | None,
    assistant_id: UUID | None,
    folder_id: UUID | None = None,
) -> Any:
    client_id = client_id_of(request, body.client_id)
    submitted = services.submit_message(
        client_id=client_id,
        text=body.text,
        conversation_id=conversation_id,
        assistant_id=assistant_id,
        folder_id=folder_id,
        attachment_ids=body.attachment_ids,
        actor=request.caller.actor,
    )
    return begin(request, body, submitted, client_id=client_id)


def conversation_out(row: ConversationDetails) -> ConversationOut:
    return ConversationOut(
        id=row.id,
        title=row.title,
        assistant_id=row.assistant_id,
        model=row.model,
        created_at=row.created_at,
        updated_at=row.updated_at,
        folder_id=row.folder_id,
        tag_ids=list(row.tag_ids),
        pinned=row.pinned,
        archived=row.archived,
    )

"""Conversations and their messages: the same rows and the same turns as in the web chat."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID, uuid4, uuid5

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Field, Query, Router, Schema, Status

from chatplatform.accounts.permissions import Permission
from chatplatform.api import repetition, turn_stream
from chatplatform.api.callers import Access, ApiRequest, Caller
from chatplatform.api.cursors import at_moment, at_number, cursor
from chatplatform.api.documentation import CHANGES, EVENT_STREAM, FINDS, READS_BODY, answers, example
from chatplatform.api.limits import WAIT_S
from chatplatform.api.resources.turns import (
    Answer,
    MessageOut,
    TurnOut,
    answer_out,
    message_out,
    turn_json,
    turn_out,
)
from chatplatform.api.schemas import Body, Moment, NextCursor, Order, Page, Text
from chatplatform.chat import services
from chatplatform.chat.limits import TITLE_CHARS
from chatplatform.chat.protocol import MAX_MESSAGE_CHARS
from chatplatform.chat.turn_queries import (
    ConversationDetails,
    conversation_details,
    conversations_after,
    messages_after,
    turn_details,
)

router = Router(tags=["Conversations"])
ACCESS = Access(Permission.CHAT)

# The client's id of a message is made from the request's Idempotency-Key where there is one.
_CLIENT_IDS = UUID("5a6f4a5e-6d7c-4e0a-9a53-0c2f6f1d2b11")


class ConversationOut(Schema):
    """A conversation of yours. `title` is empty until it has one; `assistant_id` null means the default one."""

    id: UUID
    title: str
    assistant_id: UUID | None
    created_at: Moment
    updated_at: Moment


class ConversationList(Schema):
    items: list[ConversationOut]
    next: NextCursor


class MessageList(Schema):
    items: list[MessageOut]
    next: NextCursor


class NewConversation(Body):
    """A conversation begins with what you say."""

    text: Text = Field(..., min_length=1, max_length=MAX_MESSAGE_CHARS)
    assistant_id: UUID | None = Field(None, description="Whom to talk to; null means the default assistant.")
    client_id: UUID | None = Field(
        None, description="Your own id of the message: sent twice, it is said once."
    )
    stream: bool = Field(False, description="Answer with server-sent events.")
    wait: bool = Field(False, description="Answer when the assistant has finished.")


class NewMessage(Body):
    text: Text = Field(..., min_length=1, max_length=MAX_MESSAGE_CHARS)
    client_id: UUID | None = Field(
        None, description="Your own id of the message: sent twice, it is said once."
    )
    stream: bool = Field(False, description="Answer with server-sent events.")
    wait: bool = Field(False, description="Answer when the assistant has finished.")


class NewTitle(Body):
    title: Text = Field(..., min_length=1, max_length=TITLE_CHARS)


class MessagePage(Page):
    order: Order = Field("asc", description="`asc`: oldest first; `desc`: newest first.")


Begun = dict[int, Any]
BEGUN = answers(
    Answer,
    also={202: Answer},
    errors=CHANGES,
)
STREAMED = {
    **example({"text": "How heavy is the two-person tent?", "wait": True}),
    "responses": {200: EVENT_STREAM},
}


@router.get("conversations", response=answers(ConversationList), auth=ACCESS, summary="List conversations")
def list_conversations(request: ApiRequest, page: Query[Page]) -> dict[str, Any]:
    """Your conversations, last changed first."""
    found = conversations_after(request.caller.id, at_moment(page.after), limit=page.limit + 1)
    shown = found[: page.limit]
    more = cursor(shown[-1].updated_at, shown[-1].id) if len(found) > len(shown) else None
    return {"items": [_out(row) for row in shown], "next": more}


@router.post(
    "conversations",
    response=BEGUN,
    auth=ACCESS,
    summary="Begin a conversation",
    openapi_extra=STREAMED,
)
def begin_conversation(request: ApiRequest, body: NewConversation) -> Any:
    """Say something to an assistant. Answers with the turn at once (202, to be polled), with the whole answer
    (`wait`, 200; 202 after five minutes), or with a stream of events (`stream`)."""
    return _say(request, body, conversation_id=None, assistant_id=body.assistant_id)


@router.get(
    "conversations/{uuid:conversation_id}",
    response=answers(ConversationOut, errors=FINDS),
    auth=ACCESS,
    summary="Get a conversation",
)
def get_conversation(request: ApiRequest, conversation_id: UUID) -> ConversationOut:
    return _out(conversation_details(request.caller.id, conversation_id))


@router.patch(
    "conversations/{uuid:conversation_id}",
    response=answers(ConversationOut, errors=CHANGES),
    auth=ACCESS,
    summary="Rename a conversation",
    openapi_extra=example({"title": "Tents"}),
)
def rename_conversation(request: ApiRequest, conversation_id: UUID, body: NewTitle) -> ConversationOut:
    services.rename_conversation(conversation_id, body.title, actor=request.caller.actor)
    return _out(conversation_details(request.caller.id, conversation_id))


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
    response=BEGUN,
    auth=ACCESS,
    summary="Send a message",
    openapi_extra=STREAMED,
)
def send_message(request: ApiRequest, conversation_id: UUID, body: NewMessage) -> Any:
    """Say something in a conversation; answers as for a new conversation. One answer runs at a time."""
    return _say(request, body, conversation_id=conversation_id, assistant_id=None)


def _say(
    request: ApiRequest,
    body: NewConversation | NewMessage,
    *,
    conversation_id: UUID | None,
    assistant_id: UUID | None,
) -> Any:
    client_id = body.client_id or message_id_of(request, request.caller)
    submitted = services.submit_message(
        client_id=client_id,
        text=body.text,
        conversation_id=conversation_id,
        assistant_id=assistant_id,
        actor=request.caller.actor,
    )
    turn_stream.begin(submitted, client_id=client_id)
    return told(request.caller, submitted.turn_id, mode=mode_of(body.stream, body.wait))


def message_id_of(request: HttpRequest, caller: Caller) -> UUID:
    """An id that the same request gets again."""
    key = request.headers.get(repetition.HEADER)
    return uuid5(_CLIENT_IDS, f"{caller.id}:{key}") if key else uuid4()


def mode_of(stream: bool, wait: bool) -> Literal["stream", "wait", "now"]:
    if stream:
        return "stream"
    return "wait" if wait else "now"


def told(caller: Caller, turn_id: UUID, *, mode: Literal["stream", "wait", "now"], already: int = 0) -> Any:
    """The turn in the way that was asked for."""
    turn = turn_details(caller.id, turn_id)
    if mode == "stream":
        return event_stream(turn_stream.stream(turn, caller, told=already, shape=turn_json))
    if mode == "wait":
        turn = turn_stream.wait(turn, caller, timeout_s=WAIT_S)
    return Status(200 if turn.is_over else 202, answer_out(turn))


def event_stream(events: Any) -> StreamingHttpResponse:
    response = StreamingHttpResponse(events, content_type="text/event-stream; charset=utf-8")
    response["X-Accel-Buffering"] = "no"
    return response


def _out(row: ConversationDetails) -> ConversationOut:
    return ConversationOut(
        id=row.id,
        title=row.title,
        assistant_id=row.assistant_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


__all__ = ["READS_BODY", "TurnOut", "router", "turn_out"]

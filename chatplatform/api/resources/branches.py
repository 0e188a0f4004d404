"""The tree of a conversation: other versions of messages, branches of their own, and messages that wait."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ninja import Field, Router, Schema

from chatplatform.accounts.permissions import Permission
from chatplatform.api import turn_stream
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.documentation import CHANGES, FINDS, answers, example
from chatplatform.api.resources.answers import router as messages_router
from chatplatform.api.resources.begun_turns import (
    BEGINS,
    BEGINS_WITH_TEXT,
    Again,
    Saying,
    Wish,
    begin,
    client_id_of,
    go_on,
)
from chatplatform.api.resources.conversations import ConversationOut, conversation_out
from chatplatform.api.resources.turns import ErrorOut, MessageOut, TurnOut, message_out, turn_out
from chatplatform.api.schemas import Body, Moment, Text
from chatplatform.chat import forks, queueing, services, versions
from chatplatform.chat.beginning import Submitted
from chatplatform.chat.presentation import queued_view
from chatplatform.chat.protocol import MAX_MESSAGE_CHARS, QueuedView
from chatplatform.chat.queries import queued_messages
from chatplatform.chat.turn_queries import (
    conversation_details,
    message_details,
    turn_details,
    versions_of,
)

router = Router(tags=["Branches"])
ACCESS = Access(Permission.CHAT)


class VersionList(Schema):
    items: list[MessageOut]


class OtherWords(Body):
    text: Text = Field(..., min_length=1, max_length=MAX_MESSAGE_CHARS)


class OtherQuestion(OtherWords, Saying):
    """Your message in other words, and how to be told of its answer."""


class Answerer(Body):
    """Who answers from now on."""

    assistant_id: UUID | None = Field(None, description="Null means the default assistant.")
    model: Text = Field(
        "", max_length=255, description="A model of /api/chat-models; empty: the assistant's own."
    )


class ChatModels(Schema):
    items: list[str]


class QueuedOut(Schema):
    """A message that waits until the running answer is over. `refusal` says why it could not be sent: it, and those
    behind it, wait until it is sent or taken back."""

    id: UUID
    client_id: UUID
    text: str
    created_at: Moment
    refusal: ErrorOut | None


class QueueOut(Schema):
    items: list[QueuedOut]


class ToQueue(Body):
    text: Text = Field(..., min_length=1, max_length=MAX_MESSAGE_CHARS)
    client_id: UUID | None = Field(
        None, description="Your own id of the message: sent twice, it is said once."
    )


class SaidOut(Schema):
    """Either waits (`queued`) or, when nothing was running, is being answered (`turn`)."""

    queued: QueuedOut | None
    turn: TurnOut | None


class TakenBackOut(Schema):
    conversation_id: UUID
    text: str


@router.get(
    "messages/{uuid:message_id}/versions",
    response=answers(VersionList, errors=FINDS),
    auth=ACCESS,
    summary="List versions",
)
def list_versions(request: ApiRequest, message_id: UUID) -> dict[str, Any]:
    """All messages that stand in the place of this one, itself among them, oldest first."""
    return {"items": [message_out(row) for row in versions_of(request.caller.id, message_id)]}


# an address with several methods belongs to one router
@messages_router.patch(
    "messages/{uuid:message_id}",
    response=answers(MessageOut, errors=CHANGES),
    auth=ACCESS,
    summary="Change a message",
    openapi_extra=example({"text": "How heavy is the three-person tent?"}),
)
def change_message(request: ApiRequest, message_id: UUID, body: OtherWords) -> MessageOut:
    """Put a message of yours into other words where it stands, without a new answer. What it said before is kept as a
    version beside it."""
    versions.edit_text(message_id=message_id, text=body.text, actor=request.caller.actor)
    return message_out(message_details(request.caller.id, message_id))


@router.post("messages/{uuid:message_id}/edit", **BEGINS_WITH_TEXT, summary="Say it otherwise")
def edit_message(request: ApiRequest, message_id: UUID, body: OtherQuestion) -> Any:
    """Put a message of yours into other words and have it answered, in a branch beside the old one."""
    client_id = client_id_of(request, body.client_id)
    submitted = versions.edit_and_answer(
        client_id=client_id, message_id=message_id, text=body.text, actor=request.caller.actor
    )
    return begin(request, body, submitted, client_id=client_id)


@router.post("messages/{uuid:message_id}/answer", **BEGINS, summary="Answer a message")
def answer_message(request: ApiRequest, message_id: UUID, body: Again) -> Any:
    """Answer a question, or the question of an answer, in a new turn; earlier answers are kept beside it."""
    client_id = client_id_of(request, body.client_id)
    submitted = services.regenerate(client_id=client_id, message_id=message_id, actor=request.caller.actor)
    return begin(request, body, submitted, client_id=client_id)


@router.post(
    "messages/{uuid:message_id}/show",
    response=answers(MessageOut, errors=CHANGES),
    auth=ACCESS,
    summary="Show a version",
)
def show_message(request: ApiRequest, message_id: UUID) -> MessageOut:
    """Show the branch through this message, in every open view of the conversation."""
    versions.show_version(message_id, actor=request.caller.actor)
    return message_out(message_details(request.caller.id, message_id))


@router.post(
    "messages/{uuid:message_id}/fork",
    response=answers(ConversationOut, errors=CHANGES),
    auth=ACCESS,
    summary="Fork a conversation",
)
def fork_message(request: ApiRequest, message_id: UUID, body: Wish) -> ConversationOut:
    """Begin a conversation with copies of all that led to this message, and of the message."""
    client_id = client_id_of(request, body.client_id)
    made = forks.fork_conversation(client_id=client_id, message_id=message_id, actor=request.caller.actor)
    return conversation_out(conversation_details(request.caller.id, made.id))


@router.post("turns/{uuid:turn_id}/continue", **BEGINS, summary="Continue an answer")
def continue_turn(request: ApiRequest, turn_id: UUID, body: Again) -> Any:
    """Go on with an answer that was stopped, or cut at its greatest length, in the same message."""
    submitted = versions.continue_answer(turn_id, actor=request.caller.actor)
    return go_on(request, body, submitted)


@router.get("chat-models", response=answers(ChatModels), auth=ACCESS, summary="List models of conversations")
def list_chat_models(request: ApiRequest) -> dict[str, Any]:
    """The models that a conversation may be answered by now."""
    return {"items": versions.served_models()}


@router.put(
    "conversations/{uuid:conversation_id}/assistant",
    response=answers(ConversationOut, errors=CHANGES),
    auth=ACCESS,
    summary="Choose who answers",
)
def choose_assistant(request: ApiRequest, conversation_id: UUID, body: Answerer) -> ConversationOut:
    """Let another assistant, or another model than its own, answer from the next turn on."""
    versions.choose_assistant(
        conversation_id, assistant_id=body.assistant_id, model=body.model, actor=request.caller.actor
    )
    return conversation_out(conversation_details(request.caller.id, conversation_id))


@router.get(
    "conversations/{uuid:conversation_id}/queue",
    response=answers(QueueOut, errors=FINDS),
    auth=ACCESS,
    summary="List messages that wait",
)
def list_queue(request: ApiRequest, conversation_id: UUID) -> dict[str, Any]:
    """In the order in which they will be sent."""
    return {"items": [_queued_out(view) for view in queued_messages(request.caller.id, conversation_id)]}


@router.post(
    "conversations/{uuid:conversation_id}/queue",
    response=answers(SaidOut, errors=CHANGES),
    auth=ACCESS,
    summary="Send, or let wait",
    openapi_extra=example({"text": "And how heavy is it?"}),
)
def queue_message(request: ApiRequest, conversation_id: UUID, body: ToQueue) -> SaidOut:
    """Say something when the running answer is over, or at once when none is running."""
    client_id = client_id_of(request, body.client_id)
    made = queueing.say_or_queue(
        client_id=client_id, text=body.text, conversation_id=conversation_id, actor=request.caller.actor
    )
    if isinstance(made, Submitted):
        turn_stream.begin(made, client_id=client_id)
        return SaidOut(queued=None, turn=turn_out(turn_details(request.caller.id, made.turn_id)))
    return SaidOut(queued=_queued_out(queued_view(made.message)), turn=None)


@router.post("conversations/{uuid:conversation_id}/queue/send", **BEGINS, summary="Send what waits")
def send_queue(request: ApiRequest, conversation_id: UUID, body: Again) -> Any:
    """Send the first message that waits now: after it was refused, or after an answer that failed."""
    submitted = queueing.send_queued(conversation_id, actor=request.caller.actor)
    client_id = submitted.turn.question.client_id or submitted.turn_id
    return begin(request, body, submitted, client_id=client_id)


@router.delete(
    "queue/{uuid:queued_id}",
    response=answers(TakenBackOut, errors=CHANGES),
    auth=ACCESS,
    summary="Take a message back",
)
def take_back(request: ApiRequest, queued_id: UUID) -> TakenBackOut:
    """Take a message that waits out of the queue; answers with its text."""
    taken = queueing.take_back(queued_id, actor=request.caller.actor)
    return TakenBackOut(conversation_id=taken.conversation_id, text=taken.text)


def _queued_out(view: QueuedView) -> QueuedOut:
    refusal = ErrorOut(code=view.refusal.code, message=view.refusal.message) if view.refusal else None
    return QueuedOut(
        id=view.id,
        client_id=view.client_id,
        text=view.text,
        created_at=view.created_at,
        refusal=refusal,
    )

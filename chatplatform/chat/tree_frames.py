"""What a socket does with frames that change the tree of a conversation, or its queue (docs/websocket.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar
from uuid import UUID

from chatplatform.chat import forks, queries, queueing, versions
from chatplatform.chat.attachments.views import attachments_of_queued
from chatplatform.chat.beginning import Submitted
from chatplatform.chat.begun import Begun, begun
from chatplatform.chat.models import Message
from chatplatform.chat.presentation import conversation_view, queued_view
from chatplatform.chat.process import ChatProcess
from chatplatform.chat.protocol import (
    Choose,
    Continue,
    ConversationChanged,
    ConversationView,
    Edit,
    Fork,
    Forked,
    Frame,
    MessageChanged,
    MessageQueued,
    MessageTakenBack,
    MessageView,
    Send,
    SendQueued,
    ServerFrame,
    Switch,
    TakeBack,
)
from chatplatform.common.actors import Actor

P = ParamSpec("P")
R = TypeVar("R")


class Socket(Protocol):
    """The consumer, as these frames need it."""

    process: ChatProcess
    person_id: UUID
    actor: Actor

    async def with_rights(self, act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R: ...

    async def open(self, conversation_id: UUID | None, *, back_to: UUID | None = None) -> None: ...

    async def begin(self, act: Callable[..., Submitted], *, client_id: UUID, **fields: Any) -> None: ...

    async def take_up(self, act: Callable[..., Submitted], turn_id: UUID) -> None: ...

    def show_begun(self, what: Begun) -> None: ...

    def post(self, frame: Frame) -> None: ...

    def tell(self, conversation_id: UUID, frame: ServerFrame) -> None: ...


async def handle_tree_frame(socket: Socket, frame: Frame) -> None:
    match frame:
        case Send():
            await _send(socket, frame)
        case Edit() if frame.answer:
            await socket.begin(
                versions.edit_and_answer,
                client_id=frame.client_id,
                message_id=frame.message_id,
                text=frame.text,
                actor=socket.actor,
            )
        case Edit():
            await _edit(socket, frame)
        case Switch():
            message: Message = await socket.with_rights(
                versions.show_version, frame.message_id, actor=socket.actor
            )
            # the one who asked stays at the message; the others are told what is shown now
            await socket.open(message.conversation_id, back_to=message.id)
            socket.process.hub.resynchronise(message.conversation_id)
        case Continue():
            await socket.take_up(versions.continue_answer, frame.turn_id)
        case Fork():
            view = await socket.with_rights(_forked, frame, socket.actor)
            socket.process.hub.show_person(socket.person_id, ConversationChanged(conversation=view))
            socket.post(Forked(client_id=frame.client_id, conversation=view))
        case Choose():
            view = await socket.with_rights(_chosen, frame, socket.actor)
            socket.process.hub.show_person(socket.person_id, ConversationChanged(conversation=view))
        case TakeBack():
            taken = await socket.with_rights(queueing.take_back, frame.queued_id, actor=socket.actor)
            socket.post(
                MessageTakenBack(
                    conversation_id=taken.conversation_id,
                    queued_id=frame.queued_id,
                    text=taken.text,
                    attachments=list(taken.attachments),
                )
            )
            socket.process.hub.resynchronise(taken.conversation_id)
        case SendQueued():
            socket.show_begun(await socket.with_rights(_sent, frame, socket.actor))


async def _send(socket: Socket, frame: Send) -> None:
    """At once, or after the answer that runs: everybody who watches sees it wait."""

    def said() -> Begun | MessageQueued:
        made = queueing.say_or_queue(
            client_id=frame.client_id,
            text=frame.text,
            conversation_id=frame.conversation_id,
            assistant_id=frame.assistant_id,
            folder_id=frame.folder_id,
            attachment_ids=frame.attachment_ids,
            actor=socket.actor,
        )
        if isinstance(made, Submitted):
            return begun(made, frame.client_id)
        return MessageQueued(
            client_id=frame.client_id,
            conversation_id=made.message.conversation_id,
            message=queued_view(
                made.message,
                attachments_of_queued(socket.person_id, [made.message.id]).get(made.message.id, ()),
            ),
        )

    what = await socket.with_rights(said)
    if isinstance(what, Begun):
        socket.show_begun(what)
    else:
        socket.tell(what.conversation_id, what)


async def _edit(socket: Socket, frame: Edit) -> None:
    def edited() -> tuple[UUID, MessageView | None]:
        message = versions.edit_text(message_id=frame.message_id, text=frame.text, actor=socket.actor)
        return message.conversation_id, queries.message_of(socket.person_id, message.id)

    conversation_id, view = await socket.with_rights(edited)
    if view is not None:
        socket.tell(conversation_id, MessageChanged(conversation_id=conversation_id, message=view))


def _forked(frame: Fork, actor: Actor) -> ConversationView:
    return conversation_view(
        forks.fork_conversation(client_id=frame.client_id, message_id=frame.message_id, actor=actor)
    )


def _chosen(frame: Choose, actor: Actor) -> ConversationView:
    return conversation_view(
        versions.choose_assistant(
            frame.conversation_id, assistant_id=frame.assistant_id, model=frame.model, actor=actor
        )
    )


def _sent(frame: SendQueued, actor: Actor) -> Begun:
    submitted = queueing.send_queued(frame.conversation_id, actor=actor)
    client_id = submitted.turn.question.client_id
    assert client_id is not None, "a queued message keeps its client's id"
    return begun(submitted, client_id)

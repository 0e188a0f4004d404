"""What a socket does with frames that are about a temporary chat; the rest it leaves to the consumer."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar
from uuid import UUID

from django.utils.translation import gettext as _

from chatplatform.accounts.standing import Standing
from chatplatform.chat import queries
from chatplatform.chat.process import ChatProcess
from chatplatform.chat.protocol import (
    EndTemporary,
    Frame,
    Keep,
    Kept,
    Open,
    Regenerate,
    Retry,
    Send,
    ServerFrame,
    Snapshot,
    Stop,
)
from chatplatform.chat.temporary import acts
from chatplatform.chat.temporary.acts import Begun
from chatplatform.chat.temporary.frames import accepted, snapshot_of
from chatplatform.chat.temporary.ids import is_temporary
from chatplatform.chat.temporary.keeping import keep
from chatplatform.chat.temporary.memory import TemporaryChat, TemporaryTurn
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, InvalidInput, NotAllowed

P = ParamSpec("P")
R = TypeVar("R")


class Socket(Protocol):
    """The consumer, as these frames need it."""

    process: ChatProcess
    standing: Standing
    actor: Actor

    async def with_rights(self, act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R: ...

    def post(self, frame: Frame) -> None: ...

    def tell(self, conversation_id: UUID, frame: ServerFrame) -> None: ...

    def watch(self, conversation_id: UUID | None) -> None: ...


def snapshot(socket: Socket, conversation_id: UUID, back_to: UUID | None) -> Snapshot:
    """The conversation, wherever it lives. In a thread. Raises NotFound."""
    if is_temporary(conversation_id):
        return snapshot_of(_own(socket, conversation_id))
    return queries.snapshot(socket.standing.user_id, conversation_id, back_to=back_to)


async def handle_temporary_frame(socket: Socket, frame: Frame) -> bool:
    """Do what the frame asks for, if it is about a temporary chat; whether it was. Raises what the acts do."""
    match frame:
        case Send():
            return await _send(socket, frame)
        case Stop() | Retry() | Regenerate():
            chats = socket.process.temporary.chats
            named = (frame.turn_id, getattr(frame, "message_id", None))
            found = chats.of_turn({each for each in named if each is not None}, socket.standing)
            if found is not None:
                await _about_turn(socket, frame, *found)
            return found is not None
        case Keep():
            await _keep(socket, frame.conversation_id)
            return True
        case EndTemporary():
            await _end(socket, frame.conversation_id)
            return True
    conversation_id: UUID | None = getattr(frame, "conversation_id", None)
    if conversation_id is None or not is_temporary(conversation_id):
        return False
    if isinstance(frame, Open):
        return _tell_kept(socket, conversation_id)
    raise NotAllowed(
        "not_in_temporary_chat", _("A temporary chat cannot do this. Keep it first, if you want to.")
    )


async def _send(socket: Socket, frame: Send) -> bool:
    """False for one that goes into a conversation that is kept."""
    if not is_temporary(frame.conversation_id):
        if frame.conversation_id is not None:
            return False
        if not await socket.with_rights(acts.is_wanted, socket.standing, asked_for=frame.temporary):
            return False
    if frame.attachment_ids:
        raise InvalidInput(
            "no_files_in_temporary",
            _("A temporary chat takes no files, which would have to be kept. Paste the text."),
        )
    house = socket.process.temporary
    begun = await socket.with_rights(
        acts.send,
        house.chats,
        socket.standing,
        client_id=frame.client_id,
        text=frame.text,
        conversation_id=frame.conversation_id,
        assistant_id=frame.assistant_id,
        actor=socket.actor,
    )
    if begun.chat_is_new:
        house.enter(begun.chat)
        socket.watch(begun.chat.id)
    _show(socket, begun, frame.client_id)
    return True


async def _about_turn(
    socket: Socket, frame: Stop | Retry | Regenerate, chat: TemporaryChat, turn: TemporaryTurn
) -> None:
    process = socket.process
    match frame:
        case Stop():
            await socket.with_rights(acts.request_stop, chat, turn, actor=socket.actor)
            process.runner.stop(turn.id)
        case Retry():
            await socket.with_rights(acts.retry, chat, turn, actor=socket.actor)
            process.temporary.answer(chat, turn)
            process.hub.resynchronise(chat.id)
        case Regenerate():
            begun = await socket.with_rights(
                acts.regenerate,
                process.temporary.chats,
                chat,
                turn,
                client_id=frame.client_id,
                actor=socket.actor,
            )
            _show(socket, begun, frame.client_id)


def _show(socket: Socket, begun: Begun, client_id: UUID) -> None:
    """Run a turn and tell everybody who watches; a repetition is answered to this socket alone."""
    shown = accepted(
        begun.chat, begun.turn, client_id=client_id, replaces_message_id=begun.replaced_message_id
    )
    if begun.is_new:
        socket.tell(begun.chat.id, shown)
        socket.process.temporary.answer(begun.chat, begun.turn)
    else:
        socket.post(shown)


async def _keep(socket: Socket, conversation_id: UUID) -> None:
    if not is_temporary(conversation_id):
        await socket.with_rights(queries.conversation_of, socket.standing.user_id, conversation_id)
        socket.post(Kept(conversation_id=conversation_id, kept_id=conversation_id))
        return
    if _tell_kept(socket, conversation_id):
        return
    house = socket.process.temporary
    chat = _own(socket, conversation_id)
    kept_id = await socket.with_rights(keep, house.chats, chat, actor=socket.actor)
    house.leave(chat)
    socket.tell(chat.id, Kept(conversation_id=chat.id, kept_id=kept_id))


async def _end(socket: Socket, conversation_id: UUID) -> None:
    if not is_temporary(conversation_id):
        await socket.with_rights(queries.conversation_of, socket.standing.user_id, conversation_id)
        raise Conflict("not_temporary", _("This conversation is kept. Delete it, if it is to go."))
    chat = _own(socket, conversation_id)
    await socket.with_rights(lambda: None)
    await socket.process.temporary.end(chat, "closed", actor=socket.actor)


def _tell_kept(socket: Socket, conversation_id: UUID) -> bool:
    """Answer with what the chat became, if it was kept."""
    kept_id = socket.process.temporary.chats.kept_as(conversation_id, socket.standing.user_id)
    if kept_id is not None:
        socket.post(Kept(conversation_id=conversation_id, kept_id=kept_id))
    return kept_id is not None


def _own(socket: Socket, conversation_id: UUID) -> TemporaryChat:
    return socket.process.temporary.chats.own(
        conversation_id, socket.standing.user_id, socket.standing.workspace_id
    )

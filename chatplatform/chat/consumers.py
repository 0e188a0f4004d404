"""One socket, one browser tab. Parses frames, asks services, shows what the hub has; owns no turn."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError
from django.utils import translation
from django.utils.translation import gettext as _
from pydantic import ValidationError

from chatplatform.accounts.queries import membership_of
from chatplatform.accounts.standing import arrival_of, session_of
from chatplatform.chat import limits, queries, services
from chatplatform.chat.begun import Begun, begun, unfinished
from chatplatform.chat.handshake import client_address, preferred_language, session_key
from chatplatform.chat.live import Holds, snapshot_holds
from chatplatform.chat.process import ChatProcess, current
from chatplatform.chat.protocol import (
    Error,
    Frame,
    Older,
    OlderMessages,
    Open,
    Ping,
    Pong,
    Regenerate,
    Retry,
    Send,
    ServerFrame,
    Snapshot,
    Stop,
    Welcome,
    client_frame,
)
from chatplatform.chat.services import Submitted
from chatplatform.chat.temporary import desk as temporary_desk
from chatplatform.chat.tree_frames import handle_tree_frame
from chatplatform.common.actors import Actor
from chatplatform.common.errors import InvalidInput, NotAllowed, PlatformError, TooMany, Unavailable
from chatplatform.common.scope import workspace_scope
from chatplatform.common.threads import in_thread

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

# what a refusal names again
ABOUT = ("client_id", "turn_id", "message_id", "queued_id")
SIGNED_OUT = 4401
TOO_FAST = 4429
TOO_MANY_SOCKETS = 4430


class ChatConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """See protocol/ for the frames and docs/websocket.md for their order."""

    # rows and the hub carry everything; a channel layer would only add a task to every idle socket
    channel_layer_alias = ""

    async def connect(self) -> None:
        self.process: ChatProcess = current()
        self._conversation_id: UUID | None = None
        self._outbox: deque[str] = deque()
        self._outbox_bytes = 0
        self._something = asyncio.Event()
        self._one_opening = asyncio.Lock()
        self._opening = self._changed_meanwhile = self._behind = False
        self._sender: asyncio.Task[None] | None = None
        self._allowance, self._allowed_at = float(limits.FRAMES_AT_ONCE), monotonic()
        arrival = await in_thread(arrival_of)(session_key(self.scope))
        if arrival is None:
            await self.accept()
            await self.close(SIGNED_OUT)
            return
        self.standing = arrival.standing
        self._session = session_of(self.standing.session_key)
        self.person_id = self.standing.user_id
        self._workspace_id = self.standing.workspace_id
        self._language = arrival.language or preferred_language(self.scope)
        self.actor = Actor.person(self.person_id, ip=client_address(self.scope))
        await self.accept()
        if self.process.hub.sockets_of(self.person_id) >= limits.SOCKETS_A_PERSON:
            await self.close(TOO_MANY_SOCKETS)
            return
        self._sender = asyncio.create_task(self._send_outbox())
        self.process.hub.enter(self, self.person_id)
        self.process.access.enter(self)
        self.post(Welcome())

    async def disconnect(self, code: int) -> None:
        self._withdraw()

    async def sign_out(self) -> None:
        """Show nothing more and close: the person may no longer be here."""
        self._withdraw()
        await self.close(SIGNED_OUT)

    def _withdraw(self) -> None:
        """Leave the hub and stop sending; what still comes in is not looked at."""
        if self._sender is not None:
            self._sender.cancel()
            self._sender = None
            self.process.access.leave(self)
            self.process.hub.leave(self, self.person_id)
            self.watch(None)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._sender is None:
            return
        with translation.override(self._language), workspace_scope(self._workspace_id):
            about: dict[str, Any] = {}
            try:
                self._spend()
                frame = _parsed(text_data)
                about = {name: getattr(frame, name, None) for name in ABOUT}
                await self._handle(frame)
            except SignedOut:
                await self.close(SIGNED_OUT)
            except Flooded:
                await self.close(TOO_FAST)
            except PlatformError as error:
                self._refuse(error, **about)
            except (DatabaseError, OSError):
                logger.exception("the database refused a frame")
                self._refuse(
                    Unavailable(
                        "storage_unavailable",
                        _(
                            "This could not be stored: the disk may be full, or the database down. Try again soon."
                        ),
                        retry_after_s=5,
                    ),
                    **about,
                )

    # ---------------------------------------------------------------- what the browser says

    async def _handle(self, frame: Frame) -> None:
        if await temporary_desk.handle_temporary_frame(self, frame):
            return
        match frame:
            case Ping():
                await self.with_rights(lambda: None)
                self.post(Pong())
            case Open():
                await self.open(frame.conversation_id, back_to=frame.message_id)
            case Older():
                page = await self.with_rights(
                    queries.older_messages, self.person_id, frame.conversation_id, frame.before_message_id
                )
                self.post(
                    OlderMessages(
                        conversation_id=frame.conversation_id,
                        messages=page.messages,
                        has_older=page.has_older,
                    )
                )
            case Send() if frame.if_busy == "refuse":
                await self.begin(
                    services.submit_message,
                    client_id=frame.client_id,
                    text=frame.text,
                    conversation_id=frame.conversation_id,
                    assistant_id=frame.assistant_id,
                    folder_id=frame.folder_id,
                    attachment_ids=frame.attachment_ids,
                    actor=self.actor,
                )
            case Regenerate():
                await self.begin(
                    services.regenerate,
                    client_id=frame.client_id,
                    turn_id=frame.turn_id,
                    message_id=frame.message_id,
                    actor=self.actor,
                )
            case Retry():
                await self.take_up(services.retry_turn, frame.turn_id)
            case Stop():
                await self.with_rights(services.request_stop, frame.turn_id, actor=self.actor)
                self.process.runner.stop(frame.turn_id)
            case _:
                await handle_tree_frame(self, frame)

    async def begin(self, act: Callable[..., Submitted], *, client_id: UUID, **fields: Any) -> None:
        """Begin a turn, run it and tell everybody who watches; a repetition is answered to this socket alone."""
        self.show_begun(await self.with_rights(lambda: begun(act(client_id=client_id, **fields), client_id)))

    def show_begun(self, what: Begun) -> None:
        """Run a turn that was begun, and show it."""
        submitted, frame, work = what
        if submitted.conversation_is_new:
            self.watch(submitted.conversation_id)
        if submitted.is_new:
            self.tell(submitted.conversation_id, frame)
            self.process.runner.run(unfinished(submitted.turn), work=work)
        else:
            self.post(frame)

    async def take_up(self, act: Callable[..., Submitted], turn_id: UUID) -> None:
        """Let a turn that is over run once more, in its own message."""
        submitted = await self.with_rights(act, turn_id, actor=self.actor)
        self.process.runner.run(unfinished(submitted.turn))
        self.process.hub.resynchronise(submitted.conversation_id)

    async def open(self, conversation_id: UUID | None, *, back_to: UUID | None = None) -> None:
        """Watch first, then read: what changes in between is noticed, and read again."""
        async with self._one_opening:
            self._opening = True
            try:
                self.watch(conversation_id)
                while True:
                    self._changed_meanwhile = False
                    snapshot = (
                        Snapshot(conversation=None)
                        if conversation_id is None
                        else await self.with_rights(temporary_desk.snapshot, self, conversation_id, back_to)
                    )
                    if not self._changed_meanwhile:
                        break
                self.post(self._with_live_turns(snapshot))
            except PlatformError:
                self.watch(None)
                raise
            finally:
                self._opening = False

    def _with_live_turns(self, snapshot: Snapshot) -> Snapshot:
        """Put in what this process knows of running turns; from here on their deltas follow."""
        if snapshot.conversation is None:
            return snapshot
        messages = []
        for message in snapshot.messages:
            if message.turn is not None and message.turn.state in {"queued", "running", "waiting"}:
                live = self.process.hub.turn(
                    message.turn.id, conversation_id=snapshot.conversation.id, owner_id=self.person_id
                )
                message = message.model_copy(update={"turn": live.view()})
            messages.append(message)
        return snapshot.model_copy(update={"messages": messages})

    async def with_rights(self, act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `act` in a thread, after asking again whether this person may still be here."""

        def checked() -> R:
            membership = membership_of(self.person_id, self._workspace_id)
            if (
                membership is None
                or not membership.is_active
                or membership.role != self.standing.role
                or not self._session.exists(self.standing.session_key)
            ):
                raise SignedOut
            return act(*args, **kwargs)

        return await in_thread(checked)()

    def _spend(self) -> None:
        """A token bucket: a burst is fine, a flood is not."""
        moment = monotonic()
        earned = (moment - self._allowed_at) * limits.FRAMES_A_SECOND
        self._allowance = min(limits.FRAMES_AT_ONCE, self._allowance + earned) - 1
        self._allowed_at = moment
        if self._allowance < -limits.FRAMES_AT_ONCE:
            raise Flooded
        if self._allowance < 0:
            raise TooMany("too_many_frames", _("Too many requests at once. Wait a second."), retry_after_s=1)

    # ---------------------------------------------------------------- what the browser is shown

    def send_encoded(self, frame: str, *, holds: Holds) -> None:
        if holds == "nothing":
            if self._outbox_bytes <= limits.SOCKET_BACKLOG_BYTES:
                self._put(frame)
        elif self._opening:
            self._changed_meanwhile |= holds == "rows"
        elif not self._behind:
            self._put(frame)
            if self._outbox_bytes > limits.SOCKET_BACKLOG_BYTES:
                self._outbox.clear()
                self._outbox_bytes = 0
                self._behind = True

    def resynchronise(self) -> None:
        self._behind = True
        self._something.set()

    def post(self, frame: Frame) -> None:
        """To this socket alone: an answer to what it asked, which neither waits nor counts as backlog."""
        self._put(frame.model_dump_json())

    def tell(self, conversation_id: UUID, frame: ServerFrame) -> None:
        """To everybody who watches the conversation, and to this socket, also while it is being sent a snapshot
        instead of what it missed: whoever asked waits for this answer."""
        is_passed_over = (self._opening or self._behind) and snapshot_holds(frame) != "nothing"
        self.process.hub.show(conversation_id, frame)
        if is_passed_over or self._conversation_id != conversation_id:
            self.post(frame)

    def _refuse(self, error: PlatformError, **about: Any) -> None:
        self.post(
            Error(code=error.code, message=str(error.message), retry_after_s=error.retry_after_s, **about)
        )

    def _put(self, frame: str) -> None:
        self._outbox.append(frame)
        self._outbox_bytes += len(frame)
        self._something.set()

    async def _send_outbox(self) -> None:
        """Send at the browser's pace; one that fell behind gets a snapshot instead of what it missed."""
        while True:
            await self._something.wait()
            self._something.clear()
            while self._outbox:
                frame = self._outbox.popleft()
                self._outbox_bytes -= len(frame)
                await self.send(text_data=frame)
            if self._behind:
                self._behind = False
                with translation.override(self._language), workspace_scope(self._workspace_id):
                    try:
                        await self.open(self._conversation_id)
                    except SignedOut:
                        await self.close(SIGNED_OUT)
                    except PlatformError as error:
                        self._refuse(error)

    def watch(self, conversation_id: UUID | None) -> None:
        if self._sender is None and conversation_id is not None:
            return  # it closed while the database was asked
        if self._conversation_id is not None:
            self.process.hub.unwatch(self, self._conversation_id)
        self._conversation_id = conversation_id
        if conversation_id is not None:
            self.process.hub.watch(self, conversation_id)


class SignedOut(NotAllowed):
    """The person left, was suspended, or the session ended: the socket closes."""

    def __init__(self) -> None:
        super().__init__("signed_out", _("You are signed out. Sign in again; your text is kept."))


class Flooded(Exception):
    """The socket goes on after it was told to slow down: it closes."""


def _parsed(text: str | None) -> Frame:
    if text is None:
        raise InvalidInput("not_text", _("The socket takes text frames with JSON."))
    try:
        return client_frame.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        if first["type"] == "json_invalid":
            raise InvalidInput("invalid_json", _("That was not valid JSON.")) from None
        where = ".".join(str(part) for part in first["loc"])[:80]
        raise InvalidInput(
            "invalid_frame", _("The frame is not one of the protocol: %(where)s") % {"where": where}
        ) from None

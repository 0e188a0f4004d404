"""The temporary chats of one web process from their beginning to their end: who watches them, and when they go."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

from django.db import DatabaseError

from chatplatform.accounts.queries import membership_of
from chatplatform.accounts.standing import Standing, session_is_of
from chatplatform.chat.access_watch import AccessWatch
from chatplatform.chat.live import LiveHub
from chatplatform.chat.protocol import ConversationRemoved
from chatplatform.chat.runner import TurnRunner
from chatplatform.chat.temporary import limits
from chatplatform.chat.temporary.acts import record_end, with_role
from chatplatform.chat.temporary.memory import TemporaryChat, TemporaryChats, TemporaryTurn
from chatplatform.chat.temporary.turn_store import MemoryStore
from chatplatform.chat.turns import Unfinished
from chatplatform.common.actors import Actor
from chatplatform.common.errors import PlatformError
from chatplatform.common.scope import workspace_scope
from chatplatform.common.threads import in_thread

logger = logging.getLogger(__name__)

_HOUSE = Actor.system("temporary-chats")


@dataclass(frozen=True, slots=True)
class _Overdue:
    """An end that could not be written down yet."""

    chat_id: UUID
    standing: Standing
    messages: int
    reason: str


@dataclass(eq=False, slots=True)
class _Resident:
    """A chat as the watch over access sees it: it rests on the session that began it, with or without a socket."""

    chat: TemporaryChat
    house: TemporaryHouse

    @property
    def standing(self) -> Standing:
        return self.chat.standing

    async def sign_out(self) -> None:
        await self.house.look_again_at(self.chat)


class TemporaryHouse:
    """Lives in the event loop: `run` it once, `close` it with the process."""

    def __init__(self, hub: LiveHub, runner: TurnRunner, access: AccessWatch) -> None:
        self.chats = TemporaryChats()
        self._hub = hub
        self._runner = runner
        self._access = access
        self._residents: dict[UUID, _Resident] = {}
        self._overdue: deque[_Overdue] = deque(maxlen=limits.OVERDUE)

    def enter(self, chat: TemporaryChat) -> None:
        """A chat has begun."""
        resident = self._residents[chat.id] = _Resident(chat, self)
        self._access.enter(resident)

    def answer(self, chat: TemporaryChat, turn: TemporaryTurn) -> None:
        """Run a turn."""
        unfinished = Unfinished(turn.id, chat.workspace_id, chat.id, chat.person_id)
        self._runner.run(unfinished, store=MemoryStore(chat, turn))

    def leave(self, chat: TemporaryChat) -> None:
        """A chat is over, or kept: it is watched no more."""
        resident = self._residents.pop(chat.id, None)
        if resident is not None:
            self._access.leave(resident)

    async def end(self, chat: TemporaryChat, reason: str, *, actor: Actor = _HOUSE) -> None:
        """Let go of every word of a chat, here and in the engines. Twice changes nothing."""
        if not self.chats.remove(chat):
            return
        self.leave(chat)
        messages, running = len(chat.messages), chat.running
        if running is not None:
            self._runner.stop(running.id)
        await in_thread(_forget)(chat)
        self._hub.show(chat.id, ConversationRemoved(conversation_id=chat.id))
        await self._write_down(_Overdue(chat.id, chat.standing, messages, reason), actor)

    async def look_again_at(self, chat: TemporaryChat) -> None:
        """Somebody's access has changed: a chat ends with its session, and with the person's place."""
        role = await in_thread(_role_of)(chat.standing)
        if role is None:
            await self.end(chat, "signed_out")
        else:
            chat.standing = with_role(chat.standing, role)

    async def run(self) -> None:
        """End what nobody has open any more, until cancelled."""
        while True:
            await asyncio.sleep(limits.SWEEP_S)
            try:
                for chat in self.chats:
                    if self._hub.is_watching(chat.id):
                        chat.watched_at = monotonic()
                    elif monotonic() - chat.watched_at > limits.GRACE_S:
                        await self.end(chat, "unwatched")
                for _ in range(len(self._overdue)):
                    await self._write_down(self._overdue.popleft(), _HOUSE)
            except Exception:
                logger.exception("the sweep of temporary chats failed; it goes on")

    async def close(self) -> None:
        """The process ends: so do its chats."""
        for chat in self.chats:
            await self.end(chat, "process_stopped")

    async def _write_down(self, ended: _Overdue, actor: Actor) -> None:
        try:
            await in_thread(_record)(ended, actor)
        except (DatabaseError, PlatformError) as error:
            logger.warning("an end could not be written down (%s); later", type(error).__name__)
            self._overdue.append(ended)


def _forget(chat: TemporaryChat) -> None:
    with chat.lock:
        chat.forget()


def _role_of(standing: Standing) -> str | None:
    """The role of a person who may still be here; None when place or session are gone."""
    place = membership_of(standing.user_id, standing.workspace_id)
    if place is None or not place.is_active or not session_is_of(standing.session_key, standing.user_id):
        return None
    return place.role


def _record(ended: _Overdue, actor: Actor) -> None:
    with workspace_scope(ended.standing.workspace_id):
        record_end(ended.chat_id, ended.standing, messages=ended.messages, reason=ended.reason, actor=actor)

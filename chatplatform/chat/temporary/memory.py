"""The temporary chats of one web process: what they hold, whose they are, and how much there may be.

Nothing here is ever written down, and nothing shows its words in a `repr`, where a log could pick them up. Threads of
requests change a chat one at a time, under its lock; the event loop only appends to a running answer, and takes no
lock that a thread may hold while it waits for the database.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from time import monotonic
from typing import Literal
from uuid import UUID

from django.utils.translation import gettext as _

from chatplatform.accounts.standing import Standing
from chatplatform.chat.limits import MESSAGES_A_MINUTE, RUNNING_TURNS_A_PERSON
from chatplatform.chat.models import Segment, Turn
from chatplatform.chat.temporary import limits
from chatplatform.chat.temporary.ids import is_of_this_process, new_temporary_id
from chatplatform.chat.thinking import ThinkingClock
from chatplatform.chat.turns import Passport
from chatplatform.common.clock import now
from chatplatform.common.errors import NotFound, TooMany
from chatplatform.common.ids import new_id

Role = Literal["user", "assistant"]


@dataclass(slots=True, eq=False)
class TemporaryMessage:
    """One entry; `on_path` as in rows. A running answer's words are its turn's pieces."""

    role: Role
    number: int
    parent: TemporaryMessage | None = field(repr=False)
    text: str = field(default="", repr=False)
    thinking: str = field(default="", repr=False)
    client_id: UUID | None = None
    turn: TemporaryTurn | None = field(default=None, repr=False)
    on_path: bool = True
    tokens: int | None = None
    tokens_of: str = ""
    id: UUID = field(default_factory=new_id)
    created_at: datetime = field(default_factory=now)


@dataclass(slots=True, eq=False)
class TemporaryTurn:
    """What is done to answer one message. `pieces` are numbered like the segments of a row, from 1 on, and of the same
    kinds."""

    question: TemporaryMessage = field(repr=False)
    answer: TemporaryMessage = field(repr=False)
    client_id: UUID | None = None
    state: Turn.State = Turn.State.QUEUED
    error_code: str = ""
    stop_requested: bool = False
    counted_at: datetime | None = None
    pieces: list[tuple[Segment.Kind, str]] = field(default_factory=list, repr=False)
    clock: ThinkingClock = field(default_factory=ThinkingClock)
    passport: Passport = field(default_factory=Passport)
    finished_at: datetime | None = None
    id: UUID = field(default_factory=new_id)
    created_at: datetime = field(default_factory=now)

    @property
    def is_over(self) -> bool:
        return self.state not in Turn.UNFINISHED

    def joined(self, kind: Segment.Kind) -> str:
        """All pieces of this kind."""
        return "".join(piece for of, piece in tuple(self.pieces) if of == kind)


@dataclass(slots=True, eq=False)
class TemporaryChat:
    """A chat of one person, opened in one session."""

    standing: Standing
    assistant_id: UUID | None
    id: UUID = field(default_factory=new_temporary_id)
    messages: list[TemporaryMessage] = field(default_factory=list, repr=False)
    has_ended: bool = False
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    watched_at: float = field(default_factory=monotonic)
    lock: Lock = field(default_factory=Lock, repr=False)

    @property
    def person_id(self) -> UUID:
        return self.standing.user_id

    @property
    def workspace_id(self) -> UUID:
        return self.standing.workspace_id

    @property
    def path(self) -> list[TemporaryMessage]:
        """The messages that are shown, oldest first."""
        return [message for message in tuple(self.messages) if message.on_path]

    @property
    def turns(self) -> list[TemporaryTurn]:
        return [message.turn for message in tuple(self.messages) if message.turn is not None]

    @property
    def running(self) -> TemporaryTurn | None:
        return next((turn for turn in self.turns if not turn.is_over), None)

    @property
    def characters(self) -> int:
        """How much it holds, replaced answers included."""
        pieces = sum(len(piece) for turn in self.turns for _kind, piece in tuple(turn.pieces))
        messages = tuple(self.messages)
        return pieces + sum(len(message.text) + len(message.thinking) for message in messages)

    def forget(self) -> None:
        """Let go of every word."""
        self.has_ended = True
        for turn in self.turns:
            turn.pieces.clear()
        self.messages.clear()


class TemporaryChats:
    """All of them in this process. May be asked from any thread."""

    def __init__(self) -> None:
        self._chats: dict[UUID, TemporaryChat] = {}
        self._kept: OrderedDict[UUID, tuple[UUID, UUID]] = OrderedDict()
        self._lock = Lock()

    def __iter__(self) -> Iterator[TemporaryChat]:
        return iter(tuple(self._chats.values()))

    def __len__(self) -> int:
        return len(self._chats)

    def own(self, conversation_id: UUID, person_id: UUID, workspace_id: UUID) -> TemporaryChat:
        """Raises NotFound for one that is over, lives in another process, or is another person's."""
        chat = self._chats.get(conversation_id)
        if chat is not None and (chat.person_id, chat.workspace_id) == (person_id, workspace_id):
            return chat
        raise gone(conversation_id)

    def of_turn(
        self, named: Collection[UUID], standing: Standing
    ) -> tuple[TemporaryChat, TemporaryTurn] | None:
        """The chat of this person, in this workspace, with a turn that is named, by itself, its question or its
        answer; the last one, if there are several."""
        for chat in self:
            if (chat.person_id, chat.workspace_id) == (standing.user_id, standing.workspace_id):
                for turn in reversed(chat.turns):
                    if {turn.id, turn.question.id, turn.answer.id} & set(named):
                        return chat, turn
        return None

    def sent_before(self, client_id: UUID, person_id: UUID) -> tuple[TemporaryChat, TemporaryTurn] | None:
        """The first answer to what the person sent by this id, if it was sent before."""
        for chat in self:
            if chat.person_id == person_id:
                for turn in chat.turns:
                    if turn.question.client_id == client_id:
                        return chat, turn
        return None

    def add(self, chat: TemporaryChat) -> None:
        """Keep a chat that has begun. Raises TooMany where there is no room for it."""
        with self._lock:
            if sum(other.person_id == chat.person_id for other in self) >= limits.CHATS_A_PERSON:
                raise TooMany(
                    "too_many_temporary_chats",
                    _("You have %(n)d temporary chats open. Close or keep one of them first.")
                    % {"n": limits.CHATS_A_PERSON},
                )
            self._chats[chat.id] = chat

    def remove(self, chat: TemporaryChat) -> bool:
        """Let go of a chat; false if that has been done already."""
        with self._lock:
            return self._chats.pop(chat.id, None) is not None

    def note_kept(self, chat: TemporaryChat, conversation_id: UUID) -> None:
        """Remember for a while which conversation a chat became, for those who ask for it by its old id."""
        with self._lock:
            self._kept[chat.id] = (chat.person_id, conversation_id)
            while len(self._kept) > limits.KEPT_REMEMBERED:
                self._kept.popitem(last=False)

    def kept_as(self, conversation_id: UUID, person_id: UUID) -> UUID | None:
        """The conversation that a chat of this person became."""
        owner_id, kept_id = self._kept.get(conversation_id, (None, None))
        return kept_id if owner_id == person_id else None

    def require_room(self, chat: TemporaryChat, text: str) -> None:
        """Raises TooMany when the chat, or all of them together, have grown too long for another message."""
        if chat.characters + len(text) > limits.CHARS_A_CHAT:
            raise TooMany(
                "temporary_chat_full",
                _("This temporary chat is as long as one may be. Keep it to go on, or begin a new one."),
            )
        if sum(each.characters for each in self) + len(text) > limits.CHARS_IN_ALL:
            raise TooMany(
                "temporary_memory_full",
                _("There is no room for more in temporary chats now. Try again later, or keep this chat."),
                retry_after_s=60,
            )

    def require_pace(self, person_id: UUID) -> None:
        """The limits of the chat, for what has no rows to be counted. Raises TooMany."""
        turns = [turn for chat in self if chat.person_id == person_id for turn in chat.turns]
        moment = now()
        # as in beginning.py: a clock that was set back holds nobody up
        if (
            sum(moment - timedelta(minutes=1) < turn.created_at <= moment for turn in turns)
            >= MESSAGES_A_MINUTE
        ):
            raise TooMany(
                "too_many_messages",
                _("That was more than %(n)d messages in a minute. Wait a little and send it again.")
                % {"n": MESSAGES_A_MINUTE},
                retry_after_s=20,
            )
        if sum(not turn.is_over for turn in turns) >= RUNNING_TURNS_A_PERSON:
            raise TooMany(
                "too_many_answers",
                _(
                    "%(n)d of your questions are being answered. Wait for one or stop one, then send this again."
                )
                % {"n": RUNNING_TURNS_A_PERSON},
                retry_after_s=5,
            )


def gone(conversation_id: UUID) -> NotFound:
    """The error for a chat that is not here: over, or in another web process, which only trying again can tell."""
    if is_of_this_process(conversation_id):
        return NotFound("temporary_chat_gone", _("This temporary chat is over, and its messages are gone."))
    return NotFound(
        "temporary_chat_elsewhere",
        _(
            "This temporary chat was in the memory of a server process that is no longer there, or that this "
            "connection does not reach. It cannot be brought back."
        ),
    )

"""What sockets of this process see: the running turns, and who watches what. Lives in the event loop only.

A live turn is a view of committed rows. It is fed by the runner when the turn runs here, and by the tail of the
rows when another process runs it; its watchers cannot tell the difference.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal, Protocol, cast
from uuid import UUID

from chatplatform.chat.protocol import (
    ConversationChanged,
    ConversationRemoved,
    Delta,
    Kept,
    ServerFrame,
    Tail,
    TurnChanged,
    TurnState,
    TurnView,
)
from chatplatform.chat.streaming_markdown import StreamingMarkdown
from chatplatform.chat.thinking import ThinkingClock

Holds = Literal["rows", "live turn", "nothing"]


class Watcher(Protocol):
    """A socket, as the hub sees it."""

    def send_encoded(self, frame: str, *, holds: Holds) -> None:
        """Take an encoded frame without waiting; a watcher that is behind drops it and resynchronises.

        `holds` is what a snapshot has of it: rows, which have to be read after it; the live turn, which is put in
        when the snapshot goes out; or nothing, and then only the frame itself tells it.
        """

    def resynchronise(self) -> None:
        """Read everything anew from the rows."""


@dataclass(slots=True)
class LiveTurn:
    """One running turn: `sequence` numbers the deltas shown here, `segment` the last row that they hold. `thinking` is
    what the model thought so far, where that is shown; `clock` says for how long."""

    id: UUID
    conversation_id: UUID
    owner_id: UUID
    state: TurnState = "queued"
    queue_position: int | None = None
    queue_wait_s: float | None = None
    sequence: int = 0
    segment: int = 0
    runs_here: bool = False
    markdown: StreamingMarkdown = field(default_factory=StreamingMarkdown)
    thinking: str = ""
    clock: ThinkingClock = field(default_factory=ThinkingClock)

    def view(self) -> TurnView:
        return TurnView(
            id=self.id,
            state=self.state,
            sequence=self.sequence,
            blocks=list(self.markdown.blocks),
            tail=self._tail(),
            queue_position=self.queue_position,
            queue_wait_s=self.queue_wait_s,
            thinking=self.thinking,
            thought_s=self.clock.thought_s,
            is_thinking=self.clock.is_running,
            has_thinking=bool(self.thinking),
        )

    def feed(self, text: str, segment: int, *, thinking: str = "") -> Delta:
        """Show committed text, and thinking, up to the turn's segment number `segment`."""
        self.thinking += thinking
        change = self.markdown.feed(text)
        self.sequence += 1
        self.segment = segment
        return Delta(
            turn_id=self.id,
            sequence=self.sequence,
            blocks=change.blocks,
            tail=self._tail() if change.tail_replaced else None,
            tail_add="" if change.tail_replaced else change.tail_text,
            thinking_add=thinking,
            thought_s=self.clock.thought_s,
            is_thinking=self.clock.is_running,
        )

    def _tail(self) -> Tail:
        kind = cast(Literal["text", "code"], self.markdown.tail_kind)
        return Tail(kind=kind, language=self.markdown.tail_language, text=self.markdown.tail_text)


class LiveHub:
    """All live turns and watchers of this process."""

    def __init__(self) -> None:
        self.turns: dict[UUID, LiveTurn] = {}
        self._of_conversation: dict[UUID, set[Watcher]] = defaultdict(set)
        self._of_person: dict[UUID, set[Watcher]] = defaultdict(set)

    def turn(self, turn_id: UUID, *, conversation_id: UUID, owner_id: UUID) -> LiveTurn:
        """The live turn, made when this process meets it for the first time."""
        live = self.turns.get(turn_id)
        if live is None:
            live = self.turns[turn_id] = LiveTurn(turn_id, conversation_id, owner_id)
        return live

    def forget(self, turn_id: UUID) -> None:
        self.turns.pop(turn_id, None)

    def watched_elsewhere(self) -> list[LiveTurn]:
        """Turns that somebody watches here while another process runs them."""
        return [
            turn
            for turn in self.turns.values()
            if not turn.runs_here and self._of_conversation.get(turn.conversation_id)
        ]

    def set_state(
        self,
        turn: LiveTurn,
        state: TurnState,
        queue_position: int | None = None,
        queue_wait_s: float | None = None,
    ) -> None:
        if (turn.state, turn.queue_position, turn.queue_wait_s) == (state, queue_position, queue_wait_s):
            return
        turn.state, turn.queue_position, turn.queue_wait_s = state, queue_position, queue_wait_s
        self.show(
            turn.conversation_id,
            TurnChanged(
                turn_id=turn.id, state=state, queue_position=queue_position, queue_wait_s=queue_wait_s
            ),
        )

    # ---------------------------------------------------------------- watchers

    def enter(self, watcher: Watcher, person_id: UUID) -> None:
        self._of_person[person_id].add(watcher)

    def leave(self, watcher: Watcher, person_id: UUID) -> None:
        _discard(self._of_person, person_id, watcher)

    def watch(self, watcher: Watcher, conversation_id: UUID) -> None:
        self._of_conversation[conversation_id].add(watcher)

    def unwatch(self, watcher: Watcher, conversation_id: UUID) -> None:
        _discard(self._of_conversation, conversation_id, watcher)

    def is_watching(self, conversation_id: UUID) -> bool:
        """Whether anybody has the conversation open here."""
        return conversation_id in self._of_conversation

    @property
    def open_sockets(self) -> int:
        return sum(len(watchers) for watchers in self._of_person.values())

    def sockets_of(self, person_id: UUID) -> int:
        return len(self._of_person.get(person_id, ()))

    @property
    def is_watched(self) -> bool:
        return bool(self._of_person)

    def show(self, conversation_id: UUID, frame: ServerFrame) -> None:
        """Send to every watcher of the conversation; encoded once."""
        _send(self._of_conversation.get(conversation_id), frame)

    def show_person(self, person_id: UUID, frame: ServerFrame) -> None:
        """Send to every socket of the person."""
        _send(self._of_person.get(person_id), frame)

    def resynchronise(self, conversation_id: UUID) -> None:
        for watcher in tuple(self._of_conversation.get(conversation_id, ())):
            watcher.resynchronise()


def _discard(index: dict[UUID, set[Watcher]], key: UUID, watcher: Watcher) -> None:
    index[key].discard(watcher)
    if not index[key]:
        del index[key]


def _send(watchers: set[Watcher] | None, frame: ServerFrame) -> None:
    if watchers:
        encoded, holds = frame.model_dump_json(), snapshot_holds(frame)
        for watcher in tuple(watchers):
            watcher.send_encoded(encoded, holds=holds)


def snapshot_holds(frame: ServerFrame) -> Holds:
    """See `Watcher.send_encoded`."""
    match frame:
        case Delta() | TurnChanged():
            return "live turn"
        case ConversationChanged() | ConversationRemoved() | Kept():
            return "nothing"
    return "rows"

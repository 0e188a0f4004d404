"""Where a turn lives: in rows, or in memory alone. What runs it cannot tell the difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from django.db import transaction

from chatplatform.chat import queries, turns
from chatplatform.chat.inside.records import PromptLog
from chatplatform.chat.leases import this_process
from chatplatform.chat.live import LiveTurn
from chatplatform.chat.models import Segment, Turn
from chatplatform.chat.prompt_building import BuiltPrompt
from chatplatform.chat.protocol import MessageView
from chatplatform.chat.segments import SegmentWriter
from chatplatform.chat.thinking import ThinkingClock
from chatplatform.chat.turns import Passport, TurnWork
from chatplatform.inference.gateway import ModelEvent, Sampling
from chatplatform.privacy.subjects import Subject


class TurnLog(Protocol):
    """What is written down of the requests of one turn; see inside/records.py."""

    @property
    def commitment(self) -> str: ...

    async def sent(self, work: TurnWork, built: BuiltPrompt, *, model: str, sampling: Sampling) -> None: ...
    def note(self, event: ModelEvent) -> None: ...
    def ended(self) -> None: ...
    async def settle(self) -> None: ...
    def close(self) -> None: ...
    def save(self) -> None: ...


class TurnStore(Protocol):
    """One turn. `append` runs in the event loop, the rest in threads, inside the turn's workspace scope."""

    @property
    def is_leased(self) -> bool:
        """Whether another process takes it up when its lease is not renewed."""

    @property
    def apart(self) -> UUID | None:
        """The conversation whose words engines keep apart and never write down."""

    @property
    def log(self) -> TurnLog: ...

    def load(self) -> TurnWork:
        """Raises LeaseLost when it is gone or somebody else's, NotFound when its assistant is gone."""

    async def append(self, sequence: int, text: str, kind: Segment.Kind) -> None:
        """Keep the piece number `sequence` before it is shown. Raises LeaseLost."""

    def set_state(self, state: Turn.State) -> None: ...

    def set_thinking(self, clock: ThinkingClock) -> None:
        """The model began to think, or is done with it."""

    def finish(
        self,
        state: Turn.State,
        passport: Passport,
        *,
        error_code: str,
        lengths: Mapping[UUID, int],
        lengths_of: str,
    ) -> MessageView | None:
        """End it; the answer as it is shown, or None where nobody is to see it. Raises LeaseLost."""

    def lost(self) -> None:
        """It is not this process's any more: deleted, or taken over."""

    def broken_off(self) -> None:
        """Its run ended without an end. In the event loop."""


class RowStore:
    """A turn in rows: durable before it is shown, and continued by another process if this one dies."""

    is_leased = True
    apart = None

    def __init__(self, live: LiveTurn, workspace_id: UUID, writer: SegmentWriter) -> None:
        self._id = live.id
        self._owner_id = live.owner_id
        self._workspace_id = workspace_id
        self._writer = writer
        self.log = PromptLog()

    def load(self) -> TurnWork:
        return turns.load(self._id)

    async def append(self, sequence: int, text: str, kind: Segment.Kind) -> None:
        await self._writer.append(
            turn_id=self._id,
            workspace_id=self._workspace_id,
            owner=Subject.person(self._owner_id),
            sequence=sequence,
            text=text,
            kind=kind,
            lease_owner=this_process(),
        )

    def set_state(self, state: Turn.State) -> None:
        turns.set_state(self._id, state)

    def set_thinking(self, clock: ThinkingClock) -> None:
        turns.set_thinking(self._id, clock)

    def finish(
        self,
        state: Turn.State,
        passport: Passport,
        *,
        error_code: str,
        lengths: Mapping[UUID, int],
        lengths_of: str,
    ) -> MessageView | None:
        with transaction.atomic():
            self.log.save()
            turns.finish(
                self._id, state, passport, error_code=error_code, lengths=lengths, lengths_of=lengths_of
            )
        return queries.finished_answer(self._id)

    def lost(self) -> None:
        turns.forget_deleted(self._id, self._owner_id)

    def broken_off(self) -> None:
        """The lease ends by itself, and the turn is taken up again, here or elsewhere."""

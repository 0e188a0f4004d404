"""Brings what other processes write to the sockets of this one: announcements, and turns that run elsewhere.

Announcements are looked for with an overlap, not only after the last id: on PostgreSQL a row may be committed
after one with a higher id.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from uuid import UUID

from django.db.models import Max

from chatplatform.chat import queries
from chatplatform.chat.live import LiveHub, LiveTurn
from chatplatform.chat.models import Announcement, Turn
from chatplatform.chat.protocol import (
    ConversationChanged,
    ConversationRemoved,
    ConversationView,
    Finished,
    MessageChanged,
    MessageView,
)
from chatplatform.chat.runner import TurnRunner
from chatplatform.chat.segments import Said, said_so_far
from chatplatform.chat.sources.queries import source_numbers
from chatplatform.chat.thinking import ThinkingClock
from chatplatform.chat.wake import listen
from chatplatform.common.errors import NotFound
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.common.threads import in_thread
from chatplatform.privacy.subjects import Subject

logger = logging.getLogger(__name__)

# Wake-ups are coalesced: at most one look in this time.
WOKEN_POLL_S = 0.02
BUSY_POLL_S = 0.1
IDLE_POLL_S = 0.4
OVERLAP_S = 15.0


class Tail:
    """One for each web process."""

    def __init__(self, hub: LiveHub, runner: TurnRunner) -> None:
        self._hub = hub
        self._runner = runner
        self._seen: OrderedDict[int, float] = OrderedDict()
        self._floor: int | None = None

    async def run(self) -> None:
        """Follow the rows until cancelled; a failing database is waited out."""
        woken = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(listen(woken))
            await self._follow_rows(woken)

    async def _follow_rows(self, woken: asyncio.Event) -> None:
        while True:
            woken.clear()
            elsewhere: list[LiveTurn] = []
            try:
                await self._tell(await in_thread(self._new)())
                elsewhere = self._hub.watched_elsewhere()
                for live in elsewhere:
                    await self._follow(live)
            except Exception:
                logger.exception("the tail of announcements failed; it goes on")
            await asyncio.sleep(WOKEN_POLL_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(BUSY_POLL_S if elsewhere else IDLE_POLL_S):
                    await woken.wait()

    def _new(self) -> list[Announcement]:
        """Rows that this process has not seen. What was announced before it started, nobody here watches."""
        with all_workspaces("one query tells every workspace's sockets"):
            if self._floor is None:
                self._floor = Announcement.objects.aggregate(last=Max("id"))["last"] or 0
            ids = Announcement.objects.filter(id__gt=self._floor).values_list("id", flat=True)
            fresh = [row_id for row_id in ids if row_id not in self._seen]
            rows = list(Announcement.objects.filter(id__in=fresh).order_by("id")) if fresh else []
        moment = monotonic()
        for row in rows:
            self._seen[row.id] = moment
        while self._seen and next(iter(self._seen.values())) < moment - OVERLAP_S:
            self._floor = max(self._floor, self._seen.popitem(last=False)[0])
        return rows

    async def _tell(self, rows: Sequence[Announcement]) -> None:
        changed: dict[UUID, Announcement] = {}
        for row in rows:
            match row.kind:
                case Announcement.Kind.STOP if row.turn_id is not None:
                    # it may have been continued since
                    if await in_thread(_is_to_stop)(row.turn_id):
                        self._runner.stop(row.turn_id)
                case Announcement.Kind.REMOVED:
                    changed.pop(row.conversation_id, None)
                    self._hub.show_person(
                        row.owner_id, ConversationRemoved(conversation_id=row.conversation_id)
                    )
                    self._hub.resynchronise(row.conversation_id)
                case Announcement.Kind.PATH | Announcement.Kind.QUEUE:
                    self._hub.resynchronise(row.conversation_id)
                case Announcement.Kind.MESSAGE if row.message_id is not None:
                    message = await in_thread(_message)(row)
                    if message is not None:
                        self._hub.show(
                            row.conversation_id,
                            MessageChanged(conversation_id=row.conversation_id, message=message),
                        )
                case Announcement.Kind.TURN | Announcement.Kind.CONVERSATION if self._hub.sockets_of(
                    row.owner_id
                ):
                    changed[row.conversation_id] = row
                    if row.turn_id is not None and not self._runner.has_run(row.turn_id):
                        self._hub.resynchronise(row.conversation_id)
        for row in changed.values():
            view = await in_thread(_conversation)(row)
            if view is not None:
                self._hub.show_person(row.owner_id, ConversationChanged(conversation=view))

    async def _follow(self, live: LiveTurn) -> None:
        """Show what another process has committed of a turn."""
        said, clock, finished, gone = await in_thread(_progress)(live)
        if live.runs_here:
            return  # taken over by this process meanwhile
        if said.segment > live.segment or (clock is not None and clock.is_running != live.clock.is_running):
            live.clock = clock or live.clock
            self._hub.set_state(live, "running")
            segment = max(said.segment, live.segment)
            self._hub.show(live.conversation_id, live.feed(said.text, segment, thinking=said.thinking))
        if finished is not None:
            self._hub.forget(live.id)
            if finished.turn is not None and finished.turn.error is not None:
                self._hub.resynchronise(live.conversation_id)
            else:
                self._hub.show(live.conversation_id, Finished(turn_id=live.id, message=finished))
        elif gone:
            self._hub.forget(live.id)
            self._hub.resynchronise(live.conversation_id)


def _conversation(row: Announcement) -> ConversationView | None:
    with workspace_scope(row.workspace_id):
        try:
            return queries.conversation_of(row.owner_id, row.conversation_id)
        except NotFound:
            return None


def _is_to_stop(turn_id: UUID) -> bool:
    with all_workspaces("the stop was authorised when it was asked for"):
        return Turn.objects.filter(id=turn_id, stop_requested_at__isnull=False).exists()


def _message(row: Announcement) -> MessageView | None:
    with workspace_scope(row.workspace_id):
        return queries.message_of(row.owner_id, row.message_id) if row.message_id is not None else None


def _progress(live: LiveTurn) -> tuple[Said, ThinkingClock | None, MessageView | None, bool]:
    """What is new, how long it has thought, the answer if the turn is over, and whether the turn is gone."""
    nothing = Said("", "", 0)
    with all_workspaces("the watcher was authorised when it opened the conversation"):
        turn = Turn.objects.filter(id=live.id).select_related("conversation").first()
        if turn is None:
            return nothing, None, None, True
        if turn.state not in Turn.UNFINISHED:
            return nothing, None, queries.finished_answer(live.id), False
        if not live.segment:
            live.markdown.sources = source_numbers(live.id)
        said = said_so_far(turn, Subject.person(live.owner_id), after=live.segment)
        return said, ThinkingClock(turn.thought_s, turn.thinking_since), None, False

"""The turns of one web process: runs them apart from any socket, keeps their leases, takes up what others dropped."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic
from uuid import UUID

from chatplatform.chat import limits, queueing, turns
from chatplatform.chat.begun import Begun, begun, unfinished
from chatplatform.chat.live import LiveHub
from chatplatform.chat.pipeline import TurnRun
from chatplatform.chat.segments import SegmentWriter
from chatplatform.chat.turn_store import RowStore, TurnStore
from chatplatform.chat.turns import TurnWork, Unfinished
from chatplatform.common import measured
from chatplatform.common.scope import workspace_scope
from chatplatform.common.threads import in_thread

logger = logging.getLogger(__name__)

REMEMBERED = 1_000


class TurnRunner:
    """Owns every turn that runs here. Lives as long as the process: `start`, then `hand_over`, then `close`."""

    def __init__(self, hub: LiveHub) -> None:
        self._hub = hub
        self._writer = SegmentWriter()
        self._runs: dict[UUID, tuple[TurnRun, asyncio.Task[None]]] = {}
        self._chores: list[asyncio.Task[None]] = []
        self._has_run: deque[UUID] = deque(maxlen=REMEMBERED)
        self._following: set[asyncio.Task[None]] = set()
        self._leaving = False

    async def start(self) -> None:
        self._writer.start()
        self._chores = [
            asyncio.create_task(self._every(limits.LEASE_RENEWAL_S, self._renew)),
            asyncio.create_task(self._every(limits.TAKEOVER_S, self._take_over)),
        ]

    @property
    def running(self) -> int:
        return len(self._runs)

    async def hand_over(self, *, after_s: float) -> None:
        """Let running turns end, at most so long; then release the rest, so that others go on with them at once."""
        self._leaving = True
        _, take_over = self._chores
        take_over.cancel()
        ends_at = monotonic() + after_s
        # asked again, because one may begin while the others end
        while self._runs and (left_s := ends_at - monotonic()) > 0:
            await asyncio.wait([task for _, task in self._runs.values()], timeout=left_s)
        await self._break_off()

    async def close(self) -> None:
        """Release what is left, and end. Text that was taken from the engine is committed before."""
        await self._break_off()
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        await in_thread(self._writer.stop)()
        await in_thread(turns.release_leases)()

    async def _break_off(self) -> None:
        self._leaving = True
        running = [task for _, task in self._runs.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if running:
            logger.info("%d turns are handed over", len(running))
            # what the writer still has of them is refused once another process has taken the lease
            await in_thread(turns.release_leases)()

    def run(self, turn: Unfinished, *, work: TurnWork | None = None, store: TurnStore | None = None) -> None:
        """Run a turn whose lease this process holds, from `work` if it is at hand; or one that lives in a `store` of
        its own. Twice changes nothing."""
        if turn.id in self._runs:
            return
        live = self._hub.turn(turn.id, conversation_id=turn.conversation_id, owner_id=turn.owner_id)
        live.runs_here = True
        store = store or RowStore(live, turn.workspace_id, self._writer)
        run = TurnRun(live, workspace_id=turn.workspace_id, hub=self._hub, store=store, work=work)
        # a context of its own: nothing of the request or socket that began it may leak into it
        task = asyncio.create_task(run.run(), context=contextvars.Context())
        self._runs[turn.id] = (run, task)
        self._has_run.append(turn.id)
        task.add_done_callback(lambda done: self._over(turn, done))

    def has_run(self, turn_id: UUID) -> bool:
        """Whether the turn ran here lately, so that this process has shown it already."""
        return turn_id in self._has_run

    def stop(self, turn_id: UUID) -> None:
        """Stop a turn if it runs here."""
        entry = self._runs.get(turn_id)
        if entry is not None:
            entry[0].stop()

    def _over(self, turn: Unfinished, task: asyncio.Task[None]) -> None:
        run, _ = self._runs.pop(turn.id)
        error = None if task.cancelled() else task.exception()
        if task.cancelled() or error is not None:
            # the lease ends by itself and the turn is taken up again, here or elsewhere
            run.abandon()
        if error is not None:
            logger.error("turn %s broke off", turn.id, exc_info=error)
        elif run.is_leased and not task.cancelled() and not self._leaving:
            following = asyncio.create_task(
                self._follow(turn.conversation_id, turn.workspace_id, turn.id), context=contextvars.Context()
            )
            self._following.add(following)
            following.add_done_callback(self._following.discard)

    async def _follow(
        self, conversation_id: UUID, workspace_id: UUID, after_turn_id: UUID | None = None
    ) -> None:
        """Begin with the next message that waits in this conversation; the sweep does what fails here."""

        def next_turn() -> Begun | None:
            submitted = queueing.begin_next(conversation_id, after_turn_id=after_turn_id)
            client_id = submitted.turn.question.client_id if submitted is not None else None
            if submitted is None or not submitted.is_new or client_id is None:
                return None
            return begun(submitted, client_id)

        try:
            with workspace_scope(workspace_id):
                what = await in_thread(next_turn)()
        except Exception:
            logger.exception("the next message of a conversation was not sent; it is tried again")
            return
        if what is not None:
            self._hub.show(conversation_id, what.frame)
            self.run(unfinished(what.submitted.turn), work=what.work)

    async def _every(self, seconds: float, chore: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await chore()
            except Exception:
                logger.exception("a chore of the turn runner failed; it is tried again")
            await asyncio.sleep(seconds)

    async def _renew(self) -> None:
        running = [turn_id for turn_id, (run, _) in self._runs.items() if run.is_leased]
        if not running:
            return
        held = await in_thread(turns.renew_leases)(running)
        for turn_id in running:
            if turn_id not in held and turn_id in self._runs:
                # over by now, or another process's: in the second case it must not go on
                await asyncio.sleep(0.5)
                if turn_id in self._runs:
                    self._runs[turn_id][1].cancel()

    async def _take_over(self) -> None:
        for turn in await in_thread(turns.abandoned_turns)(tuple(self._runs)):
            if turn.id not in self._runs and await in_thread(turns.claim)(turn):
                logger.info("taking up turn %s, which its process dropped", turn.id)
                measured.TURNS_TAKEN_UP.add()
                self.run(turn)
        for queue in await in_thread(queueing.waiting_queues)():
            await self._follow(queue.conversation_id, queue.workspace_id)

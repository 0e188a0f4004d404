"""The turns of one web process: runs them apart from any socket, keeps their leases, takes up what others dropped."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic
from uuid import UUID

from chatplatform.chat import limits, turns
from chatplatform.chat.live import LiveHub
from chatplatform.chat.pipeline import TurnRun
from chatplatform.chat.segments import SegmentWriter
from chatplatform.chat.turns import TurnWork, Unfinished
from chatplatform.common import measured
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
        running = [task for _, task in self._runs.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if running:
            logger.info("%d turns are handed over", len(running))
            # what the writer still has of them is refused once another process has taken the lease
            await in_thread(turns.release_leases)()

    def run(self, turn: Unfinished, *, work: TurnWork | None = None) -> None:
        """Run a turn whose lease this process holds, from `work` if it is at hand. Twice changes nothing."""
        if turn.id in self._runs:
            return
        live = self._hub.turn(turn.id, conversation_id=turn.conversation_id, owner_id=turn.owner_id)
        live.runs_here = True
        run = TurnRun(live, workspace_id=turn.workspace_id, hub=self._hub, writer=self._writer, work=work)
        # a context of its own: nothing of the request or socket that began it may leak into it
        task = asyncio.create_task(run.run(), context=contextvars.Context())
        self._runs[turn.id] = (run, task)
        self._has_run.append(turn.id)
        task.add_done_callback(lambda done: self._over(turn.id, done))

    def has_run(self, turn_id: UUID) -> bool:
        """Whether the turn ran here lately, so that this process has shown it already."""
        return turn_id in self._has_run

    def stop(self, turn_id: UUID) -> None:
        """Stop a turn if it runs here."""
        entry = self._runs.get(turn_id)
        if entry is not None:
            entry[0].stop()

    def _over(self, turn_id: UUID, task: asyncio.Task[None]) -> None:
        run, _ = self._runs.pop(turn_id)
        error = None if task.cancelled() else task.exception()
        if task.cancelled() or error is not None:
            # the lease ends by itself and the turn is taken up again, here or elsewhere
            run.abandon()
        if error is not None:
            logger.error("turn %s broke off", turn_id, exc_info=error)

    async def _every(self, seconds: float, chore: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await chore()
            except Exception:
                logger.exception("a chore of the turn runner failed; it is tried again")
            await asyncio.sleep(seconds)

    async def _renew(self) -> None:
        running = list(self._runs)
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

"""One piece of work at a time, in one thread; what a person waits for goes first."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class Turns:
    """Of equal urgency, whoever waits longest is next: who has several pieces to do waits anew for each."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encoder")
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()
        self._is_busy = False
        self._asking = 0

    @contextmanager
    def urgently(self) -> Iterator[None]:
        """While somebody is in here, others begin nothing: between two pieces of urgent work no other comes in."""
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1
            if not self._is_busy:
                self._next()

    async def run(self, work: Callable[[], T], *, urgent: bool) -> T:
        """Do `work` in the thread. Cancelled while it waits, it is never done; later, it ends by itself first."""
        await self._turn(urgent)
        running = asyncio.get_running_loop().run_in_executor(self._thread, work)
        running.add_done_callback(self._pass_on)
        return await asyncio.shield(running)

    async def _turn(self, urgent: bool) -> None:
        if not self._is_busy and (urgent or not self._asking):
            self._is_busy = True
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._urgent if urgent else self._others).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it came at the same moment
                self._next()
            raise

    def _pass_on(self, ended: asyncio.Future[T]) -> None:
        if not ended.cancelled():
            ended.exception()  # whoever gave it up does not ask
        self._next()

    def _next(self) -> None:
        self._is_busy = False
        for waiting in (self._urgent,) if self._asking else (self._urgent, self._others):
            while waiting:
                turn = waiting.popleft()
                if not turn.done():
                    self._is_busy = True
                    turn.set_result(None)
                    return

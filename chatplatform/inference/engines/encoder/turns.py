"""One piece of work at a time, in one thread; what a person waits for goes first."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from enum import IntEnum
from typing import TypeVar

T = TypeVar("T")

IN_A_ROW = 4
"""So many pieces of reranking may follow one another while documents wait: then one of theirs is done."""


class Urgency(IntEnum):
    """The most urgent first: a search begins with its question and ends with its reranking."""

    QUESTION = 0
    RERANKING = 1
    DOCUMENT = 2


class Turns:
    """Of equal urgency, whoever waits longest is next: who has several pieces to do waits anew for each."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encoder")
        self._waiting: dict[Urgency, deque[asyncio.Future[None]]] = {each: deque() for each in Urgency}
        self._under_way: Counter[Urgency] = Counter()
        self._in_a_row = 0
        self._is_busy = False

    @contextmanager
    def held_for(self, urgency: Urgency) -> Iterator[None]:
        """While somebody is in here, what is less urgent begins nothing: between two pieces of one's work no other
        comes in, but for documents that reranking has kept waiting long enough."""
        self._under_way[urgency] += 1
        try:
            yield
        finally:
            self._under_way[urgency] -= 1
            if not self._is_busy:
                self._next()

    async def run(self, work: Callable[[], T], urgency: Urgency) -> T:
        """Do `work` in the thread. Cancelled while it waits, it is never done; later, it ends by itself first."""
        await self._turn(urgency)
        running = asyncio.get_running_loop().run_in_executor(self._thread, work)
        running.add_done_callback(self._pass_on)
        return await asyncio.shield(running)

    async def _turn(self, urgency: Urgency) -> None:
        if not self._is_busy and urgency in self._order():
            self._begin(urgency)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[urgency].append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it came at the same moment
                self._next()
            raise

    def _order(self) -> tuple[Urgency, ...]:
        """Who may begin now, in this order."""
        if self._under_way[Urgency.QUESTION]:
            return (Urgency.QUESTION,)
        if self._in_a_row >= IN_A_ROW:
            return (Urgency.QUESTION, Urgency.DOCUMENT, Urgency.RERANKING)
        if self._under_way[Urgency.RERANKING]:
            return (Urgency.QUESTION, Urgency.RERANKING)
        return tuple(Urgency)

    def _begin(self, urgency: Urgency) -> None:
        self._is_busy = True
        if urgency == Urgency.RERANKING:
            self._in_a_row += 1
        elif urgency == Urgency.DOCUMENT:
            self._in_a_row = 0

    def _pass_on(self, ended: asyncio.Future[T]) -> None:
        if not ended.cancelled():
            ended.exception()  # whoever gave it up does not ask
        self._next()

    def _next(self) -> None:
        self._is_busy = False
        for urgency in self._order():
            waiting = self._waiting[urgency]
            while waiting:
                turn = waiting.popleft()
                if not turn.done():
                    self._begin(urgency)
                    turn.set_result(None)
                    return

"""The waiting line: interactive requests before background ones, and among each, people in turn.

Whoever has the fewest answers under way is next; among equals, who came first. So someone with fifty requests
waits behind nobody's one.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping

from chatplatform.inference.engines.llamacpp.generation import Generation, Queued
from chatplatform.inference.engines.llamacpp.limits import MAX_RUNNING_OF_ONE, QUEUE_NEWS_S
from chatplatform.inference.engines.llamacpp.speed import SpeedMeter


class WorkQueue:
    """Not safe between threads by itself: the scheduler guards it."""

    def __init__(self) -> None:
        self._interactive: deque[Generation] = deque()
        self._background: deque[Generation] = deque()

    def __len__(self) -> int:
        return len(self._interactive) + len(self._background)

    def push(self, generation: Generation) -> None:
        self._line(generation).append(generation)

    def of(self, owner: str) -> int:
        """How many requests of `owner` wait."""
        return sum(
            generation.request.owner == owner for generation in (*self._interactive, *self._background)
        )

    def first(self, running: Iterable[Generation], *, background: bool) -> Generation | None:
        """Whose turn it is. Without `background` only interactive requests are considered."""
        busy = Counter(generation.request.owner for generation in running)
        for line in (self._interactive, self._background) if background else (self._interactive,):
            for generation in _in_turn(line, busy):
                if busy[generation.request.owner] < MAX_RUNNING_OF_ONE:
                    return generation
        return None

    def remove(self, generation: Generation) -> None:
        self._line(generation).remove(generation)

    def waiting(self, running: Iterable[Generation] = ()) -> list[Generation]:
        """Everyone in the order of their turns."""
        busy = Counter(generation.request.owner for generation in running)
        return [*_in_turn(self._interactive, busy), *_in_turn(self._background, busy)]

    def _line(self, generation: Generation) -> deque[Generation]:
        return self._interactive if generation.request.priority == "interactive" else self._background


def _in_turn(line: Iterable[Generation], busy: Mapping[str, int]) -> Iterator[Generation]:
    """The line's requests by turns of their owners, who have `busy` answers under way."""
    theirs: dict[str, deque[Generation]] = {}
    arrival = {}
    for place, generation in enumerate(line):
        theirs.setdefault(generation.request.owner, deque()).append(generation)
        arrival[generation] = place
    turns = [(busy.get(owner, 0), arrival[own[0]], owner) for owner, own in theirs.items()]
    heapq.heapify(turns)
    while turns:
        under_way, _place, owner = heapq.heappop(turns)
        own = theirs[owner]
        yield own.popleft()
        if own:
            heapq.heappush(turns, (under_way + 1, arrival[own[0]], owner))


def queue_news(
    waiting: list[Generation], running: list[Generation], speed: SpeedMeter, *, parallel: int, now: float
) -> list[tuple[Generation, Queued]]:
    """Who is to be told what about their place: changes at once, new estimates now and then."""
    news: list[tuple[Generation, Queued]] = []
    unread = sum(generation.unread for generation in running)
    free = parallel - len(running)
    for position, generation in enumerate(waiting, start=1):
        moved = generation.told is None or generation.told.position != position
        if moved or now - generation.told_at >= QUEUE_NEWS_S:
            rounds = math.ceil(max(0, position - free) / max(1, len(running)))
            wait_s = speed.wait_s(unread=unread, rounds=rounds)
            generation.told = Queued(position, None if wait_s is None else round(wait_s, 1))
            generation.told_at = now
            news.append((generation, generation.told))
        unread += generation.unread
    return news

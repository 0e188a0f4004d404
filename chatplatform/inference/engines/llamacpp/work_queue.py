"""The waiting line: first come, first served, interactive requests before background ones."""

from __future__ import annotations

import math
from collections import deque

from chatplatform.inference.engines.llamacpp.generation import Generation, Queued
from chatplatform.inference.engines.llamacpp.limits import QUEUE_NEWS_S
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

    def first(self, *, background: bool) -> Generation | None:
        """Whose turn it is. Without `background` only interactive requests are considered."""
        if self._interactive:
            return self._interactive[0]
        return self._background[0] if background and self._background else None

    def remove(self, generation: Generation) -> None:
        self._line(generation).remove(generation)

    def waiting(self) -> list[Generation]:
        """Everyone in the order of their turns."""
        return [*self._interactive, *self._background]

    def _line(self, generation: Generation) -> deque[Generation]:
        return self._interactive if generation.request.priority == "interactive" else self._background


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

"""Models that are loaded because a request named them, and freed when nobody has named them for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

REFUSED_S = 10.0
"""So long a model that did not fit is not tried again."""


@dataclass(frozen=True)
class OnDemand:
    """`offered` gives the ids that requests may name; it may look at files, and is asked now and then.

    `needed_bytes` says what a file takes in memory once it is loaded, `available_bytes` what there is. A model
    that nobody has used for `idle_s` seconds is freed.
    """

    offered: Callable[[], Collection[str]]
    needed_bytes: Callable[[Path], int]
    available_bytes: Callable[[], int]
    idle_s: float


class Demands:
    """Who was asked for and when, and who could not be had for lack of memory. The pool's lock guards it."""

    def __init__(self, idle_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.offered: frozenset[str] = frozenset()
        self._idle_s = idle_s
        self._clock = clock
        self._used: dict[str, float] = {}
        self._refused: dict[str, tuple[float, str]] = {}

    def ask(self, name: str) -> bool:
        """Note that a request wants `name`; False when it is none of those offered."""
        if name not in self.offered:
            return False
        self._used[name] = self._clock()
        return True

    def used(self, name: str) -> None:
        """A request for `name` has begun or ended."""
        if name in self._used:
            self._used[name] = self._clock()

    def wanted(self) -> list[str]:
        """Those asked for within the idle time, the latest last."""
        now = self._clock()
        self._used = {name: at for name, at in self._used.items() if now - at < self._idle_s}
        return sorted(self._used, key=self._used.__getitem__)

    def drop(self, name: str) -> None:
        self._used.pop(name, None)

    def refuse(self, name: str, reason: str) -> None:
        self.drop(name)
        self._refused[name] = (self._clock(), reason)

    def refusal(self, name: str) -> str:
        """Why `name` could not be loaded just now, or an empty text."""
        at, reason = self._refused.get(name, (0.0, ""))
        return reason if reason and self._clock() - at < REFUSED_S else ""


def room_refused(needed: int, available: int, others: Iterable[str]) -> str:
    """What to say of a model that does not fit, in GB."""
    kept = ", ".join(others)
    return (
        f"It needs {needed / 1e9:.1f} GB of memory, and {available / 1e9:.1f} GB are free"
        f"{f' beside {kept}' if kept else ''}."
    )

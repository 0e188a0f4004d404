"""Leaves a server alone that fails, and tries it again with growing pauses."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Literal

FAILURES = 3  # in a row open it
FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 60.0
TRIAL_S = 30.0  # a trial whose end nobody told is over by then

BreakerState = Literal["closed", "open", "half_open"]


class CircuitBreaker:
    """Closed: requests pass. Open: none does, until a pause is over. Then half open: one at a time is a trial, which
    closes it again, or opens it for twice as long."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._pause_s = 0.0
        self._open_until: float | None = None
        self._trial_ends = 0.0

    @property
    def state(self) -> BreakerState:
        if self._open_until is None:
            return "closed"
        return "open" if self._clock() < self._open_until else "half_open"

    @property
    def admits(self) -> bool:
        """Whether a request may pass now."""
        state = self.state
        return state == "closed" or (state == "half_open" and self._clock() >= self._trial_ends)

    def begin(self) -> None:
        """A request passes. While half open it is the trial, and no other passes beside it."""
        if self.state == "half_open":
            self._trial_ends = self._clock() + TRIAL_S

    def succeeded(self) -> None:
        self._failures, self._pause_s, self._open_until, self._trial_ends = 0, 0.0, None, 0.0

    def failed(self, *, for_certain: bool = False) -> None:
        """Note a failure; `for_certain` is one that the next request would meet too, such as a wrong key."""
        self._failures += 1
        was_trial = self._open_until is not None
        self._trial_ends = 0.0
        if was_trial and self.state == "open":
            return  # of a request that was under way when it opened
        if was_trial or for_certain or self._failures >= FAILURES:
            longest = LONGEST_PAUSE_S
            first = longest if for_certain else FIRST_PAUSE_S
            self._pause_s = min(max(first, self._pause_s * 2), longest)
            self._open_until = self._clock() + self._pause_s

    def left(self) -> None:
        """The request ended without telling anything of the server."""
        self._trial_ends = 0.0

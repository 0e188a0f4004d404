"""How long to wait before starting again what has died."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """The first restart is at once; each further one waits longer, until a run has served for a while.

    What counts is the time from being ready: a start that takes long and fails is still a failing start, and
    what was killed in the middle of its work comes back at once. All times in seconds.
    """

    first_s: float = 0.5
    factor: float = 2.0
    limit_s: float = 30.0
    stable_after_s: float = 1.0
    failures: int = 0

    def delay_after(self, served_for_s: float) -> float:
        """The wait before the next start, after a run that was ready for `served_for_s` (0: never)."""
        if served_for_s >= self.stable_after_s:
            self.failures = 0
        self.failures += 1
        if self.failures == 1:
            return 0.0
        delay_s = self.first_s
        for _ in range(self.failures - 2):
            delay_s *= self.factor
            if delay_s >= self.limit_s:
                return self.limit_s
        return delay_s

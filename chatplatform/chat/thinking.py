"""How long a model has thought before it answers: counted by whoever runs the turn, told to whoever watches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chatplatform.common.clock import now


@dataclass(slots=True)
class ThinkingClock:
    """Seconds that were thought `before_s` (None: nothing was), and since when it goes on, if it does.

    The moment is kept in the turn's row, so that another process counts on from there.
    """

    before_s: float | None = None
    since: datetime | None = None

    @property
    def is_running(self) -> bool:
        return self.since is not None

    @property
    def has_begun(self) -> bool:
        return self.is_running or self.before_s is not None

    @property
    def thought_s(self) -> float | None:
        """Seconds so far; None where nothing was thought."""
        if self.since is None:
            return self.before_s
        # a clock that was set back adds nothing
        return (self.before_s or 0.0) + max(0.0, (now() - self.since).total_seconds())

    def begin(self) -> bool:
        """The model thinks; true when it did not just before."""
        if self.since is not None:
            return False
        self.since = now()
        return True

    def end(self) -> bool:
        """The model answers, or is done; true when it thought just before."""
        if self.since is None:
            return False
        self.before_s, self.since = self.thought_s, None
        return True

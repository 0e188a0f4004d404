"""How fast a model reads, of late: by it, what is read together is chosen."""

from __future__ import annotations

from chatplatform.inference.engines.encoder.batches import LEAST_TOKENS

FIRST_TOKENS_S = 1000.0
"""Believed until something was read."""
OLD_SHARE = 0.8
"""How much of what was believed of the speed stays after another batch."""


class Pace:
    """`tokens_s` is what is believed now; `tokens` were read in `busy_s` since the start."""

    def __init__(self) -> None:
        self.tokens_s = FIRST_TOKENS_S
        self.tokens = 0
        self.busy_s = 0.0

    def note(self, tokens: int, seconds: float) -> None:
        """Something was read."""
        if tokens >= LEAST_TOKENS:  # a short question says little about reading
            self.tokens_s = OLD_SHARE * self.tokens_s + (1 - OLD_SHARE) * tokens / max(seconds, 1e-6)
        self.tokens += tokens
        self.busy_s += seconds

    @property
    def measured(self) -> float | None:
        """Over all that was read; None before."""
        return round(self.tokens / self.busy_s, 1) if self.busy_s else None

"""Which tokens a piece of shown text was made of: text is held back while it may be half a character or a stop."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, repr=False)
class TokenLogprob:
    """A chosen token with its natural logarithm of probability, and the likeliest ones with theirs, best first."""

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()


class ToldTokens:
    """Tokens that were written and whose text was not yet shown."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, TokenLogprob | None]] = []
        self._written = 0
        self._shown = 0

    def add(self, size: int, logprob: TokenLogprob | None) -> None:
        """A token of `size` bytes was written."""
        self._written += size
        self._waiting.append((self._written, logprob))

    def take(self, text: str) -> tuple[int, tuple[TokenLogprob, ...]]:
        """How many tokens end with or before the end of `text`, which is shown now, and what is known of them."""
        self._shown += len(text.encode("utf-8", errors="replace"))
        count = sum(end <= self._shown for end, _logprob in self._waiting)
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return count, tuple(logprob for _end, logprob in taken if logprob is not None)

    def rest(self) -> tuple[int, tuple[TokenLogprob, ...]]:
        """The same for all that are left."""
        count = len(self._waiting)
        taken, self._waiting = self._waiting, []
        return count, tuple(logprob for _end, logprob in taken if logprob is not None)

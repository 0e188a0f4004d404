"""Which texts are read together: few tokens, for a bounded time, and of like length, so that little is padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

BATCH_S = 0.12
"""Of a whole batch, at the speed of late: what a question waits for beside a document that is being read."""
LEAST_TOKENS = 64
MOST_TOKENS = 8192
COUNTED_CHARS = 32_000
"""Counted in one piece: some 50 ms."""


def batch_tokens(tokens_s: float) -> int:
    """How many tokens a batch may have at this speed, padding included."""
    return max(LEAST_TOKENS, min(MOST_TOKENS, int(tokens_s * BATCH_S)))


def next_batch(places: Sequence[int], counts: Sequence[int], tokens: int) -> int:
    """How many of `places`, which are sorted by their counts, may be read together: at least one."""
    taken = 1
    while taken < len(places) and (taken + 1) * counts[places[taken]] <= tokens:
        taken += 1
    return taken


def counted_together(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in their order, in pieces whose tokens are counted at once."""
    piece: list[str] = []
    chars = 0
    for text in texts:
        if piece and chars + len(text) > COUNTED_CHARS:
            yield piece
            piece, chars = [], 0
        piece.append(text)
        chars += len(text)
    if piece:
        yield piece

"""What a document becomes when it is cut: shown before anything is indexed."""

from __future__ import annotations

from dataclasses import dataclass, field

from chatplatform.knowledge.chunking.chunks import Chunk, Chunked, Sizes
from chatplatform.knowledge.chunking.parents import Parent


@dataclass(frozen=True, slots=True)
class Preview:
    """`shown` are some of the chunks, with offsets into the document's text, and `parents` all parts that are read
    around them; the numbers are of all chunks. `lengths`, `mean` and `largest` are tokens of a chunk; `overlong` have
    more than `most`, which only happens where something may not be cut."""

    shown: tuple[Chunk, ...] = field(repr=False)
    parents: tuple[Parent, ...] = field(repr=False)
    lengths: tuple[int, ...] = field(repr=False)
    most: int
    is_cut: bool

    @property
    def chunks(self) -> int:
        return len(self.lengths)

    @property
    def tokens(self) -> int:
        return sum(self.lengths)

    @property
    def mean(self) -> float:
        return self.tokens / self.chunks if self.lengths else 0.0

    @property
    def largest(self) -> int:
        return max(self.lengths, default=0)

    @property
    def overlong(self) -> int:
        return sum(tokens > self.most for tokens in self.lengths)

    @property
    def next(self) -> int | None:
        """The number after which the next chunks come; None where all that come are shown."""
        last = self.shown[-1].number if self.shown else self.chunks
        return last if last + 1 < self.chunks else None


def preview(made: Chunked, sizes: Sizes, *, after: int = -1, limit: int = 50) -> Preview:
    """The chunks past number `after`, `limit` at most, and figures of all."""
    return Preview(
        shown=made.chunks[after + 1 : after + 1 + limit],
        parents=made.parents,
        lengths=tuple(chunk.tokens for chunk in made.chunks),
        most=sizes.most,
        is_cut=made.is_cut,
    )

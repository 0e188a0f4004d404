"""The cache with a ledger of who owns each token in it: no one reads on top of someone else's words.

Every change of the cache goes through here, so the ledger can't fall behind it. Before tokens are read into a
sequence, everything the sequence holds already must be the same owner's or the platform's own text. The ledger
does not trust the code that chose the sequence: it is the second lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chatplatform.inference.engines.llamacpp.context import Context, DecodeAborted, Piece

PLATFORM = ""
"""Owner of the platform's own text, the system message. No request can bear this name."""


class OwnershipViolated(Exception):
    """Someone was about to continue from cells that are not theirs. A defect: nothing was read."""


@dataclass
class _Run:
    stop: int
    owner: str


class OwnedCells:
    """A Context with owners. Used by the scheduler's thread only."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._runs: dict[int, list[_Run]] = {}

    def owners(self, seq: int) -> list[tuple[int, str]]:
        """(stop, owner) of each run of tokens that `seq` holds, in order."""
        return [(run.stop, run.owner) for run in self._runs.get(seq, [])]

    def length(self, seq: int) -> int:
        runs = self._runs.get(seq)
        return runs[-1].stop if runs else 0

    def decode(self, pieces: Sequence[tuple[Piece, str, int]]) -> list[int]:
        """Read (piece, owner, platform tokens at the beginning of the sequence) in one batch.

        Raises OwnershipViolated before anything is read, and what Context.decode raises; after DecodeAborted
        the sequences are as before or, if they can't be cut, empty.
        """
        for piece, owner, _platform in pieces:
            self._check(piece, owner)
        try:
            rows = self.context.decode([piece for piece, _owner, _platform in pieces])
        except DecodeAborted:
            for piece, _owner, _platform in pieces:
                # The aborted piece may be in the cache in part; what was read before it is whole.
                kept = piece.start if self.context.can_trim else 0
                self.context.trim(piece.seq, kept)
                if not kept:
                    self._runs.pop(piece.seq, None)
            raise
        for piece, owner, platform in pieces:
            stop = piece.start + len(piece.tokens)
            if piece.start < platform:
                self._extend(piece.seq, min(stop, platform), PLATFORM)
            if stop > platform:
                self._extend(piece.seq, stop, owner)
        return rows

    def _check(self, piece: Piece, owner: str) -> None:
        if self.length(piece.seq) != piece.start:
            raise OwnershipViolated("a sequence is not as long as its reader believes")
        if owner == PLATFORM or any(
            run.owner not in (owner, PLATFORM) for run in self._runs.get(piece.seq, [])
        ):
            raise OwnershipViolated("a sequence holds the text of another owner")

    def copy_platform(self, source: int, target: int, stop: int) -> None:
        """Share the first `stop` tokens of `source`, which must all be the platform's, with empty `target`."""
        runs = self._runs.get(source, [])
        if not runs or runs[0].owner != PLATFORM or runs[0].stop < stop or self.length(target):
            raise OwnershipViolated("only the platform's own text may be shared")
        self.context.copy(source, target, stop)
        self._runs[target] = [_Run(stop, PLATFORM)]

    def trim(self, seq: int, start: int) -> None:
        """Forget what `seq` holds from position `start` on; 0 forgets all of it."""
        if start >= self.length(seq):
            return
        self.context.trim(seq, start)
        kept: list[_Run] = []
        for run in self._runs[seq]:
            if not kept or kept[-1].stop < start:
                kept.append(_Run(min(run.stop, start), run.owner))
        if start:
            self._runs[seq] = kept
        else:
            del self._runs[seq]

    def clear(self) -> None:
        self.context.clear()
        self._runs.clear()

    def _extend(self, seq: int, stop: int, owner: str) -> None:
        runs = self._runs.setdefault(seq, [])
        if runs and runs[-1].owner == owner:
            runs[-1].stop = stop
        else:
            runs.append(_Run(stop, owner))

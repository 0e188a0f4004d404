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

    def save(self, seq: int, start: int) -> tuple[str, bytes]:
        """The owner of what `seq` holds from position `start` on, and the state of it, empty if there is none.

        Everything before `start` must be the platform's, and after it nobody's but one owner's and the platform's.
        """
        runs = self._runs.get(seq, [])
        owners = {run.owner for run in runs if run.stop > start}
        if not owners or (start and (runs[0].owner != PLATFORM or runs[0].stop < start)):
            raise OwnershipViolated("what is saved stands on the platform's own text")
        if len(owners - {PLATFORM}) > 1:
            raise OwnershipViolated("what is saved must be one owner's")
        owner = next(iter(owners - {PLATFORM}), PLATFORM)
        return owner, self.context.save(seq, start)

    def restore(self, seq: int, data: bytes, *, stop: int, owner: str, base: tuple[int, int] | None) -> bool:
        """Put back a state of `owner` that ends at `stop`; False, and nothing held, when it can't be.

        `base` is the sequence and the length of the platform prefix that it stands on.
        """
        start = base[1] if base else 0
        runs = self._runs.get(base[0], []) if base else []
        if self.length(seq) or (base and (not runs or runs[0].owner != PLATFORM or runs[0].stop < start)):
            raise OwnershipViolated("a state comes back to an empty sequence, after the platform's own text")
        if not self.context.restore(seq, data):
            return False
        if base:
            self.context.copy(base[0], seq, start)
            self._runs[seq] = [_Run(start, PLATFORM)]
        self._extend(seq, stop, owner)
        return True

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

"""A second ledger beside the engine's: who owns each cell, token by token, looked at in every step."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import groupby

from chatplatform.inference.engines.llamacpp.context import Context, DecodeAborted, Piece
from chatplatform.inference.engines.llamacpp.owned_cells import PLATFORM, OwnedCells

Cells = list[tuple[int, str]]
"""(token, owner) of each cell of a sequence."""


class WatchedCells(OwnedCells):
    """Does what OwnedCells does and notes what is wrong with it; shares no bookkeeping with it."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.steps = 0
        self.violations: list[str] = []
        self.platform_texts: set[tuple[int, ...]] = set()
        """What is really the platform's own."""
        self._cells: dict[int, Cells] = {}
        self._saved: dict[bytes, Cells] = {}

    def decode(self, pieces: Sequence[tuple[Piece, str, int]]) -> list[int]:
        for piece, owner, platform in pieces:
            held = self._cells.get(piece.seq, [])
            self._see(
                all(whose in (owner, PLATFORM) for _token, whose in held), "reads after another's words"
            )
            self._see(len(held) == piece.start, "reads at another place than the end")
            tokens = (*(token for token, _whose in held[:platform]), *piece.tokens)[:platform]
            self._see(
                not tokens or any(text[: len(tokens)] == tokens for text in self.platform_texts),
                "calls something the platform's own that is not",
            )
        try:
            rows = super().decode(pieces)
        except DecodeAborted:
            for piece, _owner, _platform in pieces:
                self._cut(piece.seq, piece.start if self.context.can_trim else 0)
            raise
        for piece, owner, platform in pieces:
            held = self._cells.setdefault(piece.seq, [])
            for place, token in enumerate(piece.tokens, start=piece.start):
                held.append((token, PLATFORM if place < platform else owner))
        self.steps += 1
        self._compare()
        return rows

    def copy_platform(self, source: int, target: int, stop: int) -> None:
        super().copy_platform(source, target, stop)
        shared = self._cells.get(source, [])[:stop]
        self._see(
            len(shared) == stop and all(whose == PLATFORM for _token, whose in shared),
            "shares someone's words",
        )
        self._cells[target] = list(shared)

    def save(self, seq: int, start: int) -> tuple[str, bytes]:
        owner, data = super().save(seq, start)
        saved = self._cells.get(seq, [])[start:]
        self._see(all(whose in (owner, PLATFORM) for _token, whose in saved), "saves another's words")
        self._saved[hashlib.sha256(data).digest()] = saved
        return owner, data

    def restore(self, seq: int, data: bytes, *, stop: int, owner: str, base: tuple[int, int] | None) -> bool:
        if not super().restore(seq, data, stop=stop, owner=owner, base=base):
            return False
        saved = self._saved.get(hashlib.sha256(data).digest(), [])
        self._see(
            bool(saved) and all(whose in (owner, PLATFORM) for _token, whose in saved),
            "brings back another's words",
        )
        self._cells[seq] = [*(self._cells.get(base[0], [])[: base[1]] if base else ()), *saved]
        return True

    def trim(self, seq: int, start: int) -> None:
        super().trim(seq, start)
        self._cut(seq, start)

    def clear(self) -> None:
        super().clear()
        self._cells.clear()

    def _cut(self, seq: int, start: int) -> None:
        del self._cells.get(seq, [])[start:]

    def _see(self, right: bool, wrong: str) -> None:
        if not right:
            self.violations.append(wrong)

    def _compare(self) -> None:
        """The engine's ledger says the same of every cell, and no sequence holds words of two owners."""
        for seq, held in self._cells.items():
            stops, at = [], 0
            for owner, cells in groupby(held, key=lambda cell: cell[1]):
                at += sum(1 for _cell in cells)
                stops.append((at, owner))
            self._see(stops == self.owners(seq), "the ledger says something else")
            self._see(len({owner for _stop, owner in stops} - {PLATFORM}) <= 1, "two owners in one sequence")

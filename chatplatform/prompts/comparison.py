"""The difference between two texts: line by line, and word by word inside a line that was changed.

Chinese has no spaces, so there each character counts as a word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Kind = Literal["same", "removed", "added"]

# Comparing word by word costs up to the square of a line: so many pairs of words for a whole text, after which lines
# are marked as a whole.
WORD_PAIRS = 60_000
CONTEXT_LINES = 3
MAX_SHOWN_LINES = 300

_WORD = re.compile(r"[A-Za-z0-9_\u00c0-\u024f]+|\s+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line; `changed` when the other text has something else in its place."""

    text: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A line of either text with its numbers from 1; None on the side that does not have it."""

    kind: Kind
    pieces: tuple[Piece, ...]
    old_number: int | None
    new_number: int | None

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Gap:
    """Lines that are the same on both sides and are not shown."""

    lines: int


@dataclass(frozen=True, slots=True)
class Difference:
    """`lines` in reading order, with gaps where nothing changed; counts of whole lines.

    `left_out` lines more would follow: nobody reads that many.
    """

    lines: tuple[Line | Gap, ...]
    added: int
    removed: int
    left_out: int

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.removed)


def difference(old: str, new: str) -> Difference:
    """What makes `new` of `old`."""
    before, after = old.split("\n"), new.split("\n")
    words = _Words()
    lines: list[Line] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after).get_opcodes():
        if tag == "equal":
            for old_at, new_at in zip(range(i1, i2), range(j1, j2), strict=True):
                lines.append(Line("same", (Piece(before[old_at], False),), old_at + 1, new_at + 1))
        else:
            lines += _changed(before[i1:i2], after[j1:j2], i1, j1, words)
    shown = _with_gaps(lines)
    return Difference(
        tuple(shown[:MAX_SHOWN_LINES]),
        added=sum(line.kind == "added" for line in lines),
        removed=sum(line.kind == "removed" for line in lines),
        left_out=max(0, len(shown) - MAX_SHOWN_LINES),
    )


def _changed(before: list[str], after: list[str], old_at: int, new_at: int, words: _Words) -> list[Line]:
    """A block that was replaced: its old lines, then its new ones, each compared with its counterpart."""
    removed: list[tuple[Piece, ...]] = []
    added: list[tuple[Piece, ...]] = []
    pairs = min(len(before), len(after))
    for old, new in zip(before[:pairs], after[:pairs], strict=True):
        old_pieces, new_pieces = words.compare(old, new)
        removed.append(old_pieces)
        added.append(new_pieces)
    removed += [(Piece(text, True),) for text in before[pairs:]]
    added += [(Piece(text, True),) for text in after[pairs:]]
    return [
        *(Line("removed", pieces, old_at + n, None) for n, pieces in enumerate(removed, 1)),
        *(Line("added", pieces, None, new_at + n) for n, pieces in enumerate(added, 1)),
    ]


class _Words:
    """Compares lines word by word, as long as there is time for it."""

    def __init__(self) -> None:
        self._left = WORD_PAIRS

    def compare(self, old: str, new: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
        before, after = _WORD.findall(old), _WORD.findall(new)
        # most edits touch one place: what is before and after it need not be compared
        shortest = min(len(before), len(after))
        start = next((n for n in range(shortest) if before[n] != after[n]), shortest)
        rest = shortest - start
        end = next((n for n in range(rest) if before[-1 - n] != after[-1 - n]), rest)
        middle = before[start : len(before) - end], after[start : len(after) - end]
        self._left -= len(middle[0]) * len(middle[1])
        if self._left < 0:
            return (Piece(old, True),), (Piece(new, True),)
        opcodes = SequenceMatcher(None, *middle, autojunk=False).get_opcodes()
        same = start + end + sum(i2 - i1 for tag, i1, i2, _j1, _j2 in opcodes if tag == "equal")
        if 2 * same < 0.3 * (len(before) + len(after)):  # hardly anything in common: marks would only confuse
            return (Piece(old, True),), (Piece(new, True),)
        tail = _piece(before[len(before) - end :], changed=False)
        removed, added = _piece(before[:start], changed=False), _piece(after[:start], changed=False)
        for tag, i1, i2, j1, j2 in opcodes:
            removed += _piece(middle[0][i1:i2], changed=tag != "equal")
            added += _piece(middle[1][j1:j2], changed=tag != "equal")
        return (*removed, *tail), (*added, *tail)


def _piece(words: list[str], *, changed: bool) -> list[Piece]:
    return [Piece("".join(words), changed)] if words else []


def _with_gaps(lines: list[Line]) -> list[Line | Gap]:
    """The lines around each change; longer runs without one become a gap."""
    near: set[int] = set()
    for at, line in enumerate(lines):
        if line.kind != "same":
            near.update(range(at - CONTEXT_LINES, at + CONTEXT_LINES + 1))
    shown: list[Line | Gap] = []
    hidden = 0
    for at, line in enumerate(lines):
        if at in near:
            if hidden:
                shown.append(Gap(hidden))
                hidden = 0
            shown.append(line)
        else:
            hidden += 1
    if hidden and shown:
        shown.append(Gap(hidden))
    return shown

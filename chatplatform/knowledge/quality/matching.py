"""Whether a passage that was found is the one that a golden question names.

By its words, not by its place: chunks are cut anew with other sizes, and documents change.
"""

from __future__ import annotations

from typing import Final

from chatplatform.text_search.folding import folded

PIECE_CHARS: Final = 4
# of the shorter text; of a passage that two chunks share, one has half
ENOUGH: Final = 0.5


def says(found: str, wanted: str) -> bool:
    """Whether `found` holds at least half of the passage `wanted`, or lies in it for the most part; True where nothing
    is `wanted` in particular."""
    found, wanted = folded(found), folded(wanted)
    if not wanted or wanted in found:
        return True
    here, there = _pieces(found), _pieces(wanted)
    return bool(here) and len(here & there) / min(len(here), len(there)) >= ENOUGH


def share_of(text: str, passage: str) -> float:
    """How much of `text` stands in `passage`, word by word, from 0 to 1."""
    pieces = _pieces(folded(text))
    return len(pieces & _pieces(folded(passage))) / len(pieces) if pieces else 0.0


def _pieces(text: str) -> frozenset[str]:
    return frozenset(text[at : at + PIECE_CHARS] for at in range(max(1, len(text) - PIECE_CHARS + 1)) if text)

"""The place in a text where a query was found, as people are shown it: a few words around, the hits marked."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from chatplatform.text_search.folding import folded
from chatplatform.text_search.terms import Query, position

BEFORE_CHARS: Final = 48
AFTER_CHARS: Final = 140
MOST_HITS: Final = 50
_WORD: Final = re.compile(r"\S+")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a snippet. All pieces, one after the other, are the snippet."""

    text: str = field(repr=False)
    is_hit: bool = False


def snippet(text: str, query: Query) -> list[Piece]:
    """About two lines around the first hit. Without one, or where none can be pointed at, the beginning."""
    found = spans(text, query)
    first = found[0][0] if found else 0
    start, end = _window(text, first)
    pieces: list[Piece] = [Piece("…")] if start > 0 else []
    at = start
    for hit_start, hit_end in found:
        if hit_start >= end:
            break
        if hit_start < at:
            continue
        pieces += _pieces(text[at:hit_start], is_hit=False)
        pieces += _pieces(text[hit_start : min(hit_end, end)], is_hit=True)
        at = min(hit_end, end)
    pieces += _pieces(text[at:end], is_hit=False)
    if end < len(text):
        pieces.append(Piece("…"))
    return pieces


def spans(text: str, query: Query) -> list[Span]:
    """Where the query's terms are in the text as it was written, in order and apart from each other."""
    words = [(match.start(), match.group()) for match in _WORD.finditer(text)]
    starts: list[int] = []  # of each word, in the folded text
    kept: list[tuple[int, str]] = []
    parts: list[str] = []
    length = 0
    for at, word in words:
        part = folded(word)
        if part:
            starts.append(length)
            kept.append((at, word))
            parts.append(part)
            length += len(part) + 1
    whole = " ".join(parts)
    if whole != folded(text):
        return []  # rare characters that only mean something together: nothing is marked
    found = sorted({hit for term in query.terms for hit in _hits(term, whole)})

    def original(place: int, *, is_end: bool) -> int:
        number = bisect_right(starts, place - is_end) - 1
        at, word = kept[number]
        return at + _offset(word, parts[number], place - starts[number], is_end=is_end)

    apart: list[Span] = []
    for start, end in found[:MOST_HITS]:
        span = original(start, is_end=False), original(end, is_end=True)
        if not apart or span[0] >= apart[-1][1]:
            apart.append(span)
    return apart


def _hits(term: str, whole: str) -> Iterator[Span]:
    at = position(term, whole)
    for _n in range(MOST_HITS):
        if at < 0:
            return
        yield at, at + len(term)
        at = position(term, whole, at + len(term))


def _offset(word: str, part: str, place: int, *, is_end: bool) -> int:
    """Where in `word` the place in its folded form is: what folds together is taken in whole."""
    if place <= 0:
        return 0
    if place >= len(part):
        return len(word)
    if len(word) == len(part):
        return place
    length = at = after = 0
    while after < len(word):
        at, after = after, after + 1
        while after < len(word) and unicodedata.category(word[after])[0] in "MC":
            after += 1
        length += len(folded(word[at:after]))
        if length > place or (is_end and length == place):
            break
    return after if is_end else at


def _window(text: str, first: int) -> Span:
    start = max(0, first - BEFORE_CHARS)
    end = min(len(text), first + AFTER_CHARS)
    if start > 0 and (space := text.find(" ", start, first)) >= 0:
        start = space + 1
    if end < len(text) and (space := text.rfind(" ", first + AFTER_CHARS // 2, end)) >= 0:
        end = space
    return start, end


def _pieces(text: str, *, is_hit: bool) -> list[Piece]:
    """The text on one line."""
    line = re.sub(r"\s+", " ", text)
    return [Piece(line, is_hit)] if line else []

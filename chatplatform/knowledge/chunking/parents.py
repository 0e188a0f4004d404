"""Parents: the parts of a document that are read where one of their chunks was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chatplatform.knowledge.chunking.units import Cut


@dataclass(frozen=True, slots=True)
class Parent:
    """A span of the document's text with its chunks, from `first` to before `last` by number."""

    number: int
    start: int
    end: int
    tokens: int
    first: int
    last: int


def parents(
    spans: Sequence[tuple[int, int, int]], tops: Sequence[tuple[Cut, int]], *, most: int
) -> tuple[tuple[Parent, ...], list[int]]:
    """Sections as they are, small ones together, large ones in parts of `most` tokens; and the parent of each chunk.

    `spans` are the chunks' starts, ends and tokens; `tops` how each begins: a section with its heading's level, or not.
    """
    made: list[Parent] = []
    first = tokens = 0

    def close(last: int) -> None:
        nonlocal first, tokens
        size = sum(spans[number][2] for number in range(first, last))
        made.append(Parent(len(made), spans[first][0], spans[last - 1][1], size, first, last))
        first, tokens = last, tokens - size

    for number, (_start, _end, size) in enumerate(spans):
        if number > first and tokens + size > most:
            close(_best_end(spans, tops, first, number, most))
            if number > first and tokens + size > most:
                close(number)
        elif number > first and _is_as_high(tops[number], tops[first]) and tokens * 3 >= most:
            close(number)
        tokens += size
    if len(spans) > first:
        close(len(spans))
    return tuple(made), [parent.number for parent in made for _ in range(parent.first, parent.last)]


def _is_as_high(top: tuple[Cut, int], first: tuple[Cut, int]) -> bool:
    """Whether a heading begins here that ends the section which the part began with."""
    return top[0] is Cut.SECTION and 0 < top[1] <= max(first[1], 1)


def _best_end(
    spans: Sequence[tuple[int, int, int]], tops: Sequence[tuple[Cut, int]], first: int, number: int, most: int
) -> int:
    """Before which chunk a part that grew too large ends: the last of the highest headings past its first third."""
    best, best_level, tokens = number, 99, 0
    for at in range(first, number + 1):
        cut, level = tops[at]
        if at > first and tokens * 3 >= most and cut is Cut.SECTION and 0 < level <= best_level:
            best, best_level = at, level
        tokens += spans[at][2]
    return best

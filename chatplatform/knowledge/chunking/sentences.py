"""Sentences of English, Chinese and what is written alike, as spans; and cuts for what is too long to keep whole."""

from __future__ import annotations

import re
from collections.abc import Iterator

# after a wide mark a sentence ends at once, after a narrow one where a blank or a wide character follows
# (bounded, as a line of nothing but dots is tried at every place)
_END = re.compile(r"[。！？；…]{1,8}[”’」』）)\"']{0,8}|[.!?]{1,8}[\"'”’)\]]{0,8}(?=\s|[\u3000-\u9fff])")
# "Dr. Ann", "J. Smith", "e.g. Oslo", "5. Next": a dot that ends no sentence
_SHORT = re.compile(
    r"(?:^|[\s(\[\"“])(?:[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|vs|etc|e\.g|i\.e|cf|al|Fig|Figs|Eq|No|Nos|Vol|pp|Inc|Corp|Co|Ltd"
    r"|Jr|Sr|approx|ca)\.$|(?<![\d.,$€£¥])\d{1,2}\.$",
    re.IGNORECASE,
)
# before a small letter only words of some length end a sentence: other short ones may be abbreviations too
_LONG_WORD = re.compile(r"(?:\w{4}|\d|[)\]%\"'”’])[.!?]+[\"'”’)\]]*$")
_LOOK_BACK = 12


def sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans between `start` and `end`, without blanks at their ends; together they hold all that is not blank."""
    begun = start
    for match in _END.finditer(text, start, end):
        at = match.end()
        if match[0][0] in ".!?" and not _ends(text, begun, at):
            continue
        if span := _trimmed(text, begun, at):
            yield span
        begun = at
    if span := _trimmed(text, begun, end):
        yield span


def pieces(text: str, start: int, end: int, most: int) -> Iterator[tuple[int, int]]:
    """Spans of `most` characters at most: cut after a comma or at a blank in the last third, else anywhere."""
    while end - start > most:
        cut = start + most
        least = start + most - most // 3
        comma = max(text.rfind(mark, least, cut) for mark in (", ", "，", "; ", "、", ": ", "："))
        blank = max(text.rfind(" ", least, cut), text.rfind("\n", least, cut))
        at = comma + 1 if comma >= least else blank + 1 if blank >= least else cut
        if span := _trimmed(text, start, at):
            yield span
        start = at
    if span := _trimmed(text, start, end):
        yield span


def _ends(text: str, start: int, at: int) -> bool:
    before = text[max(start, at - _LOOK_BACK) : at]
    following = text[at : at + 8].lstrip()[:1]
    return not _SHORT.search(before) and (not following.islower() or bool(_LONG_WORD.search(before)))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    while end > start and text[end - 1].isspace():
        end -= 1
    while start < end and text[start].isspace():
        start += 1
    return (start, end) if start < end else None

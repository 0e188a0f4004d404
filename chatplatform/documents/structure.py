"""What stands where in a document: headings, prose, list items, rows of tables and lines of code, by offset.

Offsets count characters of `Document.text`, the canonical text: a span of it can be shown and highlighted exactly.
Works on what was read, so that documents that were stored earlier have a structure too.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from chatplatform.documents.blocks import Block, Document, OutlineEntry, placed

ElementKind = Literal["heading", "prose", "item", "row", "code"]
MOST_LEVELS = 6
MOST_TITLE = 120
# longer lines are no headings, whatever marks they carry
_MOST_HEADING = 160

_ITEM = re.compile(
    r"[ \t]*(?:[-*+–]\s|[•·◦▪‣]|\(?\d{1,3}(?:[.)]\s|[、）])|\(?[a-zA-Z][.)]\s"
    r"|[（(][一二三四五六七八九十\d]{1,3}[)）])\s*\S"
)
_HASHES = re.compile(r"(#{1,6})[ \t]+(\S[^\n]*?)[ \t]*#*")
_WIKI = re.compile(r"[ \t]*(=(?: ?=){0,5})[ \t]+(\S[^\n]*?)[ \t]+\1[ \t]*")
_CHAPTER = re.compile(
    r"[ \t\u3000]*第[一二三四五六七八九十百零〇\d]{1,6}([编篇部卷章节條条])(?:[ \t\u3000:：]|$)"
)
_CHAPTER_LEVELS = {"编": 1, "篇": 1, "部": 1, "卷": 1, "章": 2, "节": 3, "條": 4, "条": 4}
_ENDS = frozenset('.!?:;。！？：；…"”’』」)）')
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Element:
    """A span that belongs together. `path` are the headings that it stands under, without itself; `header` is the span
    of the first row of a row's table; `opens` says that a paragraph, list or table begins with it."""

    start: int
    end: int
    kind: ElementKind
    page: int = 0
    level: int = 0
    opens: bool = False
    header: tuple[int, int] | None = None
    path: tuple[str, ...] = field(default=(), repr=False)


def elements(document: Document) -> Iterator[Element]:
    """All that is not blank, in order and without overlap, in time and memory linear in the text."""
    headings = _Headings(document.outline)
    for at, block in placed(document.blocks):
        headings.turn_to(block.page)
        match block.kind:
            case "heading":
                yield headings.enter(at, at + len(block.text), block.text, block.level, block.page)
            case "table":
                yield from _rows(at, block.text, block.page, headings.path)
            case "code":
                yield from _code(at, block.text, block.page, headings.path)
            case "list":
                yield Element(at, at + len(block.text), "item", block.page, opens=True, path=headings.path)
            case _:
                yield from _text(at, block, headings)


class _Headings:
    """The headings that one stands under while one reads on, also those that only the outline of the file tells."""

    def __init__(self, outline: tuple[OutlineEntry, ...]) -> None:
        self._open: list[tuple[int, str]] = []
        self._outline = iter(outline)
        self._next = next(self._outline, None)
        self._waiting: dict[str, deque[OutlineEntry]] = {}
        self._page = 0
        self.path: tuple[str, ...] = ()

    def turn_to(self, page: int) -> None:
        """Entries of pages before this one whose words were not found there count from here."""
        if page <= self._page:
            return
        self._page = page
        for entries in self._waiting.values():
            for entry in entries:
                self._open_at(entry.title, entry.level)
        self._waiting = {}
        while self._next is not None and self._next.page <= page:
            if self._next.page == page:
                self._waiting.setdefault(_plain(self._next.title), deque()).append(self._next)
            else:
                self._open_at(self._next.title, self._next.level)
            self._next = next(self._outline, None)

    def listed(self, line: str) -> OutlineEntry | None:
        """The entry of the outline that this line of the page is the heading of."""
        if not self._waiting or len(line) > _MOST_HEADING:
            return None
        words = _plain(line)
        for key in (words, words.lstrip("0123456789.")):
            if entries := self._waiting.get(key):
                entry = entries.popleft()
                if not entries:
                    del self._waiting[key]
                return entry
        return None

    def enter(self, start: int, end: int, title: str, level: int, page: int) -> Element:
        level = min(max(level, 1), MOST_LEVELS)
        while self._open and self._open[-1][0] >= level:
            self._open.pop()
        element = Element(
            start, end, "heading", page, level, True, None, tuple(words for _, words in self._open)
        )
        self._open_at(title, level)
        return element

    def _open_at(self, title: str, level: int) -> None:
        level = min(max(level, 1), MOST_LEVELS)
        while self._open and self._open[-1][0] >= level:
            self._open.pop()
        self._open.append((level, " ".join(title[: 4 * MOST_TITLE].split())[:MOST_TITLE]))
        self.path = tuple(words for _, words in self._open)


def _plain(title: str) -> str:
    return _SPACES.sub("", title[: 2 * _MOST_HEADING]).casefold()


def _lines(start: int, text: str) -> Iterator[tuple[int, int]]:
    """Lines that are not blank, without the blanks at their ends."""
    at = 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        stop = end
        while stop > at and text[stop - 1].isspace():
            stop -= 1
        if stop > at:
            yield start + at, start + stop
        at = end + 1


def _rows(at: int, text: str, page: int, path: tuple[str, ...]) -> Iterator[Element]:
    header: tuple[int, int] | None = None
    for start, end in _lines(at, text):
        yield Element(start, end, "row", page, opens=header is None, header=header, path=path)
        header = header or (start, end)


def _code(at: int, text: str, page: int, path: tuple[str, ...]) -> Iterator[Element]:
    opens = True
    for start, end in _lines(at, text):
        yield Element(start, end, "code", page, opens=opens, path=path)
        opens = False


def _text(at: int, block: Block, headings: _Headings) -> Iterator[Element]:
    """Prose as it stands, with the headings, lists and tables that are written in it by marks."""
    text = block.text
    lines = list(_lines(at, text))
    widest = max((end - start for start, end in lines), default=0)
    begun = -1  # where the paragraph that is being read began
    opens = True
    header: tuple[int, int] | None = None
    for number, (start, end) in enumerate(lines):
        line = text[start - at : end - at]
        following = lines[number + 1] if number + 1 < len(lines) else None
        heading = _heading(line, headings)
        is_row = "|" in line and (header is not None or _is_row(following, text, at))
        is_item = not is_row and bool(_ITEM.match(line))
        if begun >= 0 and (heading or is_row or is_item):
            yield Element(begun, lines[number - 1][1], "prose", block.page, opens=opens, path=headings.path)
            begun, opens = -1, False
        if heading:
            yield headings.enter(start, end, heading[0], heading[1], block.page)
            opens, header = True, None
        elif is_row:
            yield Element(
                start, end, "row", block.page, opens=header is None, header=header, path=headings.path
            )
            header, opens = header or (start, end), False
        else:
            header = None
            begun = start if begun < 0 else begun
            # a line that was only broken to fit the page goes on in the next one
            goes_on = following is not None and line[-1] not in _ENDS and end - start >= widest * 0.6
            if not goes_on:
                kind: ElementKind = "item" if _ITEM.match(text, begun - at) else "prose"
                yield Element(begun, end, kind, block.page, opens=opens, path=headings.path)
                begun, opens = -1, False


def _is_row(place: tuple[int, int] | None, text: str, at: int) -> bool:
    return place is not None and "|" in text[place[0] - at : place[1] - at]


def _heading(line: str, headings: _Headings) -> tuple[str, int] | None:
    """Title and level, where the line is a heading."""
    if entry := headings.listed(line):
        return entry.title, entry.level
    if len(line) > _MOST_HEADING:
        return None
    if match := _HASHES.fullmatch(line):
        return match[2], len(match[1])
    if match := _WIKI.fullmatch(line):
        return match[2], match[1].count("=")
    if (match := _CHAPTER.match(line)) and len(line) <= 40 and line[-1] not in "。；，":
        return line.strip(), _CHAPTER_LEVELS[match[1]]
    return None

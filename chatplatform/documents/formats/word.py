"""Word (.docx): paragraphs, headings, lists and tables in order; notes at the end. What was deleted is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chatplatform.documents.blocks import Block, BlockKind
from chatplatform.documents.formats.bounded_xml import events
from chatplatform.documents.formats.failures import Unreadable
from chatplatform.documents.formats.package import Package
from chatplatform.documents.formats.tables import rows_as_blocks

# duplicates for older readers, what was deleted, drawings' own words for machines, codes of fields
_SKIPPED = {"Fallback", "del", "moveFrom", "instrText", "delText", "pict"}
_HEADING = re.compile(r"^(?:heading|überschrift|标题)\s*(\d)$", re.IGNORECASE)


def read_word(data: bytes) -> Iterator[Block]:
    package = Package(data)
    main = "word/document.xml"
    if main not in package.names:
        main = next(
            (
                name
                for name in sorted(package.names)
                if name.startswith("word/document") and name.endswith(".xml")
            ),
            "",
        )
        if not main:
            raise Unreadable("damaged")
    levels = _heading_levels(package)
    count = 0
    for name in (main, "word/footnotes.xml", "word/endnotes.xml"):
        if name in package.names:
            for block in _Body(levels).read(package, name):
                count += 1
                yield block
    if not count:
        raise Unreadable(
            "no_text" if any(name.startswith("word/media/") for name in package.names) else "empty"
        )


def _heading_levels(package: Package) -> dict[str, int]:
    """Style ids with the level of the headings that they make."""
    levels: dict[str, int] = {}
    if "word/styles.xml" not in package.names:
        return levels
    style = ""
    for event in events(package.parts("word/styles.xml")):
        if event.kind != "start":
            continue
        if event.name == "style":
            style = event.attributes.get("styleId", "")
        elif event.name == "name" and (match := _HEADING.match(event.attributes.get("val", ""))):
            levels[style] = int(match[1])
        elif event.name == "name" and event.attributes.get("val", "").lower() == "title":
            levels[style] = 1
        elif event.name == "outlineLvl" and event.attributes.get("val", "").isdigit():
            levels.setdefault(style, min(6, int(event.attributes["val"]) + 1))
    return levels


class _Body:
    def __init__(self, levels: dict[str, int]) -> None:
        self._levels = levels
        self._words: list[str] = []
        self._level = 0
        self._is_list = False
        self._tables = 0
        self._rows: list[list[str]] = []
        self._cell: list[str] = []

    def read(self, package: Package, name: str) -> Iterator[Block]:
        skipped = 0
        in_text = False
        for event in events(package.parts(name)):
            if event.kind == "text":
                if in_text and not skipped:
                    self._words.append(event.text)
                continue
            if event.name in _SKIPPED:
                skipped += 1 if event.kind == "start" else -1
            elif skipped:
                continue
            elif event.name == "t":
                in_text = event.kind == "start"
            elif event.kind == "start":
                self._start(event.name, event.attributes)
            else:
                yield from self._end(event.name)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        match name:
            case "p":
                self._words, self._level, self._is_list = [], 0, False
            case "pStyle":
                self._level = self._levels.get(attributes.get("val", ""), 0)
            case "outlineLvl" if attributes.get("val", "").isdigit():
                self._level = int(attributes["val"]) + 1 if int(attributes["val"]) < 6 else 0
            case "numPr":
                self._is_list = True
            case "tab":
                self._words.append("\t")
            case "br" | "cr":
                self._words.append("\n")
            case "noBreakHyphen":
                self._words.append("-")
            case "tbl":
                self._tables += 1
                if self._tables == 1:
                    self._rows = []
            case "tr" if self._tables == 1:
                self._rows.append([])
            case "tc" if self._tables == 1:
                self._cell = []

    def _end(self, name: str) -> Iterator[Block]:
        match name:
            case "p":
                text = "".join(self._words).strip()
                self._words = []
                if not text:
                    return
                if self._tables:
                    self._cell.append(text)
                    return
                kind: BlockKind = "text"
                if self._level:
                    kind = "heading"
                elif self._is_list:
                    kind, text = "list", f"- {text}"
                yield Block(text, kind, self._level)
            case "tc" if self._tables == 1 and self._rows:
                self._rows[-1].append(" ".join(self._cell))
            case "tbl":
                self._tables -= 1
                if not self._tables:
                    yield from rows_as_blocks(self._rows)
                    self._rows = []

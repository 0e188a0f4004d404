"""OpenDocument texts and presentations (.odt, .odp)."""

from __future__ import annotations

from collections.abc import Iterator

from chatplatform.documents.blocks import Block
from chatplatform.documents.formats.bounded_xml import events
from chatplatform.documents.formats.failures import Unreadable
from chatplatform.documents.formats.package import Package
from chatplatform.documents.formats.tables import rows_as_blocks


def read_open_text(data: bytes) -> Iterator[Block]:
    package = Package(data)
    if "META-INF/manifest.xml" in package.names and b"encryption-data" in package.read(
        "META-INF/manifest.xml"
    ):
        raise Unreadable("encrypted")
    found = False
    for block in _blocks(package):
        found = True
        yield block
    if not found:
        raise Unreadable("empty")


def _blocks(package: Package) -> Iterator[Block]:
    words: list[str] = []
    rows: list[list[str]] = []
    cell: list[str] = []
    open_paragraphs = level = page = tables = lists = skipped = 0
    for event in events(package.parts("content.xml")):
        starts = event.kind == "start"
        if event.kind == "text":
            if open_paragraphs and not skipped:
                words.append(event.text)
        elif event.name in {"tracked-changes", "annotation", "automatic-styles"}:
            skipped += 1 if starts else -1
        elif skipped:
            continue
        elif event.name in {"p", "h"}:
            if starts:
                open_paragraphs += 1
                given = event.attributes.get("outline-level", "1")
                level = (min(6, int(given)) if given.isdigit() else 1) if event.name == "h" else 0
                continue
            open_paragraphs -= 1
            text, words = "".join(words).strip(), []
            if not text:
                continue
            if tables:
                cell.append(text)
            elif level:
                yield Block(text, "heading", level, page)
            else:
                yield Block(f"- {text}" if lists else text, "list" if lists else "text", page=page)
        elif event.name == "page" and starts:
            page += 1
        elif event.name == "list":
            lists += 1 if starts else -1
        elif event.name in {"tab", "s", "line-break"} and starts:
            words.append("\n" if event.name == "line-break" else " ")
        elif event.name == "table":
            tables += 1 if starts else -1
            if starts and tables == 1:
                rows = []
            elif not starts and not tables:
                yield from rows_as_blocks(rows, page=page)
        elif event.name == "table-row" and starts and tables == 1:
            rows.append([])
        elif event.name == "table-cell" and tables == 1 and rows:
            if starts:
                cell = []
            else:
                rows[-1].append(" ".join(cell))

"""PowerPoint (.pptx): slides in their order, title first, with tables and the speaker's notes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from chatplatform.documents.blocks import Block
from chatplatform.documents.formats.bounded_xml import events
from chatplatform.documents.formats.failures import Unreadable
from chatplatform.documents.formats.package import Package
from chatplatform.documents.formats.tables import rows_as_blocks

_NUMBER = re.compile(r"(\d+)\.xml$")
_NOT_SPOKEN = {"sldNum", "dt", "ftr", "hdr", "sldImg"}


def read_slides(data: bytes) -> Iterator[Block]:
    package = Package(data)
    found = False
    for number, name in enumerate(_slides(package), 1):
        blocks = list(_texts(package, name, number))
        # the title comes first, wherever it lies on the slide
        blocks.sort(key=lambda block: block.kind != "heading")
        notes = next(
            (target for target in _targets(package, name).values() if "/notesSlides/" in target), None
        )
        if notes in package.names:
            said = "\n".join(block.text for block in _texts(package, notes, number))
            if said:
                blocks.append(Block(f"[{said}]", page=number))
        for block in blocks:
            found = True
            yield block
    if not found:
        raise Unreadable(
            "no_text" if any(name.startswith("ppt/media/") for name in package.names) else "empty"
        )


def _slides(package: Package) -> list[str]:
    targets = _targets(package, "ppt/presentation.xml")
    order = [
        targets[event.attributes["id"]]
        for event in events(package.parts("ppt/presentation.xml"))
        # the attribute with a namespace comes last and wins: r:id, not id
        if event.kind == "start" and event.name == "sldId" and event.attributes.get("id") in targets
    ]
    known = [name for name in order if name in package.names]
    if known:
        return known
    every = [name for name in package.names if name.startswith("ppt/slides/slide") and name.endswith(".xml")]
    return sorted(every, key=lambda name: int(match[1]) if (match := _NUMBER.search(name)) else 0)


def _targets(package: Package, name: str) -> dict[str, str]:
    """What a part points at, by id."""
    folder, base = posixpath.split(name)
    relations = f"{folder}/_rels/{base}.rels"
    if relations not in package.names:
        return {}
    return {
        event.attributes.get("Id", ""): posixpath.normpath(
            posixpath.join(folder, event.attributes.get("Target", ""))
        ).lstrip("/")
        for event in events(package.parts(relations))
        if event.kind == "start"
        and event.name == "Relationship"
        and event.attributes.get("TargetMode") != "External"
    }


def _texts(package: Package, name: str, page: int) -> Iterator[Block]:
    words: list[str] = []
    paragraphs: list[str] = []
    rows: list[list[str]] = []
    cell: list[str] = []
    placeholder, in_text, in_table, skipped = "", False, False, 0
    for event in events(package.parts(name)):
        if event.kind == "text":
            if in_text and not skipped:
                words.append(event.text)
        elif event.name == "Fallback":
            skipped += 1 if event.kind == "start" else -1
        elif skipped:
            continue
        elif event.name == "t":
            in_text = event.kind == "start"
        elif event.kind == "start":
            if event.name == "sp":
                placeholder, paragraphs = "", []
            elif event.name == "ph":
                placeholder = event.attributes.get("type", "body")
            elif event.name == "tbl":
                in_table, rows = True, []
            elif event.name == "tr" and in_table:
                rows.append([])
            elif event.name == "tc":
                cell = []
            elif event.name == "br":
                words.append("\n")
        elif event.name == "p":
            text = "".join(words).strip()
            words = []
            if text:
                (cell if in_table else paragraphs).append(text)
        elif event.name == "tc" and rows:
            rows[-1].append(" ".join(cell))
        elif event.name == "tbl":
            in_table = False
            yield from rows_as_blocks(rows, page=page)
        elif event.name == "sp":
            text = "\n".join(paragraphs)
            paragraphs = []
            if text and placeholder not in _NOT_SPOKEN:
                is_title = placeholder in {"title", "ctrTitle"}
                yield Block(text, "heading" if is_title else "text", 1 if is_title else 0, page)

"""A document in passages: pieces of about a paragraph, each with its place, none across a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from chatplatform.documents.blocks import Block, Document, placed

# Weight of a passage: a Latin letter is 1, a Chinese one 3; about 220 tokens
TARGET = 900
MOST = 1400

_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？；])|\n+")
_WIDE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef]")


@dataclass(frozen=True, slots=True)
class Passage:
    """`text` is the document's text from `start` to `end`; `heading` the headings that it stands under."""

    number: int
    start: int
    end: int
    page: int
    heading: str = field(repr=False)
    text: str = field(repr=False)


def weight(text: str) -> int:
    return len(text) + 2 * len(_WIDE.findall(text))


def passages(document: Document) -> list[Passage]:
    """In order, without overlap; together they hold all that is not blank."""
    found: list[Passage] = []
    whole = document.text
    headings: list[str] = []
    start, end, page, held = 0, 0, 0, 0
    under = ""

    def flush() -> None:
        nonlocal held
        if held and whole[start:end].strip():
            found.append(Passage(len(found), start, end, page, under, whole[start:end]))
        held = 0

    for at, block in placed(document.blocks):
        if block.kind == "heading":
            flush()
            headings = [*headings[: max(0, block.level - 1)], " ".join(block.text.split())[:120]]
        for piece_start, piece_end in _pieces(at, block):
            size = weight(whole[piece_start:piece_end])
            if held and (held + size > MOST or held >= TARGET or block.page != page):
                flush()
            if not held:
                start, page, under = piece_start, block.page, " › ".join(headings)
            end = piece_end
            held += size
    flush()
    return found


def _pieces(at: int, block: Block) -> Iterator[tuple[int, int]]:
    """The block in parts of MOST at most, cut between sentences or lines where there are any."""
    text = block.text
    if len(text) <= MOST and weight(text) <= MOST:
        if text:
            yield at, at + len(text)
        return
    start = 0
    for cut in [*(match.end() for match in _SENTENCE.finditer(text)), len(text)]:
        while cut - start > MOST or weight(text[start:cut]) > MOST:
            # one sentence that is longer: at a blank, else anywhere
            step = MOST if len(_WIDE.findall(text[start : start + MOST])) < MOST // 10 else MOST // 3
            end = min(cut, start + step)
            blank = text.rfind(" ", start + step // 2, end)
            end = blank + 1 if blank > start and end < cut else end
            yield at + start, at + end
            start = end
        if start < cut and (cut - start >= TARGET // 2 or weight(text[start:cut]) >= TARGET // 2):
            yield at + start, at + cut
            start = cut
    if start < len(text):
        yield at + start, at + len(text)

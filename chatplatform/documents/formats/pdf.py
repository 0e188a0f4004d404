"""PDF by PDFium: fast, and at home in every encoding that PDF has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

import pypdfium2

from chatplatform.documents.blocks import Block, OutlineEntry
from chatplatform.documents.formats.failures import Unreadable

MOST_PAGES = 5000
MOST_ENTRIES = 5000
MOST_DEPTH = 6
MOST_TITLE = 200
_PASSWORD = 4
_BLANK_LINES = re.compile(r"\n\s*\n")
_SPACES = re.compile(r"[ \t\u00a0]+")


def read_pdf(data: bytes, *, password: str = "") -> Iterator[Block | OutlineEntry]:
    """The outline, then the pages. A password that is not needed does no harm."""
    try:
        document = pypdfium2.PdfDocument(data, password=password or None)
        count = len(document)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) != _PASSWORD:
            raise Unreadable("damaged") from error
        raise Unreadable("wrong_password" if password else "encrypted") from error
    yield from _outline(document)
    found = broken = 0
    for number in range(1, min(count, MOST_PAGES) + 1):
        try:
            page = document[number - 1]
            text_page = page.get_textpage()
            text = text_page.get_text_bounded()
            text_page.close()
            page.close()
        except pypdfium2.PdfiumError:
            broken += 1
            continue
        for block in _page_blocks(text, number):
            found += 1
            yield block
    if not found:
        raise Unreadable("damaged" if broken or not count else "no_text")


def _outline(document: pypdfium2.PdfDocument) -> list[OutlineEntry]:
    """The bookmarks with a page and words, in the order of pages; none where they cannot be read."""
    found: list[OutlineEntry] = []
    try:
        for mark in islice(document.get_toc(max_depth=MOST_DEPTH), MOST_ENTRIES):
            target = mark.get_dest()
            page = target.get_index() if target is not None else None
            title = " ".join(mark.get_title()[:MOST_TITLE].split())
            if title and page is not None and page >= 0:
                found.append(OutlineEntry(title, mark.level + 1, page + 1))
    except (pypdfium2.PdfiumError, ValueError, RecursionError):
        pass  # what the text has is enough
    return sorted(found, key=lambda entry: entry.page)


def _page_blocks(text: str, page: int) -> Iterator[Block]:
    # PDFium marks a hyphen at the end of a line: the halves of the word belong together
    text = (
        text.replace("\r\n", "\n")
        .replace("\r", "\n")
        .replace("\ufffe\n", "")
        .replace("\ufffe", "")
        .replace("\x02", "")
    )
    for part in _BLANK_LINES.split(text):
        lines = [_SPACES.sub(" ", line).strip() for line in part.split("\n")]
        body = "\n".join(line for line in lines if line)
        if body:
            yield Block(body, page=page)

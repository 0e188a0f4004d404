"""One module for each family of formats; `read` chooses. Only for the confined process: they trust nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from chatplatform.documents.blocks import Block, OutlineEntry
from chatplatform.documents.formats.failures import Unreadable
from chatplatform.documents.kinds import HEAD_BYTES, UNREADABLE, Kind, kind_of

Reader = Callable[[bytes], Iterator[Block | OutlineEntry]]


def read(data: bytes, ending: str, password: str = "") -> tuple[Kind, Iterator[Block | OutlineEntry]]:
    """What it is, and its blocks as they are read. Raises Unreadable, also while blocks are taken."""
    kind = kind_of(data[:HEAD_BYTES], ending)
    if kind is Kind.EMPTY or (kind not in UNREADABLE and not data.strip(b"\x00\t\r\n ")):
        raise Unreadable("empty")
    if kind in UNREADABLE:
        raise Unreadable(kind.value)
    if kind is Kind.PACKAGE:
        from chatplatform.documents.formats import package

        kind = package.kind_inside(data)
    elif kind is Kind.OLD_OFFICE:
        kind = _inside_old_office(data)
    return kind, _reader(kind, password)(data)


def _inside_old_office(data: bytes) -> Kind:
    """Excel's old files are read, and a password turns new files into old ones."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise Unreadable("encrypted")
    if any(name.encode("utf-16-le") in data for name in ("Workbook", "Book")):
        return Kind.SHEET
    if "__substg1.0_".encode("utf-16-le") in data:
        raise Unreadable("outlook")
    raise Unreadable("old_office")


def _reader(kind: Kind, password: str) -> Reader:
    # imported when needed: a process reads one document
    match kind:
        case Kind.PDF:
            from chatplatform.documents.formats.pdf import read_pdf

            return partial(read_pdf, password=password)
        case Kind.WORD:
            from chatplatform.documents.formats.word import read_word as reader
        case Kind.SLIDES:
            from chatplatform.documents.formats.slides import read_slides as reader
        case Kind.SHEET:
            from chatplatform.documents.formats.sheets import read_sheets as reader
        case Kind.OPEN_TEXT:
            from chatplatform.documents.formats.open_text import read_open_text as reader
        case Kind.EPUB:
            from chatplatform.documents.formats.epub import read_epub as reader
        case Kind.HTML:
            from chatplatform.documents.formats.markup import read_html as reader
        case Kind.MAIL:
            from chatplatform.documents.formats.mail import read_mail as reader
        case Kind.NOTEBOOK:
            from chatplatform.documents.formats.notebook import read_notebook as reader
        case Kind.CSV:
            from chatplatform.documents.formats.plain import read_csv as reader
        case Kind.MARKDOWN:
            from chatplatform.documents.formats.plain import read_markdown as reader
        case Kind.JSON | Kind.CODE:
            from chatplatform.documents.formats.plain import read_code as reader
        case _:
            from chatplatform.documents.formats.plain import read_text as reader
    return reader

"""Spreadsheets (.xlsx, .xls, .xlsb, .ods) by calamine: values as they are, one table a sheet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from io import BytesIO

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from chatplatform.documents.blocks import Block
from chatplatform.documents.formats.failures import Unreadable
from chatplatform.documents.formats.package import Package
from chatplatform.documents.formats.tables import rows_as_blocks

MOST_CELLS = 3_000_000


def read_sheets(data: bytes) -> Iterator[Block]:
    if data[:2] == b"PK":
        Package(data).check_all()
    try:
        workbook = CalamineWorkbook.from_filelike(BytesIO(data))
    except PasswordError as error:
        raise Unreadable("encrypted") from error
    except (CalamineError, OSError, ValueError) as error:
        raise Unreadable("damaged") from error
    found = False
    for number, name in enumerate(workbook.sheet_names, 1):
        try:
            sheet = workbook.get_sheet_by_name(name)
            if sheet.total_height * sheet.total_width > MOST_CELLS:
                raise Unreadable("too_large_inside")
            rows = ([_words(value) for value in row] for row in sheet.iter_rows())
            blocks = list(rows_as_blocks(rows, page=number))
        except (CalamineError, OSError, ValueError):
            continue  # a chart or a macro sheet
        if blocks:
            found = True
            yield Block(name, "heading", 1, number)
            yield from blocks
    if not found:
        raise Unreadable("empty")


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(" ").removesuffix(" 00:00:00")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return str(value)

"""Rows as text: one line a row, cells apart by bars, the first row again where a long table goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chatplatform.documents.blocks import Block

ROWS_A_BLOCK = 40
MOST_CELLS = 256


def rows_as_blocks(rows: Iterable[list[str]], *, page: int = 0) -> Iterator[Block]:
    header = ""
    lines: list[str] = []
    for cells in rows:
        line = " | ".join(" ".join(cell.split()) for cell in cells[:MOST_CELLS]).rstrip(" |")
        if not line.strip(" |"):
            continue
        if not header:
            header = line
        lines.append(line)
        if len(lines) >= ROWS_A_BLOCK:
            yield Block("\n".join(lines), "table", page=page)
            lines = [header] if len(header) <= 400 else []
    if (lines and lines != [header]) or (lines and header == lines[0] and len(lines) == 1):
        yield Block("\n".join(lines), "table", page=page)

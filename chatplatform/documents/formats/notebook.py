"""Jupyter notebooks: text, code, and what the code wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from chatplatform.documents.blocks import Block
from chatplatform.documents.formats.failures import Unreadable
from chatplatform.documents.formats.plain import decoded, markdown_blocks

MOST_OUTPUT = 4000


def read_notebook(data: bytes) -> Iterator[Block]:
    try:
        cells = json.loads(decoded(data))["cells"]
        assert isinstance(cells, list)
    except (ValueError, KeyError, TypeError, RecursionError, AssertionError) as error:
        raise Unreadable("damaged") from error
    found = False
    for cell in cells:
        if isinstance(cell, dict):
            for block in _cell(cell):
                found = True
                yield block
    if not found:
        raise Unreadable("empty")


def _cell(cell: dict[str, Any]) -> Iterator[Block]:
    source = _joined(cell.get("source"))
    if cell.get("cell_type") == "markdown":
        yield from markdown_blocks(source)
        return
    if source.strip():
        yield Block(source, "code")
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else []:
        if not isinstance(output, dict):
            continue
        data = output.get("data")
        said = _joined(output.get("text") or (data.get("text/plain") if isinstance(data, dict) else ""))
        if said.strip():
            yield Block(said[:MOST_OUTPUT], "code")


def _joined(value: object) -> str:
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""

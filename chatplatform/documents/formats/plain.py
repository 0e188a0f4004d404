"""Text in any encoding: prose, Markdown, tables by comma, code and JSON."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from io import StringIO

from charset_normalizer import from_bytes

from chatplatform.documents.blocks import Block
from chatplatform.documents.formats.failures import Unreadable
from chatplatform.documents.formats.tables import rows_as_blocks
from chatplatform.documents.kinds import wide_encoding

SAMPLE_BYTES = 256 * 1024
_BLANK_LINES = re.compile(r"\n[ \t]*\n+")
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*$")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# encodings that are tried first for what is not UTF-8: those that people here meet
_LIKELY = [
    "gb18030",
    "big5",
    "shift_jis",
    "euc_jp",
    "euc_kr",
    "cp1252",
    "cp1251",
    "iso8859_2",
    "utf_16_le",
    "utf_16_be",
]


def decoded(data: bytes, *, hint: str = "") -> str:
    """The text; line ends are made the same. Raises Unreadable where it is none."""
    text = _decoded(data, hint)
    if text.count("\x00") > len(text) // 100:
        raise Unreadable("unknown")
    return text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")


def _decoded(data: bytes, hint: str) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    for encoding in ("utf-8", hint):
        try:
            if encoding:
                return data.decode("gb18030" if encoding.lower() in {"gb2312", "gbk"} else encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    if len(data) >= 8 and (data[1::2].count(0) > len(data) * 0.2 or data[::2].count(0) > len(data) * 0.2):
        return data.decode(
            "utf-16-le" if data[1::2].count(0) > data[::2].count(0) else "utf-16-be", errors="replace"
        )
    sample = data[:SAMPLE_BYTES]
    if sample.count(b"\n") + sample.count(b" ") == 0 or any(sample.count(byte) for byte in range(9)):
        wide = wide_encoding(sample)
        if wide:
            return data.decode(wide, errors="replace")
    best = from_bytes(sample, cp_isolation=_LIKELY).best() or from_bytes(sample).best()
    if best is None:
        return data.decode("utf-8", errors="replace")
    return data.decode(best.encoding, errors="replace")


def read_text(data: bytes) -> Iterator[Block]:
    yield from _required(_paragraphs(decoded(data)))


def read_code(data: bytes) -> Iterator[Block]:
    yield from _required(Block(part, "code") for part in _parts(decoded(data)))


def read_markdown(data: bytes) -> Iterator[Block]:
    yield from _required(markdown_blocks(decoded(data)))


def read_csv(data: bytes) -> Iterator[Block]:
    text = decoded(data)
    try:
        dialect: type[csv.Dialect] = csv.Sniffer().sniff(text[:20_000], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel_tab if text[:20_000].count("\t") > text[:20_000].count(",") else csv.excel
    csv.field_size_limit(10_000_000)
    try:
        yield from _required(rows_as_blocks(csv.reader(StringIO(text), dialect)))
    except csv.Error:
        yield from _required(_paragraphs(text))


def markdown_blocks(text: str, *, page: int = 0) -> Iterator[Block]:
    """Headings and fenced code are blocks of their own; everything else is paragraphs as they stand."""
    lines: list[str] = []
    fence = ""
    for line in text.split("\n"):
        mark = line.lstrip()[:3]
        if fence:
            lines.append(line)
            if mark == fence:
                yield Block("\n".join(lines), "code", page=page)
                lines, fence = [], ""
        elif mark in {"```", "~~~"}:
            yield from _paragraphs("\n".join(lines), page)
            lines, fence = [line], mark
        elif match := _HEADING.match(line):
            yield from _paragraphs("\n".join(lines), page)
            lines = []
            if match[2]:
                yield Block(match[2], "heading", len(match[1]), page)
        else:
            lines.append(line)
    yield from _paragraphs("\n".join(lines), page)


def _paragraphs(text: str, page: int = 0) -> Iterator[Block]:
    for part in _BLANK_LINES.split(text):
        if body := part.strip("\n").rstrip():
            yield Block(body, page=page)


def _parts(text: str, lines_a_part: int = 200) -> Iterator[str]:
    lines = text.split("\n")
    for at in range(0, len(lines), lines_a_part):
        if (part := "\n".join(lines[at : at + lines_a_part])).strip():
            yield part.strip("\n")


def _required(blocks: Iterator[Block]) -> Iterator[Block]:
    """The blocks; raises Unreadable where there are none."""
    found = False
    for block in blocks:
        found = True
        yield block
    if not found:
        raise Unreadable("empty")

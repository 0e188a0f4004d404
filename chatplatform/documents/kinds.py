"""What a file is, by its content; the name only tells kinds of text apart, which look alike."""

from __future__ import annotations

import re
from enum import StrEnum

HEAD_BYTES = 64 * 1024


class Kind(StrEnum):
    PDF = "pdf"
    WORD = "word"
    SLIDES = "slides"
    SHEET = "sheet"
    OPEN_TEXT = "open_text"
    EPUB = "epub"
    HTML = "html"
    MARKDOWN = "markdown"
    TEXT = "text"
    CODE = "code"
    CSV = "csv"
    JSON = "json"
    MAIL = "mail"
    NOTEBOOK = "notebook"
    # zip archives of which only a look inside tells more, and Office files from before 2007
    PACKAGE = "package"
    OLD_OFFICE = "old_office"
    # what nobody here reads
    PICTURE = "picture"
    AUDIO = "audio"
    VIDEO = "video"
    ARCHIVE = "archive"
    PROGRAM = "program"
    UNKNOWN = "unknown"
    EMPTY = "empty"


UNREADABLE = frozenset(
    {Kind.PICTURE, Kind.AUDIO, Kind.VIDEO, Kind.ARCHIVE, Kind.PROGRAM, Kind.UNKNOWN, Kind.EMPTY}
)

_BEGINNINGS: tuple[tuple[bytes, Kind], ...] = (
    (b"\x89PNG\r\n\x1a\n", Kind.PICTURE),
    (b"\xff\xd8\xff", Kind.PICTURE),
    (b"GIF87a", Kind.PICTURE),
    (b"GIF89a", Kind.PICTURE),
    (b"BM", Kind.PICTURE),
    (b"II*\x00", Kind.PICTURE),
    (b"MM\x00*", Kind.PICTURE),
    (b"\x00\x00\x01\x00", Kind.PICTURE),
    (b"8BPS", Kind.PICTURE),
    (b"ID3", Kind.AUDIO),
    (b"fLaC", Kind.AUDIO),
    (b"OggS", Kind.AUDIO),
    (b"\xff\xfb", Kind.AUDIO),
    (b"\xff\xf3", Kind.AUDIO),
    (b"\xff\xf2", Kind.AUDIO),
    (b"#!AMR", Kind.AUDIO),
    (b"\x1aE\xdf\xa3", Kind.VIDEO),
    (b"FLV\x01", Kind.VIDEO),
    (b"\x00\x00\x01\xba", Kind.VIDEO),
    (b"\x1f\x8b", Kind.ARCHIVE),
    (b"BZh", Kind.ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", Kind.ARCHIVE),
    (b"Rar!\x1a\x07", Kind.ARCHIVE),
    (b"\xfd7zXZ\x00", Kind.ARCHIVE),
    (b"\x28\xb5\x2f\xfd", Kind.ARCHIVE),
    (b"MZ", Kind.PROGRAM),
    (b"\x7fELF", Kind.PROGRAM),
    (b"\xca\xfe\xba\xbe", Kind.PROGRAM),
    (b"\xcf\xfa\xed\xfe", Kind.PROGRAM),
    (b"SQLite format 3\x00", Kind.UNKNOWN),
    (b"{\\rtf", Kind.UNKNOWN),
    (b"%!PS", Kind.UNKNOWN),
)
# short marks that words may begin with: only binary files count
_AMBIGUOUS = frozenset({b"BM", b"MZ", b"ID3"})
_BRANDS = {
    b"heic": Kind.PICTURE,
    b"heix": Kind.PICTURE,
    b"mif1": Kind.PICTURE,
    b"avif": Kind.PICTURE,
    b"M4A ": Kind.AUDIO,
}
_COMMON = re.compile("[\\t\\n\\r -~\u3000-\u9fff\uac00-\ud7a3\uff00-\uffef]")
_RIFF = {b"WEBP": Kind.PICTURE, b"WAVE": Kind.AUDIO, b"AVI ": Kind.VIDEO}

_OF_CODE = """py js mjs ts tsx jsx java c h cc cpp hpp cs go rs rb php sh bash ps1 sql css scss r jl kt swift lua pl
toml yaml yml ini cfg conf xml svg tex bib vue dart scala hs ex exs clj"""
_BY_ENDING = {
    "md": Kind.MARKDOWN,
    "markdown": Kind.MARKDOWN,
    "csv": Kind.CSV,
    "tsv": Kind.CSV,
    "json": Kind.JSON,
    "jsonl": Kind.JSON,
    "ndjson": Kind.JSON,
    "geojson": Kind.JSON,
    "ipynb": Kind.NOTEBOOK,
    "html": Kind.HTML,
    "htm": Kind.HTML,
    "xhtml": Kind.HTML,
    "mht": Kind.MAIL,
    "mhtml": Kind.MAIL,
    "eml": Kind.MAIL,
} | dict.fromkeys(_OF_CODE.split(), Kind.CODE)


def ending_of(name: str) -> str:
    """The file name's ending, in lower case, without the dot; empty when it has none that could be one."""
    _, dot, ending = name.rpartition(".")
    ending = ending.lower()
    return ending if dot and ending.isascii() and ending.isalnum() and len(ending) <= 12 else ""


def kind_of(head: bytes, ending: str) -> Kind:
    """The kind, from the first HEAD_BYTES at most; `ending` is asked only about text."""
    if not head:
        return Kind.EMPTY
    if b"%PDF-" in head[:1024]:
        return Kind.PDF
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return Kind.PACKAGE
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return Kind.OLD_OFFICE
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], Kind.UNKNOWN)
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], Kind.AUDIO if ending in {"m4a", "m4b", "aac"} else Kind.VIDEO)
    text = is_text(head)
    for beginning, kind in _BEGINNINGS:
        if head.startswith(beginning) and not (text and beginning in _AMBIGUOUS):
            return kind
    return _kind_of_text(head, ending) if text else Kind.UNKNOWN


def is_text(head: bytes) -> bool:
    """Whether this may be the beginning of text in some encoding."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        return True
    if head.count(0):
        # UTF-16 without a mark: every other byte of Western text is zero
        odd, even = head[1::2].count(0), head[::2].count(0)
        is_western = max(odd, even) > len(head) * 0.3 and min(odd, even) < len(head) * 0.05
        return len(head) >= 8 and (is_western or bool(wide_encoding(head)))
    control = sum(head.count(byte) for byte in range(32) if byte not in (9, 10, 12, 13, 27))
    return control <= len(head) // 100 or bool(wide_encoding(head))


def wide_encoding(head: bytes) -> str:
    """The kind of UTF-16 that turns this into Chinese, Japanese or Korean without a mark; empty where none does."""
    whole = head[: len(head) // 2 * 2]
    for encoding in ("utf-16-le", "utf-16-be"):
        text = whole.decode(encoding, errors="ignore")
        common = len(_COMMON.findall(text))
        if len(text) >= 4 and len(text) * 2 >= len(whole) - 2 and common >= len(text) * 0.97:
            return encoding
    return ""


def _kind_of_text(head: bytes, ending: str) -> Kind:
    begin = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:512].lower()
    if begin.startswith((b"<!doctype html", b"<html")) or (ending not in _BY_ENDING and b"<html" in begin):
        return Kind.HTML
    return _BY_ENDING.get(ending, Kind.TEXT)

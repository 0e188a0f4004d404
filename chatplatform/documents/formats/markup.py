"""HTML: parsed as browsers do, then told as headings, paragraphs, lists, tables and code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import nh3

from chatplatform.documents.blocks import Block, BlockKind
from chatplatform.documents.formats.failures import Unreadable
from chatplatform.documents.formats.plain import decoded
from chatplatform.documents.formats.tables import rows_as_blocks

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_PARAGRAPHS = {
    "p",
    "div",
    "section",
    "article",
    "main",
    "blockquote",
    "dd",
    "dt",
    "figcaption",
    "header",
    "footer",
    "ul",
    "ol",
    "dl",
    "br",
    "hr",
}
_KEPT = {*_HEADINGS, *_PARAGRAPHS, "li", "pre", "table", "thead", "tbody", "tr", "td", "th", "caption"}
_GONE = {
    "script",
    "style",
    "template",
    "noscript",
    "svg",
    "nav",
    "iframe",
    "object",
    "select",
    "button",
    "head",
    "title",
}
_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([a-zA-Z0-9_-]{2,40})""", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.{1,1000}?)</title>", re.IGNORECASE | re.DOTALL)


def read_html(data: bytes) -> Iterator[Block]:
    match = _CHARSET.search(data[:4096])
    found = False
    for block in html_blocks(decoded(data, hint=match[1].decode("ascii") if match else ""), with_title=True):
        found = True
        yield block
    if not found:
        raise Unreadable("empty")


def html_blocks(html: str, *, page: int = 0, with_title: bool = False) -> Iterator[Block]:
    if with_title and (match := _TITLE.search(html[:200_000])):
        title = " ".join(nh3.clean(match[1], tags=set()).split())
        if title:
            yield Block(_unescaped(title), "heading", 1, page)
    clean = nh3.clean(html, tags=_KEPT, attributes={}, clean_content_tags=_GONE, strip_comments=True)
    teller = _Teller(page)
    for at in range(0, len(clean), 65_536):
        teller.feed(clean[at : at + 65_536])
        yield from teller.take()
    teller.close()
    teller.flush()
    yield from teller.take()


def _unescaped(text: str) -> str:
    import html

    return html.unescape(text)


class _Teller(HTMLParser):
    """Takes what the sanitiser made: well-formed, and only the tags that are kept."""

    def __init__(self, page: int) -> None:
        super().__init__(convert_charrefs=True)
        self._page = page
        self._blocks: list[Block] = []
        self._words: list[str] = []
        self._kind: BlockKind = "text"
        self._level = 0
        self._pre = self._tables = 0
        self._rows: list[list[str]] = []

    def take(self) -> list[Block]:
        blocks, self._blocks = self._blocks, []
        return blocks

    def flush(self) -> None:
        text = "".join(self._words)
        self._words = []
        text = text.strip("\n") if self._pre else re.sub(r"[ \t\r\f\v\u00a0\n]+", " ", text).strip()
        if not text.strip():
            return
        if self._kind == "list":
            text = f"- {text}"
        self._blocks.append(Block(text, self._kind, self._level, self._page))

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if self._tables:
            if tag == "table":
                self._tables += 1
            elif tag == "tr" and self._tables == 1:
                self._rows.append([])
            elif tag in {"td", "th"} and self._tables == 1:
                self._words = []
            elif tag in _PARAGRAPHS:
                self._words.append(" ")
            return
        self.flush()
        self._kind, self._level = "text", 0
        if tag in _HEADINGS:
            self._kind, self._level = "heading", _HEADINGS[tag]
        elif tag == "li":
            self._kind = "list"
        elif tag == "pre":
            self._kind, self._pre = "code", 1
        elif tag == "table":
            self._tables, self._rows = 1, []

    def handle_endtag(self, tag: str) -> None:
        if self._tables:
            if tag in {"td", "th"} and self._tables == 1 and self._rows:
                self._rows[-1].append("".join(self._words))
                self._words = []
            elif tag == "table":
                self._tables -= 1
                if not self._tables:
                    self._words = []
                    self._blocks.extend(rows_as_blocks(self._rows, page=self._page))
            return
        self.flush()
        self._kind, self._level = "text", 0
        if tag == "pre":
            self._pre = 0

    def handle_data(self, data: str) -> None:
        self._words.append(data)

"""Markdown that is rendered while it arrives: finished blocks once as HTML, the open tail as text.

A top-level block is finished when another one has begun after it (CommonMark 0.31, section 3: later lines
never change an earlier sibling). Only the open block is parsed again, without what stands in its lines; for a long
one ever more rarely, so that the cost of a token stays constant. Lines that go on with a table or a list are not
parsed at all, and inside a fenced code block only its closing line is looked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from markdown_it.token import Token

from chatplatform.chat.citations import environment
from chatplatform.chat.markdown import parser, render_tokens

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[^`\n]*\n")
NEWLINE = re.compile(r"\r\n?|\n")  # what the parser takes for the end of a line
# Below this many characters the open block is parsed at every new line, above it after it has grown by an eighth.
SMALL_TAIL = 2_000
# Lines that go on with an open table or list, empty ones among them. One that ends it all the same closes it later; but
# what else follows an empty line ends it for certain.
TABLE_GOES_ON = re.compile(r"(?<!\n\n) {0,3}\|.*\n|[ \t\r]*\n")
LIST_GOES_ON = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])(?:[ \t].*)?\n|(?: {2}| ?\t).*\n|[ \t\r]*\n")
GOES_ON = {"table_open": TABLE_GOES_ON, "bullet_list_open": LIST_GOES_ON, "ordered_list_open": LIST_GOES_ON}


@dataclass(frozen=True, slots=True)
class Change:
    """What a piece of text did to the view: `blocks` to append; then, if `tail_replaced`, the tail is
    `tail_text` as a whole, else `tail_text` is appended to it."""

    blocks: list[str]
    tail_replaced: bool
    tail_text: str


@dataclass(slots=True)
class StreamingMarkdown:
    """The view of one answer while it grows. `text` is the whole source so far; `sources` are the numbers that are
    citations in it, to be set before the first piece."""

    sources: frozenset[int] = frozenset()
    blocks: list[str] = field(default_factory=list)
    _closed: list[str] = field(default_factory=list)
    _tail: str = ""
    _parse_at: int = 0
    _goes_on: re.Pattern[str] | None = None
    _gone_on: int = 0  # up to here its lines were found to go on
    _fence: re.Pattern[str] | None = None
    _fence_language: str = ""
    _fence_start: int = 0
    _fence_scanned: int = 0

    @property
    def text(self) -> str:
        return "".join(self._closed) + self._tail

    @property
    def tail_kind(self) -> str:
        return "text" if self._fence is None else "code"

    @property
    def tail_language(self) -> str:
        return self._fence_language

    @property
    def tail_text(self) -> str:
        """The tail as it is shown: inside a code block without its fence line."""
        return self._tail[self._fence_start :]

    def feed(self, piece: str) -> Change:
        """Add `piece` to the text and tell what changes in the view."""
        before = len(self.blocks)
        kind = (self._fence, self._fence_start)
        self._tail += piece
        if "\n" in piece:
            while self._advance():
                pass
        closed = self.blocks[before:]
        if closed or kind != (self._fence, self._fence_start):
            return Change(closed, True, self.tail_text)
        return Change([], False, piece)

    def _advance(self) -> bool:
        """Close what can be closed; true when it is worth another look."""
        if self._fence is not None:
            return self._close_fence()
        if opening := FENCE.match(self._tail):
            marker = opening.group(1)
            self._fence = re.compile(
                rf"^ {{0,3}}{re.escape(marker[0])}{{{len(marker)},}}[ \t]*\n", re.MULTILINE
            )
            self._fence_language = opening.group(2)[:32]
            self._fence_start = self._fence_scanned = opening.end()
            return True
        if self._block_goes_on() or len(self._tail) < self._parse_at:
            return False
        return self._close_blocks()

    def _block_goes_on(self) -> bool:
        """Whether all new lines are more of the open table or list."""
        if self._goes_on is None:
            return False
        while line := self._goes_on.match(self._tail, self._gone_on):
            self._gone_on = line.end()
        if self._tail.find("\n", self._gone_on) < 0:
            return True
        if self._tail.endswith("\n\n", 0, self._gone_on):
            self._parse_at = 0  # the end of a long block is seen at once
        self._goes_on = None
        return False

    def _close_fence(self) -> bool:
        assert self._fence is not None
        closing = self._fence.search(self._tail, self._fence_scanned)
        if closing is None:
            # the last, unfinished line may still become the closing one
            self._fence_scanned = max(self._fence_start, self._tail.rfind("\n") + 1)
            return False
        self._close(closing.end())
        return True

    def _close_blocks(self) -> bool:
        """Close every top-level block but the last, which may go on."""
        complete = self._tail.rfind("\n") + 1
        env: dict[str, Any] = environment(self.sources)
        tokens: list[Token] = []
        # as the parser itself begins, less what is within lines: that moves no block
        source = NEWLINE.sub("\n", self._tail[:complete]).replace("\0", "\ufffd")
        parser().block.parse(source, parser(), env, tokens)
        tops = [token for token in tokens if token.level == 0 and token.map and token.nesting >= 0]
        starts = [token.map[0] for token in tops if token.map]
        if len(starts) < 2:
            grown = len(self._tail) // 8 if len(self._tail) > SMALL_TAIL else 0
            self._parse_at = len(self._tail) + grown
            self._goes_on, self._gone_on = GOES_ON.get(tops[0].type) if tops else None, complete
            return False
        ends = [match.end() for match in NEWLINE.finditer(self._tail)]
        self._close(ends[starts[-1] - 1])
        return True

    def _close(self, end: int) -> None:
        source = self._tail[:end]
        env: dict[str, Any] = environment(self.sources)
        html = render_tokens(parser().parse(source, env), env)
        if html.strip():
            self.blocks.append(html)
        self._closed.append(source)
        self._tail = self._tail[end:]
        self._fence = self._goes_on = None
        self._fence_language = ""
        self._fence_start = self._parse_at = self._gone_on = 0

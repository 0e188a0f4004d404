"""Markdown that is rendered while it arrives: finished blocks once as HTML, the open tail as text.

A top-level block is finished when another one has begun after it (CommonMark 0.31, section 3: later lines
never change an earlier sibling). Only the open block is parsed again, and for a long one ever more rarely, so
that the cost of a token stays constant. Inside a fenced code block only its closing line is looked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from chatplatform.chat.markdown import parser, render_tokens

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[^`\n]*\n")
NEWLINE = re.compile(r"\r\n?|\n")  # what the parser takes for the end of a line
# Below this many characters the open block is parsed at every new line, above it after it has grown by an eighth.
SMALL_TAIL = 2_000


@dataclass(frozen=True, slots=True)
class Change:
    """What a piece of text did to the view: `blocks` to append; then, if `tail_replaced`, the tail is
    `tail_text` as a whole, else `tail_text` is appended to it."""

    blocks: list[str]
    tail_replaced: bool
    tail_text: str


@dataclass(slots=True)
class StreamingMarkdown:
    """The view of one answer while it grows. `text` is the whole source so far."""

    blocks: list[str] = field(default_factory=list)
    _closed: list[str] = field(default_factory=list)
    _tail: str = ""
    _parse_at: int = 0
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
        if len(self._tail) < self._parse_at:
            return False
        return self._close_blocks()

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
        env: dict[str, Any] = {}
        tokens = parser().parse(self._tail[:complete], env)
        starts = [token.map[0] for token in tokens if token.level == 0 and token.map and token.nesting >= 0]
        if len(starts) < 2:
            grown = len(self._tail) // 8 if len(self._tail) > SMALL_TAIL else 0
            self._parse_at = len(self._tail) + grown
            return False
        ends = [match.end() for match in NEWLINE.finditer(self._tail)]
        self._close(ends[starts[-1] - 1])
        return True

    def _close(self, end: int) -> None:
        source = self._tail[:end]
        env: dict[str, Any] = {}
        html = render_tokens(parser().parse(source, env), env)
        if html.strip():
            self.blocks.append(html)
        self._closed.append(source)
        self._tail = self._tail[end:]
        self._fence = None
        self._fence_language = ""
        self._fence_start = self._parse_at = 0

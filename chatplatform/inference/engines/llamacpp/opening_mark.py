"""Watches an answer for the mark after which a grammar holds, and puts right what was meant to be the mark."""

from __future__ import annotations

import re

THINKING, THOUGHT = b"<think>", b"</think>"
FENCE = re.compile(rb"\s*(```(json|JSON)?\s*)?")
"""What small models like to put before a call."""
_CALL_BEGINS = (b"<", b"{", b"[", b"```")
ALIKE = 5
"""So many first bytes of the mark make it one, however it goes on: models confuse it with its neighbours."""


def may_begin_call(piece: bytes) -> bool:
    """Whether an answer that begins with `piece` is likelier a call, in whatever form, than words."""
    begun = piece.lstrip()
    return begun.startswith(_CALL_BEGINS) and not begun.startswith(THINKING[:-1])


class OpeningMark:
    """Marks within thinking do not count: a model may speak there of what it could do.

    With `thinks` the answer begins in the middle of thinking.
    """

    def __init__(self, mark: str, *, thinks: bool = False) -> None:
        self._mark = mark.encode()
        self._thinking = thinks
        self._beginning: bytes | None = None if thinks else b""
        """The answer so far, as long as it may still turn out to be thinking or a call; None once it is an answer."""
        self._matched = 0
        self._tail = b""

    @property
    def at_beginning(self) -> bool:
        """Whether nothing of the answer is written, so that it may become words or a call."""
        return self._beginning is not None and not self._beginning.strip()

    def instead_of(self, piece: bytes) -> bytes:
        """What is to be written instead of `piece`: the grammar has to see everything that comes after the mark.

        Empty when `piece` may be written as it is.
        """
        if self._thinking:
            return b""
        if self._beginning is not None and self._matched == 0:
            begun = FENCE.sub(b"", self._beginning + piece, count=1)
            if begun.startswith((b"{", b"[")) and FENCE.fullmatch(self._beginning):
                return self._mark
        matched = self._matched
        for at, byte in enumerate(piece):
            if byte == self._mark[matched]:
                matched += 1
                if matched == len(self._mark):
                    return piece[: at + 1] if at + 1 < len(piece) else b""
            elif matched >= ALIKE:
                began = at - matched  # below 0 when it was before this piece
                return piece[:began] + self._mark if began >= 0 else self._mark[-began:]
            else:
                matched = int(byte == self._mark[0])
        return b""

    def feed(self, piece: bytes) -> bool:
        """The answer goes on with `piece`. True when it ends with the mark now."""
        if self._thinking:
            self._tail += piece
            if THOUGHT in self._tail:
                self._thinking = False
                self._beginning = self._tail.partition(THOUGHT)[2]
            self._tail = self._tail[-len(THOUGHT) :]
            return False
        for byte in piece:
            if byte == self._mark[self._matched]:
                self._matched += 1
            else:
                self._matched = int(byte == self._mark[0])
            if self._matched == len(self._mark):
                return True
        if self._beginning is not None:
            self._beginning += piece
            begun = self._beginning.lstrip()
            if begun.startswith(THINKING):
                self._thinking, self._beginning, self._tail = True, None, b""
            elif not (THINKING.startswith(begun) or b"```json".startswith(begun) or FENCE.fullmatch(begun)):
                self._beginning = None
        return False

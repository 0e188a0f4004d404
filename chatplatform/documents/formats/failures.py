"""How a parser says that it cannot go on."""

from __future__ import annotations


class Unreadable(Exception):
    """`code` is one of problems.Problem: this process does without Django."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

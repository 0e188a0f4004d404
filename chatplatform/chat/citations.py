"""Citations in answers: `[1]` is a button that opens the source of that number, where there is one; else it is text."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

SOURCES = "source_numbers"


def citations_plugin(markdown: MarkdownIt) -> None:
    """Let the parser find citations: tokens `citation`, with the number as content, for the numbers in the environment.

    Before links, so that `[1](…)` and a definition of `[1]` cannot take a citation's place.
    """
    markdown.inline.ruler.before("link", "citation", _citation)


def _citation(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "[":
        return False
    numbers: Collection[int] = state.env.get(SOURCES, ())
    if not numbers:
        return False
    end = state.src.find("]", state.pos + 1, min(state.pos + 5, state.posMax))
    digits = state.src[state.pos + 1 : end] if end > 0 else ""
    if not (digits.isascii() and digits.isdecimal()) or digits[0] == "0" or int(digits) not in numbers:
        return False
    if not silent:
        token = state.push("citation", "button", 0)
        token.content = digits
    state.pos = end + 1
    return True


def environment(numbers: Collection[int] = ()) -> dict[str, Any]:
    """For one rendering of a text that may cite these."""
    return {SOURCES: frozenset(numbers)}

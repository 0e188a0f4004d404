"""The pages of the documentation, and what is written as code in them."""

from __future__ import annotations

import re
from pathlib import Path

READMES = (Path("README.md"), Path("README.zh-Hans.md"))
PAGES = tuple(sorted({*READMES, Path("CHANGELOG.md"), *Path("docs").rglob("*.md")}))

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")


def blocks(text: str) -> list[str]:
    """The contents of fenced code blocks."""
    return [found[1] for found in _FENCE.findall(text)]


def prose(text: str) -> str:
    """The text without its code blocks."""
    return _FENCE.sub("", text)


def spans(text: str) -> list[str]:
    """What stands in backticks outside of code blocks."""
    return _SPAN.findall(prose(text))


def code(text: str) -> list[str]:
    """Everything written as code: spans, and the lines of blocks."""
    return spans(text) + [line for block in blocks(text) for line in block.splitlines()]


def links(text: str) -> list[str]:
    """Targets of links and images."""
    return re.findall(r"\]\(([^)\s]+)\)", _SPAN.sub("", prose(text)))


def anchors(text: str) -> set[str]:
    """The names by which headings can be linked to, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

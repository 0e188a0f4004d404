"""docs/threat-model.md: each promise names the tests that hold it, and what is not protected is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path("docs/threat-model.md").read_text()


def parts(heading: str, mark: str) -> dict[str, str]:
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    pieces = re.split(mark, section, flags=re.MULTILINE)[1:]
    return dict(zip(pieces[::2], pieces[1::2], strict=True))


PROMISES = parts("The promises", r"^### (.+)$")


@pytest.mark.parametrize("promise", PROMISES)
def test_each_promise_is_held_by_tests(promise: str) -> None:
    held_by = PROMISES[promise].partition("\nHeld by ")[2]
    files = [Path("docs", target) for target in re.findall(r"\]\((\.\./tests/\S+\.py)\)", held_by)]
    assert files
    for file in files:
        assert re.search(r"^(?:async )?def test_", file.read_text(), re.MULTILINE), file


def test_what_is_not_protected_is_said() -> None:
    limits = parts("What is not protected", r"^\*\*(.+?)\*\*")
    assert len(limits) >= 12
    assert all(len(text.split()) >= 12 for text in limits.values())

"""Decisions are numbered without a gap, listed with their titles, and told in the same four parts."""

from __future__ import annotations

import re
from pathlib import Path

DECISIONS = sorted(path for path in Path("docs/adr").glob("*.md") if path.name != "README.md")


def test_numbers_have_no_gap() -> None:
    assert [path.name[:4] for path in DECISIONS] == [f"{n:04}" for n in range(1, len(DECISIONS) + 1)]


def test_the_index_lists_each_with_its_title() -> None:
    rows = re.findall(
        r"^\| \[(\d{4})\]\((\S+)\) \| (.+) \|$", Path("docs/adr/README.md").read_text(), re.MULTILINE
    )
    titles = {path.name: path.read_text().splitlines()[0].removeprefix("# ") for path in DECISIONS}
    assert {name: f"{number}: {title}" for number, name, title in rows} == titles


def test_each_has_its_four_parts_in_order() -> None:
    for path in DECISIONS:
        parts = re.findall(r"^\*\*(\w+)\.\*\*", path.read_text(), re.MULTILINE)
        assert parts == ["Context", "Decision", "Consequences", "Alternatives"], path.name

"""docs/audit-events.md is what `manage.py audit catalogue` prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_lists_every_event() -> None:
    """In a process of its own, since tests declare events too."""
    printed = subprocess.run(
        [sys.executable, "manage.py", "audit", "catalogue"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    page = (ROOT / "docs" / "audit-events.md").read_text()
    assert page == printed, "make it again: manage.py audit catalogue > docs/audit-events.md"

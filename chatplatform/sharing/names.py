"""What files are called: a title as far as every file system takes it."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

_CHARS = 60
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)$", re.IGNORECASE)


def file_name(title: str, ending: str) -> str:
    """Such as `Tents for two.md`."""
    return f"{_safe(title)}.{ending}"


def entry_name(number: int, created_at: datetime, title: str, ending: str) -> str:
    """Such as `00012 2026-03-01 Tents for two.md`: unlike every other in the zip, and in order."""
    return f"{number:05d} {created_at:%Y-%m-%d} {_safe(title)}.{ending}"


def _safe(title: str) -> str:
    """No separators, controls, or characters that turn the reading direction; never empty."""
    kept = "".join(
        " " if unicodedata.category(char)[0] in "CZ" else "-" if char in '<>:"/\\|?*' else char
        for char in unicodedata.normalize("NFC", title)
    )
    name = " ".join(kept.split())[:_CHARS].strip(" .")
    return "conversation" if not name or _RESERVED.match(name) else name

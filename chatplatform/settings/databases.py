"""Database settings from URLs: SQLite for one machine, PostgreSQL for more."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON; PRAGMA cache_size=-16000; "
    "PRAGMA temp_store=MEMORY;"
)


def database(url: str, *, default_path: Path) -> dict[str, Any]:
    """Django settings of the database at `url`, or of the SQLite file `default_path` when it is empty.

    Raises ValueError for any other scheme.
    """
    parts = urlsplit(url)
    if not url or parts.scheme == "sqlite":
        path = Path(unquote(parts.path)) if url else default_path
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(path),
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": SQLITE_PRAGMAS},
            # a file, so that threads and processes of the tests share it as they do in life
            "TEST": {"NAME": str(path.with_name(f"test-{path.name}"))},
        }
    if parts.scheme in {"postgresql", "postgres"}:
        return {
            "ENGINE": "chatplatform.common.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
        }
    raise ValueError(f"no database backend for the scheme {parts.scheme!r}: use postgresql:// or sqlite:///")

"""Database connections of threads that live as long as their process.

Django's own rule closes SQLite's connections after each use. For a thread that looks twice a second this would
mean folding SQLite's log back into the database each time: a megabyte written every ten seconds, for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections


def drop_failed_connections() -> None:
    """Close this thread's connections that met an error, so that the next use makes new ones."""
    for connection in connections.all(initialized_only=True):
        if connection.errors_occurred and not connection.in_atomic_block:
            connection.close()


@contextmanager
def thread_connections() -> Iterator[None]:
    """Close this thread's connections when the block, its whole life, ends."""
    try:
        yield
    finally:
        connections.close_all()

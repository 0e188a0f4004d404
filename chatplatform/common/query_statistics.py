"""What SQLite's planner has to know of the tables: it gathers nothing by itself, as PostgreSQL does.

Without it, it holds an index over workspaces for a good way to a few rows of known ids, and reads a whole workspace.
"""

from __future__ import annotations

from typing import Final

from django.db import connection

# Looks at so many rows of an index at most: a few milliseconds, whatever the size of a table.
ROWS_LOOKED_AT: Final = 400


def refresh_query_statistics() -> None:
    """Gather anew what there is to know; connections that are opened afterwards plan by it."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA analysis_limit={ROWS_LOOKED_AT}")
        cursor.execute("ANALYZE")

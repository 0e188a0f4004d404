"""The database's own refusal to change a saved prompt version, beside the model's.

Deleting is refused by the models and by foreign keys, not by a trigger: the audit log holds each version's hash, so
that a version deleted and written anew is found out, and a trigger would block the emptying of test databases.
"""

from __future__ import annotations

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

_TABLE = "prompts_promptversion"
_TRIGGER = "prompt_version_stays"

_SQLITE = (
    f"CREATE TRIGGER IF NOT EXISTS {_TRIGGER} BEFORE UPDATE ON {_TABLE} "
    "BEGIN SELECT RAISE(ABORT, 'prompt versions never change'); END",
)
_POSTGRESQL = (
    f"CREATE OR REPLACE FUNCTION {_TRIGGER}() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'prompt versions never change'; END $$",
    f"DROP TRIGGER IF EXISTS {_TRIGGER} ON {_TABLE}",
    f"CREATE TRIGGER {_TRIGGER} BEFORE UPDATE ON {_TABLE} FOR EACH ROW EXECUTE FUNCTION {_TRIGGER}()",
)
_INSTALLED = {
    "sqlite": "SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND name = %s",
    "postgresql": "SELECT 1 FROM pg_trigger WHERE tgname = %s",
}


def guard_stands(connection: BaseDatabaseWrapper) -> bool:
    """Whether the database refuses changes; SQLite forgets triggers when a table is rebuilt."""
    with connection.cursor() as cursor:
        cursor.execute(_INSTALLED[connection.vendor], [_TRIGGER])
        return cursor.fetchone() is not None


def raise_guard(connection: BaseDatabaseWrapper) -> None:
    """Install the trigger; does nothing where the table is missing (after a migration back)."""
    if _TABLE not in connection.introspection.table_names():
        return
    with connection.cursor() as cursor:
        for statement in _POSTGRESQL if connection.vendor == "postgresql" else _SQLITE:
            cursor.execute(statement)


def after_migrate(*, using: str, **kwargs: Any) -> None:
    """Receiver of `post_migrate`: whatever a migration did to the table, the guard is there afterwards."""
    raise_guard(connections[using])

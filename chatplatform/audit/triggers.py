"""Database triggers that refuse to change or delete audit rows, whoever asks.

Made by the first migration and again after each `migrate`, because SQLite drops a table's triggers when a
migration rebuilds the table. `trigger_problems` says what is missing, for `manage.py doctor` and the verifier.
Who owns the database can remove them: then the signed checkpoints tell (verification.py).

The one change they let through empties an event's erasable part (salt, ip, details), once and as a whole.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

_PERMANENT = (
    "id", "at", "code", "outcome", "actor_kind", "actor_id", "workspace_id", "target_kind", "target_id", "digest",
)  # fmt: skip
_ERASES_ONLY = (
    "OLD.salt IS NOT NULL AND NEW.salt IS NULL AND NEW.ip = '' AND NEW.details = '' AND "
    + " AND ".join(f"NEW.{name} {{same}} OLD.{name}" for name in _PERMANENT)
)
_CHANGED = "audit rows cannot be changed"
_DELETED = "audit rows cannot be deleted"
_REPLACED = "audit rows cannot be replaced"

# name -> (table, statement). On SQLite `INSERT OR REPLACE` deletes without firing delete triggers, hence the
# insert triggers; on PostgreSQL a conflict can only end in the update that is refused anyway.
_SQLITE: dict[str, tuple[str, str]] = {}
for _table, _update_when, _replace_when in (
    (
        "audit_event",
        "WHEN NOT (" + _ERASES_ONLY.format(same="IS") + ") ",
        "EXISTS (SELECT 1 FROM audit_event WHERE id = NEW.id)",
    ),
    (
        "audit_leaf",
        "",
        'EXISTS (SELECT 1 FROM audit_leaf WHERE "index" = NEW."index" OR event_id = NEW.event_id)',
    ),
    ("audit_checkpoint", "", "EXISTS (SELECT 1 FROM audit_checkpoint WHERE size = NEW.size)"),
):
    for _name, _when, _message in (
        (f"{_table}_no_update", f"BEFORE UPDATE ON {_table} {_update_when}", _CHANGED),
        (f"{_table}_no_delete", f"BEFORE DELETE ON {_table} ", _DELETED),
        (f"{_table}_no_replace", f"BEFORE INSERT ON {_table} WHEN {_replace_when} ", _REPLACED),
    ):
        _SQLITE[_name] = (
            _table,
            f"CREATE TRIGGER {_name} {_when}BEGIN SELECT RAISE(ABORT, '{_message}'); END",
        )

_FUNCTION = "audit_refuse"
_FUNCTION_BODY = "BEGIN RAISE EXCEPTION 'audit rows cannot be changed or deleted'; END;"
_POSTGRESQL: dict[str, tuple[str, str]] = {}
for _table, _update_when in (
    ("audit_event", "WHEN (NOT (" + _ERASES_ONLY.format(same="IS NOT DISTINCT FROM") + ")) "),
    ("audit_leaf", ""),
    ("audit_checkpoint", ""),
):
    for _name, _what in (
        (f"{_table}_no_update", f"BEFORE UPDATE ON {_table} FOR EACH ROW {_update_when}"),
        (f"{_table}_no_delete", f"BEFORE DELETE ON {_table} FOR EACH ROW "),
        (f"{_table}_no_truncate", f"BEFORE TRUNCATE ON {_table} FOR EACH STATEMENT "),
    ):
        _POSTGRESQL[_name] = (_table, f"CREATE TRIGGER {_name} {_what}EXECUTE FUNCTION {_FUNCTION}()")


def _wanted(connection: BaseDatabaseWrapper) -> dict[str, tuple[str, str]]:
    """The triggers whose tables exist, by name."""
    known = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}.get(connection.vendor)
    if known is None:
        raise NotImplementedError(f"no audit triggers for {connection.vendor}: use SQLite or PostgreSQL")
    tables = set(connection.introspection.table_names())
    return {name: (table, sql) for name, (table, sql) in known.items() if table in tables}


def install_triggers(connection: BaseDatabaseWrapper) -> None:
    """Make every trigger anew on the tables that exist. May run any number of times."""
    wanted = _wanted(connection)
    if not wanted:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $${_FUNCTION_BODY}$$"
            )
        for name, (table, sql) in wanted.items():
            cursor.execute(_drop(connection, name, table))
            cursor.execute(sql)


def remove_triggers(connection: BaseDatabaseWrapper) -> None:
    """Take them away: for the reverse migration and the flush between tests, and nothing else."""
    with connection.cursor() as cursor:
        for name, (table, _) in _wanted(connection).items():
            cursor.execute(_drop(connection, name, table))
        if connection.vendor == "postgresql":
            cursor.execute(f"DROP FUNCTION IF EXISTS {_FUNCTION}()")


def _drop(connection: BaseDatabaseWrapper, name: str, table: str) -> str:
    on_table = f" ON {table}" if connection.vendor == "postgresql" else ""
    return f"DROP TRIGGER IF EXISTS {name}{on_table}"


def trigger_problems(connection: BaseDatabaseWrapper) -> list[str]:
    """Names of triggers that are missing, switched off or not ours; empty when all is well."""
    wanted = _wanted(connection)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            found = dict(cursor.fetchall())
            return sorted(name for name, (_, sql) in wanted.items() if found.get(name) != sql)
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = %s", [_FUNCTION])
        if cursor.fetchall() != [(_FUNCTION_BODY,)]:
            return sorted(wanted)
        cursor.execute(
            "SELECT tgname, tgrelid::regclass::text, tgenabled::text, tgfoid::regproc::text, tgqual IS NOT NULL"
            " FROM pg_trigger WHERE NOT tgisinternal"
        )
        present = {
            name: (table, enabled, function, conditional)
            for name, table, enabled, function, conditional in cursor.fetchall()
        }
        return sorted(
            name
            for name, (table, sql) in wanted.items()
            if present.get(name) != (table, "O", _FUNCTION, " WHEN (" in sql)
        )

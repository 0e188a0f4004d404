"""Copies of the databases, consistent while everything goes on writing, and their way back."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from chatplatform.backup.errors import BackupFailed, BackupRefused
from chatplatform.backup.manifest import Vendor

TOOL_LIMIT_S = 4 * 3600


def vendor(alias: str) -> Vendor:
    return "sqlite" if connections[alias].vendor == "sqlite" else "postgresql"


def copy_name(alias: str) -> str:
    return f"{alias}.sqlite3" if vendor(alias) == "sqlite" else f"{alias}.pgdump"


def sqlite_path(alias: str) -> Path:
    return Path(str(connections[alias].settings_dict["NAME"]))


def snapshot(alias: str, folder: Path) -> Path:
    """A copy of the database `alias` as it is at one moment; writers go on meanwhile. Raises BackupFailed."""
    target = folder / copy_name(alias)
    if vendor(alias) == "postgresql":
        _pg_dump(alias, target)
        return target
    try:
        with connections[alias].cursor() as cursor:
            # a snapshot of its own transaction, written without free pages: nothing deleted comes along
            cursor.execute("VACUUM INTO %s", [str(target)])
    except DatabaseError as error:
        raise BackupFailed(
            "backup_database_failed",
            f"The database “{alias}” could not be copied ({type(error.__cause__ or error).__name__}). "
            "Make room on the disk and try again.",
        ) from error
    target.chmod(0o600)
    return target


def applied_migrations() -> list[tuple[str, str]]:
    found = {
        (app, name)
        for alias in settings.DATABASES
        for app, name in MigrationRecorder(connections[alias]).applied_migrations()
    }
    return sorted(found)


def unknown_migrations(migrations: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those that this version does not have: the archive is newer."""
    loader = MigrationLoader(None)
    replaced = {name for migration in loader.disk_migrations.values() for name in migration.replaces}
    return [
        (app, name)
        for app, name in migrations
        if (app, name) not in loader.disk_migrations and (app, name) not in replaced
    ]


def check_sqlite(path: Path) -> None:
    """Raise BackupRefused unless the file is a whole SQLite database."""
    try:
        with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as database:
            (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        said = type(error).__name__
    if said != "ok":
        raise BackupRefused("backup_damaged", f"The database in the archive is damaged ({said}).")


def release_sqlite(path: Path) -> None:
    """Fold the write-ahead log into the file and see that nobody else has it open. Raises BackupRefused."""
    if not path.exists():
        return
    try:
        database = sqlite3.connect(path, timeout=1, isolation_level=None)
        try:
            # leaving the write-ahead log needs the database for oneself alone
            (mode,) = database.execute("PRAGMA journal_mode=DELETE").fetchone()
        finally:
            database.close()
    except sqlite3.OperationalError:
        mode = "busy"
    except sqlite3.DatabaseError:
        return  # damaged: good that it is replaced
    if mode != "delete":
        raise BackupRefused(
            "restore_running",
            f"{path} is in use. Stop the platform and every command on this data folder, then restore.",
        )


def is_empty(alias: str) -> bool:
    """Whether the database has no tables."""
    if vendor(alias) == "sqlite":
        path = sqlite_path(alias)
        return not path.exists() or path.stat().st_size == 0
    with connections[alias].cursor() as cursor:
        return not connections[alias].introspection.table_names(cursor)


def restore_postgresql(alias: str, dump: Path) -> None:
    """Replace the database's tables by those of `dump`, in one transaction. Raises BackupFailed."""
    fields, environment = _connection(alias)
    command = [
        _tool("pg_restore"),
        *("--single-transaction", "--clean", "--if-exists", "--no-owner", "--no-privileges"),
        *(*fields, "--dbname", str(connections[alias].settings_dict["NAME"]), str(dump)),
    ]
    connections[alias].close()
    _run(command, environment, f"The database “{alias}” could not be restored")


def _pg_dump(alias: str, target: Path) -> None:
    fields, environment = _connection(alias)
    name = str(connections[alias].settings_dict["NAME"])
    # the second lock on rows would otherwise hide them all from us: see common/row_security.py
    command = [_tool("pg_dump"), "--format=custom", "--enable-row-security", "--no-owner", "--no-privileges"]
    command += fields
    _run([*command, "--file", str(target), name], environment, f"The database “{alias}” could not be copied")
    target.chmod(0o600)


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise BackupRefused(
            "backup_tool_missing",
            f"{name} is not installed here. Install PostgreSQL's client tools, of the server's version or newer.",
        )
    return found


def _connection(alias: str) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment; the password never stands on a command line."""
    given: dict[str, Any] = connections[alias].settings_dict
    named = {"--host": given["HOST"], "--port": given["PORT"], "--username": given["USER"]}
    fields = [part for option, value in named.items() if value for part in (option, str(value))]
    password = {"PGPASSWORD": str(given["PASSWORD"])} if given["PASSWORD"] else {}
    all_rows = {"PGOPTIONS": "-c chatplatform.all_workspaces=on"}
    return ["--no-password", *fields], {**os.environ, **password, **all_rows}


def _run(command: list[str], environment: dict[str, str], failure: str) -> None:
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=TOOL_LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackupFailed("backup_database_failed", f"{failure}: {type(error).__name__}.") from error
    if done.returncode:
        said = next((line for line in done.stderr.splitlines() if "error" in line.lower()), "")[:300]
        raise BackupFailed("backup_database_failed", f"{failure}: {said or done.returncode}")

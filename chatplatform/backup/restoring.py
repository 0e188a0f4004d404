"""Restoring: everything is proved first, then put in place at once; what was there stays aside."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connections, transaction

from chatplatform.audit.services import record
from chatplatform.backup import contents, databases
from chatplatform.backup.archive import extract, file_sha256, read_manifest, total_bytes
from chatplatform.backup.audit_events import BACKUP_RESTORED
from chatplatform.backup.errors import BackupFailed, BackupRefused
from chatplatform.backup.manifest import Kind, Manifest
from chatplatform.backup.readable import Readability, readability
from chatplatform.backup.swap import Move, Swap
from chatplatform.common.actors import Actor
from chatplatform.common.errors import PlatformError
from chatplatform.environment.secrets import secrets_dir
from chatplatform.health.running import platform_runs
from chatplatform.inference.model_files import model_store
from chatplatform.privacy.data_keys import forget_all

SPARE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored. `missing_models` are to be fetched, `put_aside` may be deleted once all is well."""

    manifest: Manifest
    readability: Readability
    missing_models: tuple[str, ...]
    put_aside: tuple[Path, ...]


def restore_backup(
    place: Path, *, keys_place: Path | None, replace: bool, accept_unreadable: bool, actor: Actor
) -> Restored:
    """Put the archive's state in the place of this installation's.

    Raises BackupRefused, when nothing was touched, and BackupFailed, when everything is as it was before.
    """
    try:
        return _restore(place, keys_place, replace, accept_unreadable, actor)
    except PlatformError as error:
        _record_refusal(error.code, actor)
        raise


def _restore(
    place: Path, keys_place: Path | None, replace: bool, accept_unreadable: bool, actor: Actor
) -> Restored:
    _check_alone()
    _check_manifest(place, "data")
    if keys_place is not None:
        _check_manifest(keys_place, "keys")
    _check_empty(with_keys=keys_place is not None, replace=replace)
    with _workshop() as folder:
        _check_room(folder, place, keys_place)
        manifest = extract(place, folder / "data")
        keys = None
        if keys_place is not None:
            keys = folder / "keys"
            extract(keys_place, keys)
        _check_databases(folder)
        readable = readability(folder / "data", keys)
        if readable.people and not accept_unreadable:
            raise BackupRefused(
                "restore_unreadable",
                f"{readable.explained()} To restore all the same, add --accept-unreadable.",
            )
        put_aside = _put_in_place(
            folder, manifest, keys, actor, readable, file_sha256(place), replace=replace
        )
    missing = tuple(model.id for model in manifest.models if not _has_model(model.id))
    return Restored(manifest, readable, missing, tuple(put_aside))


def _check_alone() -> None:
    if platform_runs():
        raise BackupRefused(
            "restore_running", "The platform runs on this data folder. Stop it, then restore."
        )


def _check_manifest(place: Path, kind: Kind) -> None:
    manifest = read_manifest(place)
    if manifest.kind != kind:
        raise BackupRefused("backup_wrong_kind", f"{place} holds {manifest.kind}, where {kind} was expected.")
    alias = "default" if kind == "data" else "keys"
    if manifest.database != databases.vendor(alias):
        raise BackupRefused(
            "backup_other_database",
            f"{place} holds a database of {manifest.database}, and this installation uses "
            f"{databases.vendor(alias)}. Set CHATPLATFORM_DATABASE_URL and CHATPLATFORM_KEYS_DATABASE_URL to match.",
        )
    if databases.unknown_migrations(manifest.migrations):
        raise BackupRefused(
            "backup_newer",
            f"{place} was made by a newer version ({manifest.version}). Install that version, then restore.",
        )


def _check_empty(*, with_keys: bool, replace: bool) -> None:
    if replace:
        return
    taken = [] if databases.is_empty("default") else ["the database"]
    if with_keys and not databases.is_empty("keys"):
        taken.append("the key store")
    if taken:
        raise BackupRefused(
            "restore_not_empty",
            f"This installation has data already: {', '.join(taken)}. To restore over it, add --replace; "
            "what is there now is kept aside.",
        )


@contextmanager
def _workshop() -> Iterator[Path]:
    try:
        folder = Path(tempfile.mkdtemp(prefix=".restore-", dir=settings.DATA_DIR))
    except OSError as error:
        raise BackupFailed(
            "restore_unwritable", f"{settings.DATA_DIR} cannot be written: {error.strerror}."
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_room(folder: Path, place: Path, keys_place: Path | None) -> None:
    wanted = sum(total_bytes(read_manifest(path).files) for path in filter(None, (place, keys_place)))
    free = shutil.disk_usage(folder).free
    if free < wanted + SPARE_BYTES:
        raise BackupRefused(
            "restore_no_room",
            f"The data folder has {free // 2**20} MB free, and {wanted // 2**20} MB are needed. Make room.",
        )


def _check_databases(folder: Path) -> None:
    for path in folder.rglob("*.sqlite3"):
        if path.parent.name in (contents.DATABASE, contents.KEYS):
            databases.check_sqlite(path)


def _put_in_place(
    folder: Path,
    manifest: Manifest,
    keys: Path | None,
    actor: Actor,
    readable: Readability,
    sha256: str,
    *,
    replace: bool,
) -> list[Path]:
    connections.close_all()
    for alias in ("default", "keys") if keys else ("default",):
        if databases.vendor(alias) == "sqlite":
            databases.release_sqlite(databases.sqlite_path(alias))
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    swap = Swap(_moves(folder, keys), stamp=stamp)
    swap.begin()
    swap.commit()
    try:
        saved = _restore_servers(folder, keys, stamp)
        _migrate()
        forget_all()
        with transaction.atomic():
            record(
                BACKUP_RESTORED,
                actor=actor,
                workspace_id=None,
                details={
                    "backup": manifest.id,
                    "covers_until": manifest.covers_until.isoformat(),
                    "sha256": sha256,
                    "with_keys": keys is not None,
                    "replaced": replace,
                    "unreadable_people": readable.people,
                },
            )
    except BaseException as error:
        connections.close_all()
        swap.undo()
        if isinstance(error, DatabaseError):
            raise BackupFailed(
                "restore_database_failed",
                f"The restored database could not be brought up to date ({type(error).__name__}).",
            ) from error
        raise
    return [*swap.put_aside, *saved]


def _moves(folder: Path, keys: Path | None) -> list[Move]:
    names = {contents.DATABASE} | ({contents.KEYS} if keys else set())
    moves = []
    for place in contents.places(names):
        new = (keys if place.name.startswith(f"{contents.KEYS}/") and keys else folder / "data") / place.name
        if new.exists() or place.path.exists():
            moves.append(Move(place.path, new if new.exists() else None))
    files = folder / "data" / contents.FILES
    if files.is_dir():
        moves += [Move(Path(settings.DATA_DIR) / path.name, path) for path in sorted(files.iterdir())]
    secrets = keys / contents.SECRETS if keys else None
    if secrets is not None and secrets.is_dir():
        home = secrets_dir(settings.ENVIRONMENT)
        moves += [Move(home / path.name, path) for path in sorted(secrets.iterdir())]
    return moves


def _restore_servers(folder: Path, keys: Path | None, stamp: str) -> list[Path]:
    """Databases of PostgreSQL: what is in them is dumped aside first, for there is no renaming."""
    saved = []
    parts = {"default": folder / "data" / contents.DATABASE}
    if keys is not None:
        parts["keys"] = keys / contents.KEYS
    for alias, source in parts.items():
        if databases.vendor(alias) != "postgresql":
            continue
        if not databases.is_empty(alias):
            aside = Path(settings.DATA_DIR) / f"{alias}{contents.ASIDE}{stamp}"
            aside.mkdir(mode=0o700)
            saved.append(databases.snapshot(alias, aside))
        databases.restore_postgresql(alias, source / databases.copy_name(alias))
    return saved


def _migrate() -> None:
    for alias in settings.DATABASES:
        call_command("migrate", interactive=False, verbosity=0, database=alias)


def _has_model(model_id: str) -> bool:
    try:
        return model_store.presence(model_id) in ("here", "unread")
    except PlatformError:
        return False


def _record_refusal(code: str, actor: Actor) -> None:
    """In the log of the installation that is there, if there is one."""
    with suppress(DatabaseError, PlatformError, OSError):
        if not databases.is_empty("default"):
            with transaction.atomic():
                record(
                    BACKUP_RESTORED,
                    actor=actor,
                    workspace_id=None,
                    details={"reason": code},
                    outcome="refused",
                )

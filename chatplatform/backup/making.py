"""Making a backup while everything runs.

The order makes it whole: the witness before the log it witnesses, files and vectors before the rows that name
them, the database as late as can be, and the keys last, so that no content lacks its key.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Count

from chatplatform.audit.checkpoints import stored_checkpoints
from chatplatform.audit.services import record
from chatplatform.backup import contents, databases
from chatplatform.backup.archive import describe, file_sha256, write_archive
from chatplatform.backup.audit_events import BACKUP_MADE
from chatplatform.backup.errors import BackupFailed, BackupRefused
from chatplatform.backup.manifest import (
    FORMAT_VERSION,
    ArchivedModel,
    AuditState,
    KeyEntry,
    Kind,
    Manifest,
    Subject,
)
from chatplatform.backup.vectors import copy_vectors
from chatplatform.chat.models import Conversation
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import PlatformError
from chatplatform.common.scope import all_workspaces
from chatplatform.inference.model_files import catalogue, model_store
from chatplatform.privacy.master_key import master_keyring
from chatplatform.privacy.models import DataKey


@dataclass(frozen=True, slots=True)
class Made:
    """A finished backup. All that was committed before `covers_until` is in it."""

    place: Path
    keys_place: Path | None
    covers_until: datetime
    bytes: int
    sha256: str
    vectors: str


def platform_version() -> str:
    try:
        return version("chatplatform")
    except PackageNotFoundError:
        return "0.1.0"


def make_backup(place: Path, *, keys_place: Path | None, actor: Actor) -> Made:
    """Write the data to `place` and, if asked for, keys to `keys_place`: both new files, outside the data folder.

    Raises BackupRefused and BackupFailed; then no file is left behind. Recorded either way.
    """
    backup_id = str(uuid4())
    try:
        _check_places(place, keys_place)
        with _workshop(place) as folder:
            made = _make(backup_id, place, keys_place, folder)
    except PlatformError as error:
        with suppress(DatabaseError, PlatformError):
            _record(actor, "failed", {"backup": backup_id, "reason": error.code})
        raise
    _record(
        actor,
        "ok",
        {
            "backup": backup_id,
            "covers_until": made.covers_until.isoformat(),
            "bytes": made.bytes,
            "sha256": made.sha256,
            "with_keys": keys_place is not None,
        },
    )
    return made


def _check_places(place: Path, keys_place: Path | None) -> None:
    if keys_place is not None and keys_place.resolve() == place.resolve():
        raise BackupRefused(
            "backup_same_file", "Keys must not be in the same file as the data. Name another."
        )
    for path in filter(None, (place, keys_place)):
        if path.exists():
            raise BackupRefused("backup_exists", f"{path} exists already. Name a file that does not.")
        if not path.parent.is_dir():
            raise BackupRefused("backup_folder_missing", f"The folder {path.parent} does not exist.")
        if path.resolve().is_relative_to(Path(settings.DATA_DIR).resolve()):
            raise BackupRefused(
                "backup_inside_data",
                f"{path} lies in the data folder and would be lost with it. Name a place elsewhere.",
            )


@contextmanager
def _workshop(place: Path) -> Iterator[Path]:
    """A private folder beside the archive, where there is room for it, gone afterwards."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BackupFailed("backup_unwritable", f"{place.parent} cannot be written: {reason}.") from error
    try:
        yield folder
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BackupFailed("backup_unwritable", f"The backup could not be written: {reason}.") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make(backup_id: str, place: Path, keys_place: Path | None, folder: Path) -> Made:
    data = folder / "data"
    (data / contents.DATABASE).mkdir(parents=True, mode=0o700)
    witness = Path(settings.AUDIT_WITNESS_FILE)
    if witness.is_file():
        shutil.copyfile(witness, data / contents.WITNESS)
    home = Path(settings.DATA_DIR).resolve()
    _copy_files(home, data / contents.FILES)
    vectors = _vectors(home, data)
    covers_until = now()
    databases.snapshot("default", data / contents.DATABASE)
    _copy_files(home, data / contents.FILES)  # what came meanwhile is named by rows already
    (data / contents.SUBJECTS).write_text(json.dumps(_subjects()))
    write_archive(place, _manifest("data", backup_id, covers_until, data, vectors=vectors), data)
    if keys_place is not None:
        try:
            _make_keys(backup_id, keys_place, folder / "keys", covers_until)
        except BaseException:
            place.unlink()
            raise
    size = place.stat().st_size
    return Made(place, keys_place, covers_until, size, file_sha256(place), vectors)


def _copy_files(home: Path, folder: Path) -> None:
    """Those that are not there yet: what is once written does not change."""
    for path in contents.kept_files(home):
        target = folder / path.relative_to(home)
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileNotFoundError):  # deleted meanwhile: its row will not name it either
            shutil.copyfile(path, target)


def _vectors(home: Path, data: Path) -> str:
    if settings.ENVIRONMENT.chroma_url:
        return "elsewhere"
    return "here" if copy_vectors(home / "chroma", data / contents.VECTORS) else "none"


def _make_keys(backup_id: str, place: Path, folder: Path, covers_until: datetime) -> None:
    (folder / contents.KEYS).mkdir(parents=True, mode=0o700)
    databases.snapshot("keys", folder / contents.KEYS)
    rows = DataKey.objects.values_list("subject_kind", "subject_id", "master_key", "destroyed_at")
    entries = [
        KeyEntry(kind=kind, id=str(who), master_key=key, destroyed_at=gone).model_dump(mode="json")
        for kind, who, key, gone in rows.iterator()
    ]
    (folder / contents.KEY_LIST).write_text(json.dumps(entries))
    for secret in contents.kept_secrets():
        (folder / contents.SECRETS).mkdir(exist_ok=True, mode=0o700)
        shutil.copyfile(secret, folder / contents.SECRETS / secret.name)
    write_archive(place, _manifest("keys", backup_id, covers_until, folder), folder)


def _manifest(
    kind: Kind, backup_id: str, covers_until: datetime, folder: Path, *, vectors: str = "none"
) -> Manifest:
    alias = "default" if kind == "data" else "keys"
    checkpoints = stored_checkpoints() if kind == "data" else []
    last = checkpoints[-1] if checkpoints else None
    return Manifest.model_validate(
        {
            "format_version": FORMAT_VERSION,
            "id": backup_id,
            "kind": kind,
            "made_at": now(),
            "covers_until": covers_until,
            "version": platform_version(),
            "database": databases.vendor(alias),
            "migrations": databases.applied_migrations(),
            "master_key": _fingerprint(),
            "vectors": vectors,
            "models": _models() if kind == "data" else [],
            "audit": AuditState(size=last.size, root=last.root.hex(), key_id=last.key_id) if last else None,
            "clear": contents.CLEAR
            if kind == "data"
            else ["ids of people; keys are wrapped by the master key"],
            "files": describe(folder),
        }
    )


def _fingerprint() -> str:
    try:
        return master_keyring().fingerprint
    except PlatformError:
        return ""


def _models() -> list[ArchivedModel]:
    here = [model for model in catalogue.catalogue() if model_store.presence(model.id) == "here"]
    return [ArchivedModel(id=model.id, sha256=model_store.model_sha256(model.id)) for model in here]


def _subjects() -> list[dict[str, object]]:
    with all_workspaces("a backup holds every workspace"):
        counted = Conversation.objects.order_by().values_list("owner_id").annotate(Count("id"))
        return [Subject(id=str(who), conversations=count).model_dump() for who, count in counted.iterator()]


def _record(actor: Actor, outcome: str, details: dict[str, str | int | bool]) -> None:
    with transaction.atomic():
        record(
            BACKUP_MADE,
            actor=actor,
            workspace_id=None,
            details=details,
            outcome="ok" if outcome == "ok" else "failed",
        )

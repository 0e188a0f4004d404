"""A copy of Chroma's folder that its server can start from, taken while it runs or not.

Chroma keeps new vectors in its SQLite file until the index files hold them. So the index files are copied first
and the SQLite file after them, by SQLite's own backup; an index file that changed meanwhile makes the copy start
anew. What the index lacks, the server reads from its SQLite file when it starts.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from chatplatform.backup.errors import BackupFailed

ATTEMPTS: Final = 5
DATABASE: Final = "chroma.sqlite3"
_BESIDE: Final = (f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal")

State = dict[str, tuple[int, int]]


def copy_vectors(source: Path, target: Path) -> bool:
    """Copy the folder; false when there is none. Raises BackupFailed when it does not keep still."""
    if not (source / DATABASE).exists():
        return False
    for _ in range(ATTEMPTS):
        shutil.rmtree(target, ignore_errors=True)
        before = _state(source)
        try:
            _copy_files(source, target, before)
            _copy_database(source / DATABASE, target / DATABASE)
        except FileNotFoundError:
            continue  # an index was replaced under our hands
        except (OSError, sqlite3.Error) as error:
            raise BackupFailed(
                "backup_vectors_failed", f"The vectors could not be copied: {type(error).__name__}."
            ) from error
        if _state(source) == before:
            return True
    raise BackupFailed(
        "backup_vectors_busy", "The vectors change all the time. Stop what imports documents, and try again."
    )


def _state(folder: Path) -> State:
    """Size and time of every index file."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and path.name not in (DATABASE, *_BESIDE)
    }


def _copy_files(source: Path, target: Path, names: State) -> None:
    target.mkdir(parents=True, mode=0o700)
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(source / name, target / name)


def _copy_database(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=10)) as origin,
        closing(sqlite3.connect(target)) as copy,
    ):
        origin.backup(copy)

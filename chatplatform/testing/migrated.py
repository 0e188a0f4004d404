"""Empty databases on SQLite, migrated once for all test sites: a hundred migrations take many seconds, a copy none."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
STALE_AFTER_S = 24 * 3600


def copy_migrated(into: Path, files: tuple[str, ...], make: Callable[[Path], None]) -> None:
    """Put `files` (paths in a data folder) as `make(folder)` leaves them behind into `into`.

    `make` runs once for each state of the code, whichever process comes first; it is kept in the system's folder for
    temporary files. Nothing but schema may be in it: sites have keys and secrets of their own.
    """
    kept = Path(tempfile.gettempdir()) / f"chatplatform-migrated-{_state_of_code()}-{len(files)}"
    if not kept.is_dir():
        _forget_stale(kept.parent)
        with tempfile.TemporaryDirectory(prefix="chatplatform-migrating-") as scratch:
            made, draft = Path(scratch) / "made", Path(scratch) / "kept"
            made.mkdir()
            make(made)
            _copy(made, draft, files)
            try:
                draft.rename(kept)
            except OSError:
                if not kept.is_dir():  # else another process was first
                    raise
    _copy(kept, into, files)


def _copy(source: Path, into: Path, files: tuple[str, ...]) -> None:
    for name in files:
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, into / name)


def _state_of_code() -> str:
    """Changes with every change of a Python file: what a migration does may lie anywhere."""
    files = sorted(PACKAGE.rglob("*.py"))
    known = "\n".join(f"{path} {(found := path.stat()).st_mtime_ns} {found.st_size}" for path in files)
    return hashlib.sha256(known.encode()).hexdigest()[:16]


def _forget_stale(folder: Path) -> None:
    for old in folder.glob("chatplatform-migrated-*"):
        if time.time() - old.stat().st_mtime > STALE_AFTER_S:
            shutil.rmtree(old, ignore_errors=True)

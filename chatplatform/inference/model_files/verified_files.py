"""Which files have been read and found right, remembered by size and time of change."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

HASH_BYTES = 4 * 1024 * 1024
REMEMBERED = ".verified.json"


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(HASH_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


class VerifiedFiles:
    """The memory of one folder, in `<folder>/.verified.json`; a folder that cannot be written has none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / REMEMBERED
        try:
            self._known: dict[str, list[str | int]] = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._known = {}

    def is_known(self, path: Path, size: int, sha256: str) -> bool:
        """Whether the file was read and found right and has not changed since. Reads nothing of it."""
        try:
            state = path.stat()
        except OSError:
            return False
        return state.st_size == size and self._known.get(self._name(path)) == [
            sha256,
            state.st_size,
            state.st_mtime_ns,
        ]

    def is_right(self, path: Path, size: int, sha256: str) -> bool:
        """Whether the file, in the folder or below, has this size and SHA-256; reads it only if it changed."""
        try:
            state = path.stat()
            if state.st_size != size:
                return False
            stamp: list[str | int] = [sha256, state.st_size, state.st_mtime_ns]
            if self._known.get(self._name(path)) == stamp:
                return True
            if file_sha256(path) != sha256:
                return False
        except OSError:
            return False
        self._remember(self._name(path), stamp)
        return True

    def trust(self, path: Path, sha256: str) -> None:
        """Remember a file that this process has just written or read. Raises OSError."""
        state = path.stat()
        self._remember(self._name(path), [sha256, state.st_size, state.st_mtime_ns])

    def forget(self, path: Path) -> None:
        """Have the file read again next time."""
        self._remember(self._name(path), None)

    def _name(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()

    def _remember(self, name: str, stamp: list[str | int] | None) -> None:
        if stamp is None:
            self._known.pop(name, None)
        else:
            self._known[name] = stamp
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with suppress(OSError):
            draft.write_text(json.dumps(self._known), encoding="utf-8")
            draft.replace(self._path)

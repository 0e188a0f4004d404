"""Putting restored files in the place of the old ones: all of them, or none."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chatplatform.backup.contents import ASIDE, fsync_folder
from chatplatform.backup.errors import BackupFailed


@dataclass(frozen=True, slots=True)
class Move:
    """`new` takes the place of `path`; without `new`, what is at `path` only goes aside."""

    path: Path
    new: Path | None


class Swap:
    """Renames only, so that it takes no time. Old files stay beside the new ones, as `NAME.before-STAMP`."""

    def __init__(self, moves: Sequence[Move], *, stamp: str) -> None:
        self._moves = moves
        self._stamp = stamp
        self._done: list[tuple[Path, Path | None]] = []
        self._staged: list[tuple[Path, Path]] = []

    @property
    def put_aside(self) -> list[Path]:
        return [aside for _, aside in self._done if aside is not None]

    def begin(self) -> None:
        """Bring what is new beside its place: the only part that may have to copy. Raises BackupFailed."""
        try:
            for move in self._moves:
                if move.new is not None:
                    move.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                    beside = move.path.with_name(f".{move.path.name}.new-{self._stamp}")
                    self._staged.append((beside, move.path))
                    shutil.move(move.new, beside)
        except OSError as error:
            self.drop()
            raise BackupFailed(
                "restore_unwritable", f"The restored files could not be put down: {error.strerror or error}."
            ) from error

    def commit(self) -> None:
        """Rename everything; on an error everything goes back. Raises BackupFailed."""
        staged = {path: beside for beside, path in self._staged}
        try:
            for move in self._moves:
                aside = move.path.with_name(f"{move.path.name}{ASIDE}{self._stamp}")
                if move.path.exists():
                    move.path.rename(aside)
                    self._done.append((move.path, aside))
                else:
                    self._done.append((move.path, None))
                if move.new is not None:
                    staged[move.path].rename(move.path)
            for folder in {move.path.parent for move in self._moves if move.path.parent.is_dir()}:
                fsync_folder(folder)
        except OSError as error:
            self.undo()
            raise BackupFailed(
                "restore_unwritable",
                f"The restored files could not be put in place: {error.strerror or error}.",
            ) from error

    def undo(self) -> None:
        """Everything as it was."""
        for path, aside in reversed(self._done):
            _remove(path)
            if aside is not None:
                aside.rename(path)
        self._done.clear()
        self.drop()

    def drop(self) -> None:
        """Throw away what has not come into its place."""
        for beside, _ in self._staged:
            _remove(beside)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(FileNotFoundError):
            path.unlink()

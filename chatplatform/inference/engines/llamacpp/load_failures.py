"""Model files that could not be loaded: what is said of them, and when they are worth another try."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from chatplatform.common.errors import PlatformError

RETRY_S = 60.0
"""A file that could not be loaded is tried again after this time, or when it has changed."""


@dataclass(frozen=True)
class _Failure:
    file: tuple[str, int, int]
    message: str
    at: float


class LoadFailures:
    """By model. The pool's lock guards it."""

    def __init__(self) -> None:
        self._found: dict[str, _Failure] = {}

    def note(self, model_id: str, path: Path, error: PlatformError | OSError) -> str:
        """Remember why `path` could not be loaded; what is said of it."""
        reason = (
            error.message if isinstance(error, PlatformError) else (error.strerror or type(error).__name__)
        )
        message = f"{model_id}: {reason}"
        self._found[model_id] = _Failure(_identity(path), message, time.monotonic())
        return message

    def stands(self, model_id: str, path: Path) -> bool:
        """Whether it would fail again: the same file, a short while ago."""
        failure = self._found.get(model_id)
        return bool(failure and failure.file == _identity(path) and time.monotonic() - failure.at < RETRY_S)

    def forget(self, model_id: str) -> None:
        self._found.pop(model_id, None)

    def keep(self, models: Collection[str]) -> None:
        """Forget all but those of `models`."""
        self._found = {name: each for name, each in self._found.items() if name in models}

    def messages(self, models: Collection[str] | None = None) -> tuple[str, ...]:
        """What is said of `models`; of all without."""
        return tuple(each.message for name, each in self._found.items() if models is None or name in models)


def _identity(path: Path) -> tuple[str, int, int]:
    try:
        stat = path.stat()
    except OSError:
        return (str(path), 0, 0)
    return (str(path), stat.st_size, stat.st_mtime_ns)

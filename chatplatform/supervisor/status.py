"""What the set-up page and other readers see: DATA_DIR/run/status.json, replaced whole."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from chatplatform.common.clock import now

INTERVAL_S = 0.5


class Phase(StrEnum):
    INSTALLING = "installing"
    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StepStatus:
    """`state`: waiting, running, done or failed. `fraction` from 0 to 1, or None when not known."""

    id: str
    title: str
    state: str
    fraction: float | None
    detail: str
    cure: str


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    name: str
    pid: int | None
    state: str
    restarts: int
    last_error: str


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """The chat model that answers now, and the one that is wished for."""

    serving: str | None
    preferred: str


@dataclass(frozen=True, slots=True)
class Status:
    phase: Phase
    steps: tuple[StepStatus, ...]
    processes: tuple[ProcessStatus, ...]
    model: ModelStatus


def write_status(path: Path, status: Status) -> None:
    """Replace the file: a reader sees the old or the new, whole. Raises OSError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps({"updated_at": now().isoformat(), **asdict(status)}))
    draft.replace(path)


class StatusWriter:
    """Writes the status soon after a change, but not more often than every INTERVAL_S."""

    def __init__(self, path: Path, current: Callable[[], Status]) -> None:
        self._path = path
        self._current = current
        self._changed = asyncio.Event()
        self._changed.set()

    def changed(self) -> None:
        self._changed.set()

    async def run(self) -> None:
        """Write until cancelled. A full disk makes the page stale; it must not end the supervision."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            self.write()
            await asyncio.sleep(INTERVAL_S)

    def write(self) -> None:
        with contextlib.suppress(OSError):
            write_status(self._path, self._current())

"""A folder as broker: kombu's transport, made safe for processes that die at any instant.

Kombu's own writes a message in place, so that a reader can meet half a message, and moves it through the
system's folder for temporary files. Here a message appears whole by a rename, and one that cannot be read is
dropped: the job's row is the truth, and the sweeper publishes it again.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from queue import Empty
from time import monotonic_ns, time
from typing import Any
from uuid import uuid4

from django.conf import settings
from kombu.transport import filesystem
from kombu.utils.json import dumps, loads

log = logging.getLogger(__name__)

STALE_AFTER_S = 24 * 3600
DRAFT_STALE_AFTER_S = 60
WAIT_LIMIT_S = 0.5


def prepare_broker_folder() -> None:
    """Make the folder and remove what dead processes left behind. Raises OSError when it cannot be written."""
    folder = broker_folder()
    (folder / "messages").mkdir(parents=True, exist_ok=True, mode=0o700)
    for file in (folder / "messages").iterdir():
        try:
            half_written = file.suffix != ".msg"
            if time() - file.stat().st_mtime > (DRAFT_STALE_AFTER_S if half_written else STALE_AFTER_S):
                file.unlink()
        except FileNotFoundError:
            continue  # another process took it


def broker_folder() -> Path:
    return Path(settings.BROKER_FOLDER)


def folder_options(*, polling_s: float) -> dict[str, Any]:
    """Kombu's transport options for the folder."""
    messages = str(broker_folder() / "messages")
    return {
        "data_folder_in": messages,
        "data_folder_out": messages,
        "control_folder": str(broker_folder() / "control"),  # of bound exchanges, which we have none of
        "polling_interval": polling_s,
    }


class Channel(filesystem.Channel):  # type: ignore[misc]
    """A message is one file, `<time>_<random>.<queue>.msg`; taking it is renaming it, which one reader can do."""

    def _put(self, queue: str, payload: Any, **_: Any) -> None:
        folder = Path(self.data_folder_out)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = f"{monotonic_ns() // 1_000_000}_{uuid4()}"
        draft = folder / f"{name}.draft"
        draft.write_text(dumps(payload))
        draft.rename(folder / f"{name}.{queue}.msg")

    def _get(self, queue: str) -> Any:
        for name in sorted(self._names(queue), key=lambda name: int(name.partition("_")[0])):
            file = Path(self.data_folder_in) / name
            mine = file.with_suffix(".taken")
            try:
                file.rename(mine)
                text = mine.read_text()
                mine.unlink()
                return loads(text)
            except FileNotFoundError:
                continue  # another reader was first
            except ValueError:
                log.warning("a damaged message was dropped from the broker folder")
        raise Empty

    def _size(self, queue: str) -> int:
        return len(self._names(queue))

    def _purge(self, queue: str) -> int:
        names = self._names(queue)
        for name in names:
            (Path(self.data_folder_in) / name).unlink(missing_ok=True)
        return len(names)

    def _names(self, queue: str) -> list[str]:
        try:
            found = os.listdir(self.data_folder_in)
        except FileNotFoundError:
            return []
        return [name for name in found if name.partition(".")[2] == f"{queue}.msg" and name[0].isdigit()]


class Transport(filesystem.Transport):  # type: ignore[misc]
    Channel = Channel

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        """Wait for a message, but not so long that a worker that is told to stop keeps everybody waiting."""
        super().drain_events(connection, timeout=min(timeout or WAIT_LIMIT_S, WAIT_LIMIT_S))

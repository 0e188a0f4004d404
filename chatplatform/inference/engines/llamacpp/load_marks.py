"""Files that ended the process while they were loaded: after the second time they are left alone, longer each time.

The reader (gguf.py) refuses what is known to kill the library; this is for what is not known. A mark on disk is
made before a load and taken away after it, whatever came of it; only a process that died leaves one.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chatplatform.inference.engines.llamacpp.model import LoadFailed

log = logging.getLogger(__name__)

DEATHS = 2
"""One may have had another cause: somebody pulled the plug. So may two, and therefore the first pause is short."""
FIRST_PAUSE_S = 60.0
GROWTH = 4
LONGEST_PAUSE_S = 1800.0


class LoadMarks:
    """Marks in `folder`; None makes none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @contextmanager
    def loading(self, path: Path) -> Iterator[None]:
        """Around a load of `path`. Raises LoadFailed where that has ended the process twice or more: for a
        minute, four, sixteen, half an hour, or until the file is another one.
        """
        mark = self._mark(path)
        if mark is None:
            yield
            return
        deaths, ago_s = _deaths(mark)
        if ago_s < pause_s(deaths):
            raise LoadFailed(
                "llama.cpp ended the engine twice while it loaded this file. Take another file of the model, or "
                "another model."
            )
        try:
            mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            mark.write_text(str(deaths + 1))
        except OSError as error:
            log.warning("A load could not be noted on disk (%s).", error.strerror)
        try:
            yield
        finally:
            mark.unlink(missing_ok=True)

    def _mark(self, path: Path) -> Path | None:
        if self._folder is None:
            return None
        stat = path.stat()
        identity = f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}"
        return self._folder / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.loading"


def pause_s(deaths: int) -> float:
    """How long a file is left alone that has ended the process so often."""
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * GROWTH ** (deaths - DEATHS)) if deaths >= DEATHS else 0.0


def _deaths(mark: Path) -> tuple[int, float]:
    """How often the file ended the process, and how many seconds ago it last did."""
    try:
        return int(mark.read_text()), max(0.0, time.time() - mark.stat().st_mtime)
    except (OSError, ValueError):
        return 0, 0.0

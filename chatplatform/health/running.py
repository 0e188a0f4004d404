"""Whether a supervisor runs on this data folder, and which process it is."""

from __future__ import annotations

import psutil
from django.conf import settings

from chatplatform.health.supervisor_lock import AlreadyRunning, supervisor_lock

# the lock is written within a moment of the start; clocks of files and of processes differ a little
CLOCK_SLACK_S = 2.0


def platform_runs() -> bool:
    """Whether a supervisor holds the data folder. Tries its lock: for commands, not for pages that ask often."""
    path = settings.DATA_DIR / "run" / "supervisor.lock"
    if not path.exists():
        return False
    try:
        with supervisor_lock(path):
            return False
    except AlreadyRunning:
        return True


def supervisor_pid() -> int | None:
    """The supervisor of this data folder, by what it wrote into its lock; None when it is gone."""
    path = settings.DATA_DIR / "run" / "supervisor.lock"
    try:
        text, written_at = path.read_text().strip(), path.stat().st_mtime
        if text.isdigit() and psutil.Process(int(text)).create_time() <= written_at + CLOCK_SLACK_S:
            return int(text)
    except (OSError, psutil.Error):
        return None
    return None

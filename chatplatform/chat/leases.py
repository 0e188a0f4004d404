"""Who runs a turn. A lease names its process, so that a neighbour on the same machine sees at once that it died."""

from __future__ import annotations

import os
import socket
from functools import lru_cache
from uuid import uuid4

import psutil


@lru_cache(maxsize=1)
def this_process() -> str:
    """`host:pid:start time:random`, the name of this process in leases and announcements."""
    started = psutil.Process().create_time()
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{started:.2f}:{uuid4().hex[:12]}"


def is_certainly_dead(lease_owner: str) -> bool:
    """True when the owner ran on this machine and is no more. False is «don't know»: wait for the lease to end."""
    try:
        host, pid, started, _ = lease_owner.rsplit(":", 3)
        if host != socket.gethostname()[:60]:
            return False
        return abs(psutil.Process(int(pid)).create_time() - float(started)) > 1
    except psutil.NoSuchProcess:
        return True
    except (ValueError, psutil.Error):
        return False

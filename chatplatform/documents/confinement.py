"""What the process that parses may do: compute for a while, in little memory, and nothing else.

Every part is tried and what the system lacks is left out: the limits of resources hold everywhere.
"""

from __future__ import annotations

import ctypes
import resource
import signal
import sys
from contextlib import suppress
from typing import Any

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38

_DENIED = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.link",
    "os.symlink",
    "shutil.",
    "urllib.",
    "ftplib.",
    "smtplib.",
    "http.",
)


class Confined(RuntimeError):
    """Something that a parser has no business with."""


def confine(*, memory_mb: int, cpu_s: int) -> None:
    """For the rest of this process. Call it before the first byte of the document is read."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)  # no file is written: pipes are none
    _limit(resource.RLIMIT_NOFILE, 64)
    _limit(resource.RLIMIT_CPU, cpu_s)
    _limit(resource.RLIMIT_AS, memory_mb * 2**20)
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            libc = ctypes.CDLL(None, use_errno=True)
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
            libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            # a network of its own with nothing in it; refused in some containers
            libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    sys.addaudithook(_refuse)


def _limit(what: int, most: int) -> None:
    with suppress(ValueError, OSError):
        _soft, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        mode = arguments[1] if len(arguments) > 1 else "r"
        if isinstance(mode, str) and set(mode) & set("wax+"):
            raise Confined(event)
    elif event.startswith(_DENIED):
        raise Confined(event)

"""Starts a program that dies with its parent: `python launch.py PARENT_PID NICENESS PROGRAM ARGUMENT…`.

Runs as a script of its own, with the standard library only, because it must be quick and because code between
fork and exec is unsafe in a parent with threads.
"""

from __future__ import annotations

import os
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
AUTOGROUP = "/proc/self/autogroup"
TRIES, PAUSE_S = 40, 0.05


def main() -> None:
    parent, niceness, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    if sys.platform == "linux":
        import ctypes

        # kept across exec: the kernel kills the program when its parent is gone, however the parent died
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the parent is gone")
    be_nice(niceness)
    os.execv(program, sys.argv[3:])


def be_nice(niceness: int) -> None:
    """Yield to processes of lower niceness, in other sessions too.

    Where Linux groups processes by session (the usual setting outside containers), `nice` counts only within a
    session, and each child of the supervisor has one of its own: the group has a niceness to be set.
    """
    os.nice(niceness)
    if not niceness or not os.path.exists(AUTOGROUP):
        return
    for _ in range(TRIES):
        try:
            with open(AUTOGROUP, "w") as group:
                group.write(str(niceness))
        except BlockingIOError:  # the whole system may change ten groups a second
            time.sleep(PAUSE_S)
        except OSError:
            return  # not to be had here: the process's own niceness must do
        else:
            return


if __name__ == "__main__":
    main()

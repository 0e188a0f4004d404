"""Starts a program that dies with its parent: `python launch.py PARENT_PID NICENESS PROGRAM ARGUMENT…`.

Runs as a script of its own, with the standard library only, because it must be quick and because code between
fork and exec is unsafe in a parent with threads.
"""

from __future__ import annotations

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, niceness, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    if sys.platform == "linux":
        import ctypes

        # kept across exec: the kernel kills the program when its parent is gone, however the parent died
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the parent is gone")
    os.nice(niceness)
    os.execv(program, sys.argv[3:])


if __name__ == "__main__":
    main()

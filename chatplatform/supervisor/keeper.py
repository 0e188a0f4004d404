"""Kills every process group that it was told of, when the process that told it dies: `python keeper.py`.

Reads lines from standard input: `+PID` for a group that has begun, `-PID` for one that is over. The end of the
input means that the supervisor is gone, by whatever death: what then is left in the groups is killed, children
of children included (launch.py's own protection reaches children only, and Linux only).
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys


def main() -> None:
    # the terminal's Ctrl-C and a polite stop are the supervisor's to handle: this one ends after it
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        if line.startswith("+"):
            groups.add(int(line[1:]))
        elif line.startswith("-"):
            groups.discard(int(line[1:]))
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()

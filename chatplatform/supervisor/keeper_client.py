"""The supervisor's end of keeper.py."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("keeper.py")


class Keeper:
    """Tells the keeper process which groups must not outlive this one. Use as a context.

    It is started again when it has died; it needs no stopping, for it ends with its input.
    """

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Keeper:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            self._process.wait()

    def begun(self, group: int) -> None:
        self._groups.add(group)
        self._tell(f"+{group}\n")

    def over(self, group: int) -> None:
        self._groups.discard(group)
        self._tell(f"-{group}\n")

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(SCRIPT)],
            stdin=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )

    def _tell(self, line: str) -> None:
        try:
            self._write(line)
        except OSError:
            self._start()
            self._write("".join(f"+{group}\n" for group in self._groups))

    def _write(self, text: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        os.write(self._process.stdin.fileno(), text.encode())

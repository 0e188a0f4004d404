"""The console: lines of every process with its name before them."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from typing import TextIO

WAITING_LINES = 10_000
NAME_WIDTH = 8
COLOURS = {"web": 36, "worker": 33, "llm": 35, "encoder": 34, "chroma": 32}


class LogWriter:
    """Writes lines in a thread: a terminal that is paused must not stop the supervision.

    When more lines wait than are kept, further ones are dropped and counted. Use as a context.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._coloured = self._stream.isatty()
        self._lines: queue.Queue[str | None] = queue.Queue(WAITING_LINES)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="log-writer", daemon=True)

    def __enter__(self) -> LogWriter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(None)
            self._thread.join(timeout=2)

    def line(self, name: str, text: str) -> None:
        """One line of the process `name`."""
        head = f"{name:<{NAME_WIDTH}} |"
        if self._coloured:
            head = f"\x1b[{COLOURS.get(name, 37)}m{head}\x1b[0m"
        self._put(f"{head} {text}")

    def notice(self, text: str) -> None:
        """Lines of the supervisor's own, made to be seen."""
        self._put(f"\x1b[1m{text}\x1b[0m" if self._coloured else text)

    def _put(self, text: str) -> None:
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            self._dropped += 1

    def _write(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # whoever read the lines has gone
            while (text := self._lines.get()) is not None:
                self._stream.write(text + "\n")
                if self._dropped and self._lines.empty():
                    self._stream.write(f"({self._dropped} lines left out)\n")
                    self._dropped = 0
                if self._lines.empty():
                    self._stream.flush()

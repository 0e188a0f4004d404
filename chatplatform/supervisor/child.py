"""One child process: started in a group of its own, its output read by lines, ended with all its descendants."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from chatplatform.supervisor.keeper_client import Keeper

LAUNCH = Path(__file__).with_name("launch.py")
KEPT_LINES = 20
LONGEST_LINE = 8_000
LAST_OUTPUT_S = 0.5


class Child:
    """A running child. `last_lines` are the latest of its output, standard error included."""

    def __init__(self, process: asyncio.subprocess.Process, keeper: Keeper) -> None:
        self._process = process
        self._keeper = keeper
        self._reader: asyncio.Task[None] | None = None
        self.pid = process.pid
        self.last_lines: deque[str] = deque(maxlen=KEPT_LINES)

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        keeper: Keeper,
        on_line: Callable[[str], None],
        environment: Mapping[str, str] | None = None,
        niceness: int = 0,
    ) -> Child:
        """Start `command` (its first word is a path). Raises OSError when the system cannot."""
        # a pipe of our own, for asyncio's would make wait() last as long as any descendant holds it open
        read_end, write_end = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), str(niceness)),
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        except BaseException:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        keeper.begun(process.pid)
        child = cls(process, keeper)
        child._reader = asyncio.create_task(child._read(read_end, on_line))
        return child

    async def wait(self) -> int:
        """The exit status (negative: the signal), once it is dead, its group too, and its output read.

        Cancelling this kills the group.
        """
        try:
            return await self._process.wait()
        finally:
            self.kill()
            await self._process.wait()
            self._keeper.over(self.pid)
            if self._reader is not None:
                # what it said last came before its death; a descendant that escaped must not hold us up
                await asyncio.wait({self._reader}, timeout=LAST_OUTPUT_S)
                self._reader.cancel()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the child alone: its own children are its to stop."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def kill(self) -> None:
        """Kill the whole group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def stop(self, limit_s: float) -> bool:
        """Ask the child to end; kill it after `limit_s`. True when it ended by itself."""
        self.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), limit_s)
        except TimeoutError:
            return False
        finally:
            self.kill()
        return True

    async def _read(self, read_end: int, on_line: Callable[[str], None]) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb", 0)
        )
        rest = b""
        try:
            while data := await reader.read(65536):
                *lines, rest = (rest + data).split(b"\n")
                if len(rest) > LONGEST_LINE:
                    lines, rest = [*lines, rest], b""
                for line in lines:
                    self._take(line, on_line)
            if rest:
                self._take(rest, on_line)
        finally:
            transport.close()

    def _take(self, line: bytes, on_line: Callable[[str], None]) -> None:
        text = line[:LONGEST_LINE].decode(errors="replace").rstrip()
        if text:
            self.last_lines.append(text)
            on_line(text)

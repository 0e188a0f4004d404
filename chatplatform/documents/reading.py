"""Reads a document in a confined process: bounded memory and time, no network, nothing of ours in its environment."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from time import monotonic

from chatplatform.documents.blocks import Block, Document, OutlineEntry
from chatplatform.documents.kinds import Kind
from chatplatform.documents.problems import WORDS, Problem

MOST_CHARS = 4_000_000
MOST_PASSWORD = 1024  # bytes
_ROOT = Path(__file__).resolve().parents[2]
_TICK_S = 0.5
_STEP = 64 * 1024
# a line holds one block; a block is at most all the text, and each character at most 12 bytes of JSON
_MOST_OUTPUT = MOST_CHARS * 13


@dataclass(frozen=True, slots=True)
class Limits:
    """`memory_mb` is address space; `wall_s` counts waiting too."""

    memory_mb: int = 1024
    cpu_s: int = 60
    wall_s: float = 120
    most_chars: int = MOST_CHARS


class DocumentUnreadable(Exception):
    """`problem` says why, `message` in words what to do; nothing of the content."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.value)
        self.problem = problem

    @property
    def message(self) -> str:
        return str(WORDS[self.problem])


def read_document(
    parts: Iterable[bytes],
    *,
    ending: str = "",
    password: str = "",
    limits: Limits | None = None,
    on_tick: Callable[[int], None] = lambda page: None,
) -> Document:
    """The text of the document whose bytes are `parts`. `ending` is its name's, which tells kinds of text apart;
    `password` opens it where it is a protected PDF.

    `on_tick` is called about twice a second with the page that was read last; what it raises ends the process.
    Raises DocumentUnreadable, and what `parts` raises.
    """
    limits = limits or Limits()
    secret = password.encode("utf-8", "replace")[:MOST_PASSWORD]
    numbers = (limits.memory_mb, limits.cpu_s, limits.most_chars, len(secret))
    words = [ending or "-", *(str(number) for number in numbers)]
    with subprocess.Popen(
        [sys.executable, "-m", "chatplatform.documents.child", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=_ROOT,
        # no secrets of ours, and the same text wherever it runs
        env={"PATH": os.defpath, "PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"},
    ) as process:
        reader = _Reader(process, limits, on_tick)
        try:
            reader.exchange(chain([secret], parts) if secret else parts)
        except BaseException:
            process.kill()
            raise
    return reader.document(process.returncode)


class _Reader:
    """Feeds and listens at once, so that neither side waits for the other for ever."""

    def __init__(
        self, process: subprocess.Popen[bytes], limits: Limits, on_tick: Callable[[int], None]
    ) -> None:
        self._process = process
        self._limits = limits
        self._on_tick = on_tick
        self._blocks: list[Block] = []
        self._outline: list[OutlineEntry] = []
        self._kind: Kind | None = None
        self._done: dict[str, object] | None = None
        self._problem: Problem | None = None
        self._page = 0
        self._is_late = False

    def exchange(self, parts: Iterable[bytes]) -> None:
        source, sink = self._process.stdout, self._process.stdin
        assert source is not None
        assert sink is not None
        os.set_blocking(sink.fileno(), False)
        waiting, begun, heard = memoryview(b""), bytearray(), 0
        supply = iter(parts)
        deadline, next_tick = monotonic() + self._limits.wall_s, 0.0
        with selectors.DefaultSelector() as selector:
            selector.register(source, selectors.EVENT_READ)
            selector.register(sink, selectors.EVENT_WRITE)
            while selector.get_map():
                if monotonic() > deadline:
                    self._is_late = True
                    self._process.kill()
                    return
                if monotonic() >= next_tick:
                    self._on_tick(self._page)
                    next_tick = monotonic() + _TICK_S
                for key, _events in selector.select(_TICK_S):
                    if key.fileobj is sink:
                        waiting = waiting or memoryview(next(supply, b""))
                        try:
                            waiting = (
                                waiting[os.write(sink.fileno(), waiting) :]
                                if waiting
                                else self._close(selector)
                            )
                        except BlockingIOError:
                            continue
                        except BrokenPipeError:
                            waiting = self._close(selector)
                        continue
                    data = os.read(source.fileno(), _STEP)
                    heard += len(data)
                    if not data or heard > _MOST_OUTPUT:
                        selector.unregister(source)
                        if heard > _MOST_OUTPUT:
                            self._process.kill()
                        continue
                    begun += data
                    if b"\n" in data:
                        *lines, rest = bytes(begun).split(b"\n")
                        begun = bytearray(rest)
                        for line in lines:
                            self._hear(json.loads(line))

    def _close(self, selector: selectors.BaseSelector) -> memoryview:
        assert self._process.stdin is not None
        selector.unregister(self._process.stdin)
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        return memoryview(b"")

    def _hear(self, line: dict[str, object]) -> None:
        match line:
            case {"block": [str(kind), int(level), int(page), str(text)]}:
                self._page = max(self._page, page)
                self._blocks.append(Block(text, kind, level, page))  # type: ignore[arg-type]  # the child is ours
            case {"outline": [str(title), int(level), int(page)]}:
                self._outline.append(OutlineEntry(title, level, page))
            case {"kind": str(kind)}:
                self._kind = Kind(kind)
            case {"done": dict(done)}:
                self._done = done
            case {"problem": str(problem)}:
                self._problem = Problem(problem)

    def document(self, status: int) -> Document:
        if self._problem is not None:
            raise DocumentUnreadable(self._problem)
        if self._done is None or self._kind is None:
            raise DocumentUnreadable(self._ended(status))
        return Document(
            self._kind,
            tuple(self._blocks),
            int(str(self._done["pages"])),
            bool(self._done["is_cut"]),
            tuple(self._outline),
        )

    def _ended(self, status: int) -> Problem:
        """Why a process said nothing at its end."""
        if self._is_late or status == -signal.SIGXCPU:
            return Problem.TOO_SLOW
        if status == -signal.SIGABRT:
            return Problem.TOO_LARGE_INSIDE  # native code that gets no memory aborts
        if status == -signal.SIGKILL:
            return Problem.TOO_SLOW if self._kind is None else Problem.TOO_LARGE_INSIDE
        return Problem.DAMAGED

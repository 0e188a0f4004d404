"""Loads model files for real, each in a process of its own: what llama.cpp makes of what our reader let through.

`python -m tests.benchmarks.gguf_loading` reads paths from its input, a line each, and writes an ending for each.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

LOADED, REFUSED, DEFECT = 0, 3, 4
FAILED = "raised what nobody expects"
MEMORY_BYTES = 8 << 30
CPU_S = 10


class Loader:
    """A process that loads files in children of its own; use `loader`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def load(self, path: Path) -> str:
        """How it ended: "loaded", "refused", "died of SIGNAL", "too slow", or FAILED."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        ending = self.process.stdout.readline().strip()
        assert ending, "the loading process itself has ended"
        return ending


@contextmanager
def loader() -> Iterator[Loader]:
    command = [sys.executable, "-m", "tests.benchmarks.gguf_loading"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Loader(process)
    finally:
        process.communicate(timeout=30)


def main(lines: IO[str] = sys.stdin) -> None:
    import llama_cpp  # noqa: F401  # before the fork, so that each child begins with it

    logging.disable()

    for line in lines:
        child = os.fork()
        if child == 0:
            os._exit(_load(Path(line.rstrip("\n"))))
        _pid, status = os.waitpid(child, 0)
        print(_ending(status), flush=True)


def _load(path: Path) -> int:
    """Do with a file what the engine does with it, and read and write a little."""
    from chatplatform.inference.engines.llamacpp.context import CacheFull, DecodeFailed, Piece
    from chatplatform.inference.engines.llamacpp.gguf import DamagedModel, read_header
    from chatplatform.inference.engines.llamacpp.llama_context import LlamaContext
    from chatplatform.inference.engines.llamacpp.model import LlamaModel, LoadFailed

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        header = read_header(path)
        model = LlamaModel(path)
        context = LlamaContext(model, cells=min(256, max(1, header.context_tokens)), threads=1)
        context.decode([Piece(0, 0, model.tokenise("a b a", control=False)[:8] or [0], sample=True)])
    except (DamagedModel, LoadFailed, DecodeFailed, CacheFull):
        return REFUSED
    except Exception:  # noqa: BLE001 - a defect of ours, told by the ending
        traceback.print_exc()
        return DEFECT
    return LOADED


def _ending(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGXCPU or code == -signal.SIGKILL:
        return "too slow"
    if code < 0:
        return f"died of {signal.Signals(-code).name}"
    return {LOADED: "loaded", REFUSED: "refused"}.get(code, FAILED)


if __name__ == "__main__":
    main()

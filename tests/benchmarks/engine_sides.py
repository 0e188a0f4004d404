"""The two that are measured: our engine, and llama-server with the same model, threads and number of chats."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.benchmarks.engine_client import Address, Refused, fetch
from tests.integration.llamacpp.engine_process import TOKEN, free_port, start_engine

VARIABLE = "CHATPLATFORM_BENCH_LLAMA_SERVER"
CHATS = 16
PEER_CELLS = 32768
OUR_CONTEXT = 16384
"""Cut to what the model was trained for; the cache holds twice as much."""
START_S = 120.0
MIB = 1024 * 1024


@dataclass(frozen=True)
class Side:
    """A running server."""

    name: str
    address: Address
    process: psutil.Process

    def memory_mib(self) -> float:
        """Resident memory of the process and its children."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(one.memory_info().rss for one in family) / MIB


Start = Callable[[Path], AbstractAsyncContextManager[Side]]


def sides() -> dict[str, Start]:
    """Those that can be measured here, ours first."""
    found: dict[str, Start] = {"ours": _ours}
    if os.environ.get(VARIABLE):
        found["llama-server"] = _peer
    return found


@asynccontextmanager
async def _ours(model: Path) -> AsyncIterator[Side]:
    with tempfile.TemporaryDirectory(prefix="chatplatform-bench-") as folder:
        # as on a first start: how it runs best is tried before anything is measured
        engine = start_engine(
            Path(folder),
            models=str(model),
            context_tokens=OUR_CONTEXT,
            CHATPLATFORM_LLM_SELF_BENCHMARK="true",
        )
        try:
            await asyncio.to_thread(engine.until, "ready")
            yield Side("ours", Address(engine.port, TOKEN), psutil.Process(engine.process.pid))
        finally:
            await asyncio.to_thread(engine.stop)


@asynccontextmanager
async def _peer(model: Path) -> AsyncIterator[Side]:
    port = free_port()
    command = [os.environ[VARIABLE], "-m", str(model), "-t", str(cores()), "-c", str(PEER_CELLS)]
    command += ["-np", str(CHATS), "--kv-unified", "--host", "127.0.0.1", "--port", str(port)]
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet)
    try:
        side = Side("llama-server", Address(port), psutil.Process(process.pid))
        await _until_healthy(side, process)
        yield side
    finally:
        process.terminate()
        await process.wait()


async def _until_healthy(side: Side, process: asyncio.subprocess.Process) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.returncode is not None:
            raise AssertionError(f"llama-server ended with {process.returncode}")
        try:
            await fetch(side.address, "GET", "/health")
        except (OSError, Refused, IndexError):
            await asyncio.sleep(0.1)
        else:
            return
    raise AssertionError("llama-server does not become ready")


def cores() -> int:
    return len(os.sched_getaffinity(0))

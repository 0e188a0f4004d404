"""A supervisor that is killed leaves nothing behind: neither its children nor theirs."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

# A child in a session of its own, with a child of its own; both deaf to polite signals.
CHILD = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
if len(sys.argv) < 3:
    subprocess.Popen([sys.executable, sys.argv[0], sys.argv[1], "grandchild"])
open(sys.argv[1], "a").write(str(__import__("os").getpid()) + "\\n")
time.sleep(600)
"""
SUPERVISOR = """
import asyncio, sys
from pathlib import Path
from chatplatform.supervisor import child, keeper_client
from chatplatform.supervisor.log_writer import LogWriter
from chatplatform.supervisor.process import ProcessSpec
from chatplatform.supervisor.supervision import Supervision

class NoKeeper(keeper_client.Keeper):
    def __enter__(self): return self
    def __exit__(self, *args): pass
    def begun(self, group): pass
    def over(self, group): pass

async def greet(): pass

folder, sabotage = Path(sys.argv[1]), sys.argv[2]
if sabotage == "nothing protects":
    child.LAUNCH = folder / "unprotected.py"
    child.LAUNCH.write_text("import os, sys; os.execv(sys.argv[3], sys.argv[3:])")
kind = keeper_client.Keeper if sabotage == "none" else NoKeeper
command = (sys.executable, str(folder / "child.py"), str(folder / "pids"))
with LogWriter() as log, kind() as keeper:
    supervision = Supervision(
        [], [ProcessSpec("child", command, stop_limit_s=0.5)], status_path=folder / "status.json",
        preferred_model="", log=log, keeper=keeper, greet=greet,
    )
    asyncio.run(supervision.run())
"""


def start(folder: Path, sabotage: str = "none") -> tuple[subprocess.Popen[bytes], list[int]]:
    """A supervisor in a process of its own, and the ids of its child and grandchild."""
    (folder / "child.py").write_text(CHILD)
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(folder), sabotage],
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    pids: list[int] = []
    ends_at = time.monotonic() + 20
    while len(pids) < 2:
        assert time.monotonic() < ends_at, "the children did not start"
        time.sleep(0.02)
        with contextlib.suppress(FileNotFoundError):
            pids = [int(line) for line in (folder / "pids").read_text().split()]
    return supervisor, pids


def survivors(pids: list[int], *, after_s: float = 3.0) -> list[int]:
    """Who of them still lives, a while after; waits no longer than needed."""
    ends_at = time.monotonic() + after_s
    while (alive := [pid for pid in pids if _lives(pid)]) and time.monotonic() < ends_at:
        time.sleep(0.02)
    return alive


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_killed(tmp_path: Path) -> None:
    supervisor, pids = start(tmp_path)
    supervisor.kill()
    supervisor.wait()
    assert survivors(pids) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stopped(tmp_path: Path, number: signal.Signals) -> None:
    supervisor, pids = start(tmp_path)
    supervisor.send_signal(number)
    assert supervisor.wait(timeout=10) == 0
    assert survivors(pids) == []


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    supervisor, pids = start(tmp_path)
    supervisor.send_signal(signal.SIGINT)
    time.sleep(0.1)
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(timeout=10) == 0
    assert survivors(pids) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's protection is Linux's own")
def test_the_kernel_protects_children_even_without_the_keeper(tmp_path: Path) -> None:
    supervisor, pids = start(tmp_path, "no keeper")
    child = next(pid for pid in pids if psutil.Process(pid).ppid() == supervisor.pid)
    supervisor.kill()
    supervisor.wait()
    try:
        assert survivors([child]) == []
    finally:
        end(pids)


def test_sabotage_without_protection_they_live_on(tmp_path: Path) -> None:
    """The tests above see orphans where there are some."""
    supervisor, pids = start(tmp_path, "nothing protects")
    supervisor.kill()
    supervisor.wait()
    try:
        assert survivors(pids, after_s=0.5) == pids
    finally:
        end(pids)


def end(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

"""One supervisor for one data folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chatplatform.health.supervisor_lock import AlreadyRunning, supervisor_lock

HOLD = """
import sys
from pathlib import Path
from chatplatform.health.supervisor_lock import supervisor_lock
with supervisor_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_is_told_who_was_first(tmp_path: Path) -> None:
    path = tmp_path / "run" / "lock"
    with supervisor_lock(path), pytest.raises(AlreadyRunning) as caught, supervisor_lock(path):
        pass
    assert caught.value.pid == os.getpid()


def test_a_lock_is_free_after_its_holder(tmp_path: Path) -> None:
    for _ in range(2):
        with supervisor_lock(tmp_path / "lock"):
            pass


def test_a_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(AlreadyRunning) as caught, supervisor_lock(path):
        pass
    assert caught.value.pid == holder.pid
    holder.kill()
    holder.wait()
    holder.stdout.close()
    holder.stdin.close()
    with supervisor_lock(path):
        pass

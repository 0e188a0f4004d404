"""Running pip and reading how far it is from what it prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence

from chatplatform.installation.failures import InstallationError, explain
from chatplatform.installation.progress import Progress

KEPT_LINES = 200
OPTIONS = ("--disable-pip-version-check", "--no-input", "--progress-bar", "off")
_COMPILED = re.compile(r"^\s*\[\s*(\d+)(?:/(\d+)|%)\]\s")
_TAKEN = re.compile(r"^\s*(?:Collecting|Processing|Requirement already satisfied:|Using cached)\s+(\S+)")
_BUILDING = re.compile(r"^\s*Building wheel for (\S+)")


class PipOutput:
    """Turns pip's lines into progress. `packages` is how many are expected."""

    def __init__(self, progress: Progress, *, packages: int) -> None:
        self._progress = progress
        self._packages = max(packages, 1)
        self._taken: set[str] = set()

    def line(self, line: str) -> bool:
        """Whether the line tells of progress, and of nothing else."""
        if compiled := _COMPILED.match(line):
            done, total = int(compiled[1]), int(compiled[2] or 100)
            self._progress.step(f"Compiling {done} of {total}", 0.2 + 0.7 * done / max(total, 1))
        elif building := _BUILDING.match(line):
            self._progress.step(f"Building {building[1]}", None)
        elif taken := _TAKEN.match(line):
            self._taken.add(taken[1])
            count = min(len(self._taken), self._packages)
            self._progress.step(f"Package {count} of {self._packages}", 0.2 * count / self._packages)
        elif line.startswith("Installing collected packages"):
            self._progress.step("Unpacking", 0.9)
        else:
            return False
        return True


def run_pip(
    arguments: Sequence[str],
    progress: Progress,
    *,
    packages: int = 1,
    environment: Mapping[str, str] | None = None,
    python: str = sys.executable,
) -> None:
    """Run `python -m pip install ARGUMENTS`.

    Raises InstallationError with cause and cure when it fails; its last lines are said first. pip stays in
    this process's group, so that what stops the group stops compilers as well.
    """
    process = subprocess.Popen(
        [python, "-m", "pip", "install", *OPTIONS, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
    )
    kept: deque[str] = deque(maxlen=KEPT_LINES)
    output = PipOutput(progress, packages=packages)
    with process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if not output.line(line):
                    kept.append(line)
        except BaseException:
            process.terminate()
            raise
    returncode = process.returncode
    if returncode:
        for line in list(kept)[-15:]:
            progress.say(line.rstrip())
        raise InstallationError(explain("".join(kept), returncode))

"""The virtual environment in .venv, made with the Python that runs this."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from chatplatform.installation.failures import Failure, InstallationError

OLDEST, NEWEST = (3, 11), (3, 13)


def python_of(folder: Path) -> Path:
    return folder / "bin" / "python"


def ensure_virtual_environment(folder: Path) -> Path:
    """The environment's Python. Makes what is missing, and makes anew what is broken or of a wrong Python.

    Raises InstallationError when it cannot, and when `folder` is something else.
    """
    python = python_of(folder)
    if _works(python):
        return python
    if folder.exists() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").exists():
        raise InstallationError(
            Failure("not_ours", f"{folder} is not a virtual environment.", "Move it away and run again.")
        )
    print(f"  Making the virtual environment {folder} with Python {sys.version.split()[0]}", flush=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(folder)], capture_output=True, text=True, check=False
    )
    if made.returncode or not _works(python):
        raise InstallationError(_why(made.stdout + made.stderr))
    return python


def _works(python: Path) -> bool:
    """Whether it is a Python that we run on, with pip."""
    if not os.access(python, os.X_OK):
        return False
    question = "import sys, importlib.util as u; print(*sys.version_info[:2], u.find_spec('pip') is not None)"
    asked = subprocess.run([str(python), "-c", question], capture_output=True, text=True, check=False)
    answer = asked.stdout.split()
    return (
        asked.returncode == 0
        and len(answer) == 3
        and OLDEST <= (int(answer[0]), int(answer[1])) <= NEWEST
        and answer[2] == "True"
    )


def _why(output: str) -> Failure:
    if "ensurepip" in output:
        return Failure(
            "no_venv",
            "This Python cannot make virtual environments.",
            "Debian and Ubuntu: sudo apt-get install python3-venv. Then run again.",
        )
    if "No space left" in output:
        return Failure("disk_full", "The disk is full.", "Free some space and run again.")
    last = (output.strip().splitlines() or ["no message"])[-1]
    return Failure(
        "no_venv", f"The virtual environment could not be made: {last[:300]}", "Delete .venv and run again."
    )

"""Command line of the set-up: `python -m chatplatform.installation prepare|install PART…`.

`prepare` makes .venv and installs the parts there; `install` installs them for the Python that runs it;
`browser` looks for the one that the browser tests need.
Exit status: 0 done, 1 failed (cause and cure were said), 130 interrupted.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from chatplatform.installation.browser import find_browser
from chatplatform.installation.failures import InstallationError
from chatplatform.installation.install import install
from chatplatform.installation.parts import PARTS
from chatplatform.installation.progress import ConsoleProgress, JsonProgress, Progress
from chatplatform.installation.stamps import is_installed
from chatplatform.installation.virtual_environment import ensure_virtual_environment

PROJECT = Path(__file__).resolve().parent.parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m chatplatform.installation", description=__doc__)
    parser.add_argument("action", choices=["prepare", "install", "browser"])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--json-progress", action="store_true", help="tell progress as JSON lines")
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no part is called {sorted(unknown)[0]}; there are {', '.join(PARTS)}")
    try:
        if options.action == "browser":
            return look_for_browser()
        if options.action == "prepare":
            return prepare(options.parts)
        return install_parts(options.parts, as_json=options.json_progress)
    except KeyboardInterrupt:
        print("\n  Interrupted. Run again to go on.", file=sys.stderr)
        return 130


def prepare(names: Sequence[str]) -> int:
    """Make the virtual environment, then install the parts `names` there."""
    try:
        with only_one():
            python = ensure_virtual_environment(PROJECT / ".venv")
    except InstallationError as error:
        ConsoleProgress("Python").failed(error.failure)
        return 1
    command = [str(python), "-m", "chatplatform.installation", "install", *names]
    return subprocess.call(command, cwd=PROJECT)


def install_parts(names: Sequence[str], *, as_json: bool) -> int:
    """Install `names` in order into the running Python's environment; stops at the first that fails."""
    for name in names:
        part = PARTS[name]
        progress: Progress = JsonProgress(name) if as_json else ConsoleProgress(part.title)
        if is_installed(part):
            continue
        try:
            with only_one():
                progress.step("Installing")
                install(part, progress)
        except InstallationError as error:
            progress.failed(error.failure)
            return 1
    return 0


def look_for_browser() -> int:
    try:
        print(f"  Browser for the tests: {find_browser()}")
    except InstallationError as error:
        ConsoleProgress("Browser").failed(error.failure)
        return 1
    return 0


@contextmanager
def only_one() -> Iterator[None]:
    """Wait until no other set-up of this project runs: two pips in one environment break it."""
    folder = os.open(PROJECT / "requirements", os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


if __name__ == "__main__":
    sys.exit(main())

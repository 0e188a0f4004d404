"""Installing one part into the running Python's environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chatplatform.installation import lockfile
from chatplatform.installation.failures import (
    BROKEN_PACKAGE,
    EMPTY_INDEX,
    NO_COMPILER,
    NO_NETWORK,
    NO_RELEASE,
    InstallationError,
    disk_too_small,
)
from chatplatform.installation.llama_builds import Build, choose_builds, could_be_better, hint
from chatplatform.installation.machine import Machine, look_at_machine
from chatplatform.installation.parts import LLAMA_PACKAGE, TORCH_CPU_INDEX, TORCH_VERSION, Part
from chatplatform.installation.pip import run_pip
from chatplatform.installation.progress import Progress
from chatplatform.installation.stamps import (
    Stamp,
    is_installed,
    mark_unfinished,
    read_stamp,
    wanted_digest,
    write_stamp,
)

NOT_THERE = frozenset({NO_NETWORK, EMPTY_INDEX, NO_RELEASE})
QUICK_GIVE_UP = ("--timeout", "5", "--retries", "0")


def install(part: Part, progress: Progress, *, machine: Machine | None = None) -> None:
    """Install `part`, unless its stamp says that this was done. Raises InstallationError."""
    machine = machine or look_at_machine()
    if is_installed(part, machine=machine):
        stamp = read_stamp(part)
        progress.step(stamp.detail if stamp else "", 1.0)
        return
    _check_disk(part)
    before = read_stamp(part)
    mark_unfinished(part)
    if part.name == "torch":
        detail = _install_torch(part, progress)
    elif part.name == "llm":
        detail = _install_llm(part, progress, machine, built=before.builds if before else ())
    else:
        detail = _install_lock(part, progress)
    builds = tuple(build.id for build in choose_builds(machine)) if part.name == "llm" else ()
    write_stamp(part, Stamp(wanted_digest(part), detail, builds))
    progress.step(detail, 1.0)


def _check_disk(part: Part) -> None:
    free = shutil.disk_usage(sys.prefix).free
    # a repeated installation finds most of it there; only a disk that is nearly full is refused beforehand
    needed = part.needs_bytes if read_stamp(part) is None else part.needs_bytes // 4
    if free < needed:
        raise InstallationError(disk_too_small(sys.prefix, needed, free))


def _install_lock(part: Part, progress: Progress) -> str:
    assert part.lock is not None
    packages = len(lockfile.blocks(part.lock.read_text()))
    # a lock holds everything; what it leaves out is left out on purpose (requirements/overrides.txt)
    run_pip(["--require-hashes", "--no-deps", "-r", str(part.lock)], progress, packages=packages)
    _prove(part, progress)
    return f"{packages} packages"


def _install_torch(part: Part, progress: Progress) -> str:
    """The CPU build from its publisher's index; what the usual index has when that cannot be reached."""
    wish = f"torch=={TORCH_VERSION}"
    try:
        run_pip(["--index-url", TORCH_CPU_INDEX, *QUICK_GIVE_UP, wish], progress, packages=10)
    except InstallationError as error:
        if error.failure not in NOT_THERE:
            raise
        progress.say("PyTorch's own index cannot be reached: taking the usual one.")
        run_pip([wish], progress, packages=10)
    _prove(part, progress)
    return wish


def _install_llm(part: Part, progress: Progress, machine: Machine, *, built: tuple[str, ...]) -> str:
    """The best build that installs and loads; what was `built` from a lesser choice is replaced.

    Raises the first build's failure when none does.
    """
    replaces = bool(built) and could_be_better(machine, built)
    if advice := hint(machine):
        progress.say(advice)
    first: InstallationError | None = None
    for build in choose_builds(machine):
        progress.say(f"llama.cpp: {build.title}")
        try:
            _install_llama(part, build, progress, replaces=replaces or first is not None)
            _prove(part, progress)
        except InstallationError as error:
            progress.say(f"This did not work: {error.failure.cause}")
            first = first or error
        else:
            return build.title
    assert first is not None
    if not machine.compiler and first.failure in NOT_THERE:
        raise InstallationError(NO_COMPILER)
    raise first


def _install_llama(part: Part, build: Build, progress: Progress, *, replaces: bool) -> None:
    """llama.cpp alone, after everything else that the engine needs."""
    assert part.lock is not None
    lock = lockfile.blocks(part.lock.read_text())
    llama = lock.pop(LLAMA_PACKAGE)
    with _requirements("".join(lock.values())) as rest:
        run_pip(["--require-hashes", "-r", rest], progress, packages=len(lock))
    again = ["--force-reinstall"] if replaces else []
    if build.is_prebuilt:
        # the publisher's wheels are not in the lock: only their origin, over TLS, vouches for them
        wish = f"{LLAMA_PACKAGE}=={lockfile.version(llama)}"
        only = ["--index-url", build.index, "--only-binary", ":all:", "--no-deps", *QUICK_GIVE_UP]
        run_pip([*only, *again, wish], progress)
        return
    # pip's cache knows a wheel by its source alone: only the plain build may come from there
    fresh = ["--no-cache-dir"] if build.cmake_args else []
    processes = os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL") or str(os.cpu_count() or 1)
    with _requirements(llama) as only_llama:
        run_pip(
            ["--verbose", "--require-hashes", "--no-deps", *fresh, *again, "-r", only_llama],
            progress,
            environment={"CMAKE_ARGS": build.cmake_args, "CMAKE_BUILD_PARALLEL_LEVEL": processes},
        )


@contextmanager
def _requirements(lock: str) -> Iterator[str]:
    """The path of a temporary requirements file with the text `lock`."""
    with tempfile.TemporaryDirectory(prefix="requirements-") as folder:
        path = Path(folder, "requirements.txt")
        path.write_text(lock)
        yield str(path)


def _prove(part: Part, progress: Progress) -> None:
    """Load the part in a process of its own: a wrong build may crash with an illegal instruction."""
    ran = subprocess.run(
        [sys.executable, "-c", f"import {part.proof}"],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if ran.returncode:
        for line in ran.stderr.splitlines()[-5:]:
            progress.say(line)
        raise InstallationError(BROKEN_PACKAGE)

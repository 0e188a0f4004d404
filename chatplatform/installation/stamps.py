"""Stamps tell what is installed, so that a warm start asks a small file instead of pip."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from chatplatform.installation.llama_builds import could_be_better
from chatplatform.installation.machine import Machine, look_at_machine
from chatplatform.installation.parts import TORCH_VERSION, Part

FOLDER = ".chatplatform"


@dataclass(frozen=True, slots=True)
class Stamp:
    """`digest` covers what the part was installed from; `detail` says what was chosen, for people.

    `builds` are the ids of the builds that there were to choose from, for the part that is built.
    """

    digest: str
    detail: str
    builds: tuple[str, ...] = ()


def wanted_digest(part: Part) -> str:
    """A digest of what `part` would be installed from: requirements and Python."""
    digest = hashlib.sha256(f"{part.name} {sys.version_info[:2]} {TORCH_VERSION}".encode())
    if part.lock is not None:
        digest.update(part.lock.read_bytes())
    return digest.hexdigest()


def read_stamp(part: Part, *, prefix: Path | None = None) -> Stamp | None:
    """What the last finished installation of `part` left, or None."""
    try:
        found = json.loads(_path(part, prefix).read_text())
        return Stamp(str(found["digest"]), str(found["detail"]), tuple(found.get("builds", ())))
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def is_installed(part: Part, *, prefix: Path | None = None, machine: Machine | None = None) -> bool:
    """Whether `part` is installed in this environment from what the project asks for now."""
    stamp = read_stamp(part, prefix=prefix)
    if stamp is None or stamp.digest != wanted_digest(part):
        return False
    return part.name != "llm" or not could_be_better(machine or look_at_machine(), stamp.builds)


def write_stamp(part: Part, stamp: Stamp, *, prefix: Path | None = None) -> None:
    path = _path(part, prefix)
    path.parent.mkdir(exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(asdict(stamp)))
    draft.replace(path)


def mark_unfinished(part: Part, *, prefix: Path | None = None) -> None:
    """To be done before an installation begins: an interrupted one must not look finished.

    What was built before stays known, so that the next try replaces it.
    """
    before = read_stamp(part, prefix=prefix)
    if before is not None:
        write_stamp(part, Stamp("", before.detail, before.builds), prefix=prefix)


def _path(part: Part, prefix: Path | None) -> Path:
    return (prefix or Path(sys.prefix)) / FOLDER / f"{part.name}.json"

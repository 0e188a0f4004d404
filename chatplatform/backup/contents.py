"""What belongs into a backup besides the databases, and where it goes back to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings

from chatplatform.backup import databases
from chatplatform.environment.secrets import secrets_dir

# Where files of an archive come from.
DATABASE, KEYS, VECTORS, WITNESS, FILES, SECRETS = (
    "database",
    "keys",
    "vectors",
    "witness.jsonl",
    "files",
    "secrets",
)
SUBJECTS, KEY_LIST = "subjects.json", "keys.json"

# Not kept: what runs now, what is made anew, and what must not stand beside the data.
_LEFT_OUT: Final = {"broker", "run", "keys", "secrets", "chroma", "logs"}
# Never in any archive: with it, whoever finds both archives could read everything.
_NEVER: Final = {"master.key", "engine.token"}
ASIDE: Final = ".before-"

# What an archive shows to whoever holds it, without any key.
CLEAR: Final = [
    "names and e-mail addresses of people, their workspaces, groups and roles",
    "who wrote when, and how long: ids, times and sizes of messages",
    "prompts of the platform, names of assistants and of collections of documents, settings",
    "kinds, sizes and states of documents, and who may search them",
    "the audit log with addresses of clients",
    "hashes of passwords, of tokens and of links",
    "vectors, which are personal data too",
]


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder of an archive, and where it lives in the installation."""

    name: str
    path: Path


def kept_files(folder: Path) -> Iterator[Path]:
    """Files of the data folder that are neither a database, nor secret, nor passing."""
    own = {databases.sqlite_path(alias).name for alias in settings.DATABASES}
    witness = Path(settings.AUDIT_WITNESS_FILE).resolve()
    for top in sorted(folder.iterdir()):
        is_database = any(top.name == name or top.name.startswith(f"{name}-") for name in own)
        if top.name in _LEFT_OUT or top.name.startswith(".") or ASIDE in top.name or is_database:
            continue
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.resolve() != witness:
                yield path


def kept_secrets() -> list[Path]:
    """What a restored installation needs beside its keys: signatures, sessions. Never the master key."""
    folder = secrets_dir(settings.ENVIRONMENT)
    found = folder.iterdir() if folder.is_dir() else iter(())
    return sorted(
        path for path in found if path.is_file() and path.name not in _NEVER and path.name[0] != "."
    )


def places(names: set[str]) -> list[Place]:
    """Where the parts with these first components go, databases of PostgreSQL excepted."""
    data = Path(settings.DATA_DIR)
    found = []
    if DATABASE in names and databases.vendor("default") == "sqlite":
        found.append(Place(f"{DATABASE}/{databases.copy_name('default')}", databases.sqlite_path("default")))
    if KEYS in names and databases.vendor("keys") == "sqlite":
        found.append(Place(f"{KEYS}/{databases.copy_name('keys')}", databases.sqlite_path("keys")))
    if DATABASE in names:
        # what an archive lacks goes aside all the same: a witness of a longer log, vectors of unknown documents
        found.append(Place(WITNESS, Path(settings.AUDIT_WITNESS_FILE)))
        if not settings.ENVIRONMENT.chroma_url:
            found.append(Place(VECTORS, data / "chroma"))
    return found


def fsync_folder(folder: Path) -> None:
    """Wait until renames in the folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

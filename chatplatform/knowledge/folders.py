"""Keeps a collection in step with files and folders: what is new is added, what changed is replaced."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from uuid import UUID

from chatplatform.common.actors import Actor
from chatplatform.common.errors import NotAllowed, NotFound, PlatformError
from chatplatform.knowledge import document_acts, document_queries, documents

READ_BYTES: Final = 512 * 1024
Outcome = Literal["added", "replaced", "unchanged", "refused", "removed"]


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of a file; `message` says why it was refused."""

    path: str
    outcome: Outcome
    message: str = ""


def sync(
    collection_id: UUID, paths: Iterable[Path], *, remove_missing: bool = False, actor: Actor
) -> Iterator[Synced]:
    """Bring files and folders into the collection, a file at a time, and say of each what became of it.

    A document is known again by its path from the folder that was given on; its content decides whether it is replaced.
    Hidden files and links are left alone. `remove_missing` deletes documents of the given folders whose files are gone.
    Raises NotFound and NotAllowed for the collection, OSError for a path that is not there.
    """
    known = document_queries.origins_of(collection_id)
    for path in paths:
        given = path.resolve(strict=True)
        seen: set[str] = set()
        for file in _files(given):
            origin = file.relative_to(given.parent).as_posix()
            seen.add(origin)
            yield _taken(collection_id, file, origin, known.get(origin), actor)
        if remove_missing and given.is_dir():
            for origin in sorted(known.keys() - seen):
                if origin.startswith(f"{given.name}/"):
                    document_acts.delete_documents([known[origin]], actor=actor)
                    yield Synced(origin, "removed")


def _taken(collection_id: UUID, file: Path, origin: str, document_id: UUID | None, actor: Actor) -> Synced:
    try:
        if document_id is not None:
            kept = documents.replace_bytes(document_id, parts_of(file), file.name, actor=actor)
            return Synced(origin, "replaced" if kept.is_new else "unchanged")
        kept = documents.add_bytes(collection_id, parts_of(file), file.name, origin=origin, actor=actor)
        return Synced(origin, "added" if kept.is_new else "unchanged")
    except (NotAllowed, NotFound):
        raise
    except PlatformError as problem:
        return Synced(origin, "refused", str(problem.message))
    except OSError as problem:
        return Synced(origin, "refused", problem.strerror or type(problem).__name__)


def _files(given: Path) -> Iterator[Path]:
    """Regular files below the path, in order; the path itself where it is one."""
    if not given.is_dir():
        yield given
        return
    for folder, folders, names in os.walk(given):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(folder, name)
            if not name.startswith(".") and stat.S_ISREG(file.lstat().st_mode):
                yield file


def parts_of(file: Path) -> Iterator[bytes]:
    """The file, a piece at a time. Raises OSError."""
    with file.open("rb") as opened:
        while part := opened.read(READ_BYTES):
            yield part

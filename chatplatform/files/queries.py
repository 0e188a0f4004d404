"""What is read of files, inside a workspace scope."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from chatplatform.documents.problems import WORDS, Problem
from chatplatform.files.content import name_of
from chatplatform.files.models import StoredFile


@dataclass(frozen=True, slots=True)
class FileDetails:
    """A file as its owner sees it. `problem` is a stable code with its words in `message`, where it cannot be read."""

    id: UUID
    name: str = field(repr=False)
    kind: str
    size: int
    state: str
    problem: str
    message: str
    use: str
    characters: int
    pages: int
    is_cut: bool
    is_sent: bool
    created_at: datetime


def file_details(file: StoredFile) -> FileDetails:
    problem = Problem(file.problem) if file.problem else None
    return FileDetails(
        id=file.id,
        name=name_of(file),
        kind=file.kind,
        size=file.size,
        state=file.state,
        problem=file.problem,
        message=str(WORDS[problem]) if problem else "",
        use=file.use,
        characters=file.characters,
        pages=file.pages,
        is_cut=file.is_cut,
        is_sent=file.attached_at is not None,
        created_at=file.created_at,
    )


def files_after(
    person_id: UUID, after: tuple[datetime, UUID] | None, *, limit: int, unsent: bool = False
) -> list[FileDetails]:
    """The person's files, newest first, past the one that was made then."""
    rows = StoredFile.objects.filter(owner_id=person_id).order_by("-created_at", "-id")
    if unsent:
        rows = rows.filter(attached_at=None)
    if after is not None:
        moment, last_id = after
        rows = rows.filter(created_at__lte=moment).exclude(created_at=moment, id__gte=last_id)
    return [file_details(row) for row in rows[:limit]]


def unread(file_ids: Collection[UUID]) -> set[UUID]:
    """Which of them are still being read."""
    rows = StoredFile.objects.filter(id__in=file_ids, state=StoredFile.State.READING)
    return set(rows.values_list("id", flat=True))

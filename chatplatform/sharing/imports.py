"""Files of conversations that people bring: received in pieces, read by a job. In the workspace's scope."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from chatplatform.audit.services import Target, record
from chatplatform.chat.temporary.policy import require_may_keep
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput, NotFound
from chatplatform.common.scope import current_workspace_id
from chatplatform.jobs.services import enqueue
from chatplatform.privacy.content import decrypt_text, encrypt_text
from chatplatform.privacy.subjects import Subject
from chatplatform.sharing import audit_events as events
from chatplatform.sharing import limits
from chatplatform.sharing.importing.problems import Problem
from chatplatform.sharing.models import ImportFile, ImportPiece
from chatplatform.sharing.pieces import sealed_piece
from chatplatform.sharing.progress import WorkView, work_view

IMPORT_JOB = "sharing.import"


@dataclass(frozen=True, slots=True)
class ImportView:
    """A file that is being received or read, or what became of it."""

    id: UUID
    kind: ImportFile.Kind
    work: WorkView
    size_bytes: int
    received: int
    pieces: int
    found: int
    imported: int
    repeated: int
    refused: int
    problems: Sequence[Problem]
    created_at: datetime

    @property
    def problems_untold(self) -> int:
        return self.refused - len(self.problems)


def begin_import(size_bytes: int, *, actor: Actor) -> ImportFile:
    """Expect a file of this size; an upload that was not finished before goes.

    Raises InvalidInput for a size that is none or too much, and Conflict while another file is being read.
    """
    if size_bytes < 1:
        raise InvalidInput("sharing.import_empty", _("This file is empty."))
    if size_bytes > limits.IMPORT_BYTES:
        raise InvalidInput(
            "sharing.import_too_large",
            _("This file is larger than %(n)d MiB. Divide it, or export less at once.")
            % {"n": limits.IMPORT_BYTES // 1024**2},
        )
    person_id = UUID(actor.id)
    require_may_keep(person_id)
    with transaction.atomic():
        before = ImportFile.objects.select_for_update().filter(owner_id=person_id, finished_at=None)
        for row in before:
            if work_view(row.job_id, None).is_running:
                raise Conflict("sharing.import_running", _("A file is being read already. Wait for it."))
            row.delete()
        file = ImportFile.objects.create(
            workspace_id=current_workspace_id(), owner_id=person_id, size_bytes=size_bytes
        )
        record(
            events.IMPORT_STARTED,
            actor=actor,
            workspace_id=file.workspace_id,
            target=Target("import", str(file.id)),
            details={"size_bytes": size_bytes, "owner": str(person_id)},
        )
    return file


def receive_piece(import_id: UUID, number: int, piece: bytes, *, actor: Actor) -> int:
    """Keep a piece; how many there are now. The same number again changes nothing.

    Raises NotFound, InvalidInput for a piece of the wrong length, Conflict for one out of order.
    """
    with transaction.atomic():
        file = _own(UUID(actor.id), import_id, lock=True)
        if file.job_id is not None:
            raise _being_read()
        if 0 <= number < file.received:
            return file.received
        if number != file.received or number >= pieces_of(file.size_bytes):
            raise Conflict("sharing.import_order", _("The parts of the file came out of order. Begin again."))
        if len(piece) != _piece_bytes(file.size_bytes, number):
            raise InvalidInput(
                "sharing.import_piece", _("A part of the file has the wrong length. Begin again.")
            )
        ImportPiece.objects.create(
            workspace_id=file.workspace_id,
            file=file,
            number=number,
            content=sealed_piece(file.owner_id, "import", file.id, number, piece),
        )
        file.received += 1
        file.save(update_fields=["received"])
    return file.received


def start_import(import_id: UUID, *, actor: Actor) -> None:
    """Have the file read, now that it is here. Raises NotFound, and Conflict while parts are missing."""
    with transaction.atomic():
        file = _own(UUID(actor.id), import_id, lock=True)
        if file.job_id is not None:
            raise _being_read()
        if file.received != pieces_of(file.size_bytes):
            raise Conflict("sharing.import_incomplete", _("Parts of the file are missing. Begin again."))
        file.job_id = enqueue(
            IMPORT_JOB, args={"import_id": str(file.id)}, actor=actor, workspace_id=file.workspace_id
        )
        file.save(update_fields=["job_id"])


def remove_import(import_id: UUID, *, actor: Actor) -> None:
    """Remove a file, or the report of one; a job that reads it stops. What it brought stays. Raises NotFound."""
    with transaction.atomic():
        file = _own(UUID(actor.id), import_id, lock=True)
        record(
            events.IMPORT_REMOVED,
            actor=actor,
            workspace_id=file.workspace_id,
            target=Target("import", str(file.id)),
        )
        file.delete()


def imports_of(person_id: UUID) -> list[ImportView]:
    """The person's files, newest first."""
    return [_view(row) for row in ImportFile.objects.filter(owner_id=person_id).order_by("-created_at")[:20]]


def import_of(person_id: UUID, import_id: UUID) -> ImportView:
    """Raises NotFound for another person's."""
    return _view(_own(person_id, import_id))


def pieces_of(size_bytes: int) -> int:
    return -(-size_bytes // limits.PIECE_BYTES)


def sealed_problems(file: ImportFile, problems: Sequence[Problem]) -> bytes:
    told = json.dumps([asdict(problem) for problem in problems])
    return encrypt_text(Subject.person(file.owner_id), told, context=f"import-problems:{file.id}")


def finish(file: ImportFile) -> None:
    """Note that the file is read; its pieces go. Inside the caller's transaction."""
    file.finished_at = now()
    file.save()
    ImportPiece.objects.filter(file=file).delete()


def _problems(file: ImportFile) -> tuple[Problem, ...]:
    if not file.problems:
        return ()
    told = decrypt_text(
        Subject.person(file.owner_id), bytes(file.problems), context=f"import-problems:{file.id}"
    )
    return tuple(Problem(**each) for each in json.loads(told))


def _piece_bytes(size_bytes: int, number: int) -> int:
    return min(limits.PIECE_BYTES, size_bytes - number * limits.PIECE_BYTES)


def _own(person_id: UUID, import_id: UUID, *, lock: bool = False) -> ImportFile:
    rows = ImportFile.objects.select_for_update() if lock else ImportFile.objects.all()
    file = rows.filter(id=import_id, owner_id=person_id).first()
    if file is None:
        raise NotFound("sharing.no_import", _("This file is not here any more. Begin again."))
    return file


def _being_read() -> Conflict:
    return Conflict("sharing.import_running", _("A file is being read already. Wait for it."))


def _view(row: ImportFile) -> ImportView:
    return ImportView(
        id=row.id,
        kind=ImportFile.Kind(row.kind),
        work=work_view(row.job_id, row.finished_at),
        size_bytes=row.size_bytes,
        received=row.received,
        pieces=pieces_of(row.size_bytes),
        found=row.found,
        imported=row.imported,
        repeated=row.repeated,
        refused=row.refused,
        problems=_problems(row),
        created_at=row.created_at,
    )

"""What is done with files. Each act is one transaction: row, audit event, job. Another person's file is not found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _

from chatplatform.accounts.models import User
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput, NotFound, PlatformError, TooMany, Unavailable
from chatplatform.common.scope import all_workspaces, current_workspace_id
from chatplatform.documents.kinds import UNREADABLE, ending_of, kind_of
from chatplatform.documents.problems import WORDS, Problem
from chatplatform.files import audit_events as events
from chatplatform.files.content import sealed_key, sealed_name
from chatplatform.files.models import StoredFile
from chatplatform.files.names import safe_name
from chatplatform.files.upload import Upload
from chatplatform.jobs.models import JobState
from chatplatform.jobs.queries import states_by_key
from chatplatform.jobs.services import enqueue
from chatplatform.privacy.subjects import Subject

UNSENT_FOR = timedelta(days=1)
MOST_UNSENT = 60
READ_SOON = timedelta(seconds=20)
READ_AGAIN_AFTER = timedelta(minutes=5)
READ_AGAIN_FOR = timedelta(hours=6)
READ_JOB = "files.read"


class TooLarge(PlatformError):
    """More than is taken."""

    status = 413


def require_room(upload: Upload, *, actor: Actor) -> None:
    """Raise what speaks against taking a file of the announced length, before its first byte."""
    upload.person_id = UUID(actor.id)
    if not settings.ENVIRONMENT.file_mb:
        raise InvalidInput("files_off", _("Files are switched off here. Paste the text instead."))
    if upload.failure:
        raise Unavailable(
            "too_many_uploads", _("Many files are being sent just now. Try again soon."), retry_after_s=5
        )
    if upload.length is not None and upload.length > settings.ENVIRONMENT.file_mb * 2**20:
        raise too_large()
    _require_room(upload.length or 0, upload.person_id)


def _require_room(size: int, person_id: UUID) -> None:
    held = StoredFile.objects.filter(owner_id=person_id).aggregate(
        bytes=Sum("size"), unsent=Count("id", filter=Q(attached_at=None))
    )
    if held["unsent"] >= MOST_UNSENT:
        raise TooMany(
            "too_many_unsent_files",
            _("You have attached %(n)d files without sending them. Send or remove some first.")
            % {"n": MOST_UNSENT},
        )
    most = settings.ENVIRONMENT.person_files_mb
    if most and (held["bytes"] or 0) + size > most * 2**20:
        raise TooLarge(
            "no_room_for_files",
            _("Your files take up all of your %(n)d MB. Delete conversations with files to make room.")
            % {"n": most},
        )


def too_large() -> TooLarge:
    return TooLarge(
        "file_too_large",
        _("The file is larger than %(n)d MB. Attach a part of it.") % {"n": settings.ENVIRONMENT.file_mb},
    )


def keep_upload(upload: Upload, name: str, *, actor: Actor) -> StoredFile:
    """Keep what was uploaded, and have it read. Raises InvalidInput for what nobody here could read, TooLarge, TooMany,
    Unavailable; then nothing is kept."""
    match upload.failure:
        case "too_large":
            raise too_large()
        case "too_slow":
            raise InvalidInput("upload_broke_off", _("The file did not arrive as a whole. Attach it again."))
        case "storage":
            raise Unavailable(
                "storage_unavailable",
                _("The file could not be stored: the disk may be full. Tell an administrator."),
                retry_after_s=30,
            )
    name = safe_name(name)
    kind = kind_of(upload.head, ending_of(name))
    if kind in UNREADABLE:
        raise InvalidInput(f"file_{kind}", WORDS[Problem(kind.value)])
    owner = Subject.person(UUID(actor.id))
    with transaction.atomic():
        # it may have been longer than announced, and others came at the same time: one after the other, they count
        User.objects.select_for_update().get(id=owner.id)
        _require_room(upload.size, owner.id)
        file = StoredFile.objects.create(
            id=upload.id,
            workspace_id=current_workspace_id(),
            owner_id=owner.id,
            name=sealed_name(owner, upload.id, name),
            kind=kind,
            size=upload.size,
            key=sealed_key(owner, upload.id, upload.key),
        )
        record(
            events.FILE_UPLOADED,
            actor=actor,
            workspace_id=file.workspace_id,
            target=Target("file", str(file.id)),
            details={"kind": str(kind), "size": upload.size},
        )
        _have_it_read(file, actor)
    upload.is_kept = True
    return file


def set_use(file_id: UUID, use: str, *, actor: Actor) -> StoredFile:
    """Choose how questions get the file. Raises NotFound, InvalidInput."""
    if use not in StoredFile.Use.values:
        raise InvalidInput("use_unknown", _("There is no such way to use a file."))
    file = own_file(file_id, UUID(actor.id))
    with transaction.atomic():
        StoredFile.objects.filter(id=file.id).update(use=use)
        record_use(file, use, actor=actor)
    file.use = use
    return file


def record_use(file: StoredFile, use: str, *, actor: Actor) -> None:
    """Write down that somebody chose how the file is used; inside the caller's transaction."""
    record(
        events.FILE_USE_CHOSEN,
        actor=actor,
        workspace_id=file.workspace_id,
        target=Target("file", str(file.id)),
        details={"use": use},
    )


def delete_unsent(file_id: UUID, *, actor: Actor) -> None:
    """Delete a file that was not sent. Raises NotFound, and Conflict for one that belongs to a message."""
    with transaction.atomic():
        own_file(file_id, UUID(actor.id))
        file = StoredFile.objects.select_for_update().get(id=file_id)
        if file.attached_at is not None:
            raise Conflict(
                "file_was_sent",
                _("This file belongs to a message. It goes when the conversation is deleted."),
            )
        _delete(file, "person", actor)


def take_for_message(file_ids: Sequence[UUID], *, person_id: UUID) -> list[StoredFile]:
    """The person's files, in this order, as sent from now on; inside the caller's transaction.

    Raises InvalidInput for too many and for one that cannot be read, NotFound for one that is not there.
    """
    most = settings.ENVIRONMENT.message_files
    if len(file_ids) > most:
        raise InvalidInput(
            "too_many_files", _("A message takes %(n)d files at most. Remove some.") % {"n": most}
        )
    rows = {
        row.id: row
        for row in StoredFile.objects.select_for_update().filter(id__in=file_ids, owner_id=person_id)
    }
    if len(rows) < len(set(file_ids)):
        raise NotFound("file_not_found", _("An attached file is not here any more. Attach it again."))
    if any(row.state == StoredFile.State.FAILED for row in rows.values()):
        raise InvalidInput("file_unreadable", _("Remove the file that cannot be read, then send again."))
    StoredFile.objects.filter(id__in=rows, attached_at=None).update(attached_at=now())
    return [rows[file_id] for file_id in dict.fromkeys(file_ids)]


def release(file_id: UUID) -> None:
    """No message has the file any more: it goes, inside the caller's transaction."""
    for file in StoredFile.objects.filter(id=file_id):
        _delete(file, "with_message", Actor.system("files"))


def give_back(file_id: UUID) -> None:
    """The message was not sent after all: the file waits for another one, inside the caller's transaction."""
    StoredFile.objects.filter(id=file_id).update(attached_at=None)


def sweep_unsent() -> int:
    """Delete files that nobody has sent for a day; gives how many."""
    with all_workspaces("files that were not sent grow old alike"):
        old = StoredFile.objects.filter(attached_at=None, created_at__lt=now() - UNSENT_FOR)
        found = list(old.values_list("id", flat=True)[:500])
        for file_id in found:
            with transaction.atomic():
                file = StoredFile.objects.select_for_update().filter(id=file_id, attached_at=None).first()
                if file is not None:
                    _delete(file, "unsent", Actor.system("files"))
    return len(found)


def read_again_what_was_dropped() -> int:
    """Ask anew for files whose job is gone, and give those up whose job was; one that still waits or runs is enough.
    Gives how many were asked for."""
    with all_workspaces("files of every workspace are read"):
        reading = StoredFile.objects.filter(state=StoredFile.State.READING)
        asked = 0
        for file in reading.filter(created_at__lt=now() - READ_SOON)[:200]:
            # whatever it is that ends each worker: it is not tried for ever
            if _was_given_up(file) or file.created_at < now() - READ_AGAIN_FOR:
                reading.filter(id=file.id).update(state=StoredFile.State.FAILED, problem=Problem.FAULT)
            elif file.created_at < now() - READ_AGAIN_AFTER:
                asked += 1
                with transaction.atomic():
                    _have_it_read(file, Actor.system("files"))
    return asked


def own_file(file_id: UUID, person_id: UUID) -> StoredFile:
    """Raises NotFound."""
    file = StoredFile.objects.filter(id=file_id, owner_id=person_id).first()
    if file is None:
        raise NotFound("file_not_found", _("This file does not exist, or it is not yours."))
    return file


def note_opened(file: StoredFile, part: str, *, actor: Actor) -> None:
    with transaction.atomic():
        record(
            events.FILE_OPENED,
            actor=actor,
            workspace_id=file.workspace_id,
            target=Target("file", str(file.id)),
            details={"part": part},
        )


def _have_it_read(file: StoredFile, actor: Actor) -> None:
    enqueue(
        READ_JOB,
        args={"file_id": str(file.id)},
        actor=actor,
        workspace_id=file.workspace_id,
        dedupe_key=_key_of_job(file),
    )


def _was_given_up(file: StoredFile) -> bool:
    return JobState.DEAD in states_by_key(file.workspace_id, READ_JOB, [_key_of_job(file)])


def _key_of_job(file: StoredFile) -> str:
    return f"{READ_JOB}:{file.id}"


def _delete(file: StoredFile, reason: str, actor: Actor) -> None:
    record(
        events.FILE_DELETED,
        actor=actor,
        workspace_id=file.workspace_id,
        target=Target("file", str(file.id)),
        details={"reason": reason},
    )
    file.delete()

"""Conversations as files: one at once, several or all as a zip that a job makes. In the workspace's scope."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, cast
from uuid import UUID

from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from chatplatform.audit.services import Target, record
from chatplatform.chat.models import Conversation
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput, NotFound
from chatplatform.common.scope import current_workspace_id
from chatplatform.jobs.services import enqueue
from chatplatform.privacy.errors import ContentUnreadable
from chatplatform.sharing import audit_events as events
from chatplatform.sharing import limits
from chatplatform.sharing.formats import html_format, json_format, markdown_format
from chatplatform.sharing.models import ExportFile, FileFormat
from chatplatform.sharing.names import entry_name, file_name
from chatplatform.sharing.progress import WorkView, work_view
from chatplatform.sharing.reading import own_conversation, title_or_none

EXPORT_JOB = "sharing.export"
WRITERS: dict[str, Callable[[Conversation], Iterator[str]]] = {
    FileFormat.MARKDOWN: markdown_format.written,
    FileFormat.HTML: html_format.written,
    FileFormat.JSON: json_format.written,
}
ENDINGS = {FileFormat.MARKDOWN: "md", FileFormat.HTML: "html", FileFormat.JSON: "json"}
TYPES = {
    FileFormat.MARKDOWN: "text/markdown; charset=utf-8",
    FileFormat.HTML: "text/html; charset=utf-8",
    FileFormat.JSON: "application/json",
}


@dataclass(frozen=True, slots=True)
class Document:
    """A conversation as a file. `parts` are read in the workspace's scope."""

    name: str
    content_type: str
    parts: Iterator[str]


@dataclass(frozen=True, slots=True)
class ExportView:
    """A zip that is asked for, being made or ready."""

    id: UUID
    format: FileFormat
    work: WorkView
    conversations: int
    left_out: int
    size_bytes: int
    created_at: datetime
    expires_at: datetime

    @property
    def is_ready(self) -> bool:
        return self.work.state == "done"


def format_of(text: str) -> FileFormat:
    """Raises InvalidInput for a format that is none."""
    if text not in FileFormat.values:
        raise InvalidInput("sharing.bad_format", _("Choose Markdown, HTML or JSON."))
    return FileFormat(text)


def take_conversation(
    conversation_id: UUID, format: FileFormat, *, person_id: UUID, actor: Actor, reason: str = ""
) -> Document:
    """One conversation as a file; that it was taken is recorded first. Raises NotFound."""
    conversation = own_conversation(person_id, conversation_id)
    with transaction.atomic():
        record(
            events.CONVERSATION_EXPORTED,
            actor=actor,
            workspace_id=conversation.workspace_id,
            target=Target("conversation", str(conversation.id)),
            details={"format": str(format), "owner": str(person_id), "reason": reason},
        )
    return Document(
        name=file_name(title_or_none(conversation), ENDINGS[format]),
        content_type=TYPES[format],
        parts=WRITERS[format](conversation),
    )


def begin_export(format: FileFormat, *, conversation_ids: list[UUID] | None, actor: Actor) -> ExportFile:
    """Have a zip made of these conversations, or of all that are the actor's; the one before it goes.

    Raises NotFound for a conversation that is not the actor's, InvalidInput for none or too many, and Conflict while
    another one is being made.
    """
    person_id = UUID(actor.id)
    with transaction.atomic():
        own = Conversation.objects.filter(owner_id=person_id)
        if conversation_ids is None:
            count = own.count()
        else:
            ids = set(conversation_ids)
            if not ids or len(ids) > limits.EXPORT_CONVERSATIONS:
                raise InvalidInput(
                    "sharing.bad_choice",
                    _("Choose 1 to %(n)d conversations.") % {"n": limits.EXPORT_CONVERSATIONS},
                )
            known = set(own.values_list("id", flat=True))
            if not ids <= known:
                raise NotFound(
                    "conversation_not_found", _("This conversation does not exist, or it is not yours.")
                )
            count = len(ids)
        before = list(ExportFile.objects.select_for_update().filter(owner_id=person_id))
        if any(work_view(row.job_id, row.finished_at).is_running for row in before):
            raise Conflict("sharing.export_running", _("A file is being made already. Wait for it."))
        for row in before:
            row.delete()
        file = ExportFile.objects.create(
            workspace_id=current_workspace_id(),
            owner_id=person_id,
            format=format,
            language=get_language() or "",
            conversation_ids=[str(each) for each in conversation_ids] if conversation_ids else None,
            expires_at=now() + timedelta(hours=limits.EXPORT_KEPT_HOURS),
        )
        file.job_id = enqueue(
            EXPORT_JOB, args={"export_id": str(file.id)}, actor=actor, workspace_id=file.workspace_id
        )
        file.save(update_fields=["job_id"])
        record(
            events.EXPORT_STARTED,
            actor=actor,
            workspace_id=file.workspace_id,
            target=Target("export", str(file.id)),
            details={"format": str(format), "conversations": count, "owner": str(person_id)},
        )
    return file


def exports_of(person_id: UUID) -> list[ExportView]:
    """The person's files that have not expired, newest first."""
    rows = ExportFile.objects.filter(owner_id=person_id, expires_at__gt=now()).order_by("-created_at")
    return [_view(row) for row in rows]


def export_of(person_id: UUID, export_id: UUID) -> ExportView:
    """Raises NotFound for a file that is gone or another person's."""
    return _view(_own(person_id, export_id))


def take_export(export_id: UUID, *, actor: Actor) -> ExportFile:
    """The file, to be read piece by piece; that it was taken is recorded. Raises NotFound, and Conflict too early."""
    file = _own(UUID(actor.id), export_id)
    if file.finished_at is None:
        raise Conflict("sharing.export_not_ready", _("The file is not ready yet."))
    with transaction.atomic():
        record(
            events.EXPORT_TAKEN,
            actor=actor,
            workspace_id=file.workspace_id,
            target=Target("export", str(file.id)),
            details={
                "format": file.format,
                "conversations": file.conversations,
                "size_bytes": file.size_bytes,
                "owner": str(file.owner_id),
                "reason": "",
            },
        )
    return file


def remove_export(export_id: UUID, *, actor: Actor) -> None:
    """Remove a file before it expires; one that is being made stops. Raises NotFound."""
    with transaction.atomic():
        file = _own(UUID(actor.id), export_id)
        record(
            events.EXPORT_REMOVED,
            actor=actor,
            workspace_id=file.workspace_id,
            target=Target("export", str(file.id)),
        )
        file.delete()


def write_zip(
    target: IO[bytes], conversations: Iterator[Conversation], format: FileFormat, *, step: Callable[[], None]
) -> tuple[int, int]:
    """Write a zip of these conversations; how many there are, and how many could not be read.

    `step` is called before each. One conversation is in memory at a time.
    """
    written = left_out = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        for conversation in conversations:
            step()
            try:
                text = "".join(WRITERS[format](conversation))
                name = entry_name(
                    written + 1, conversation.created_at, title_or_none(conversation), ENDINGS[format]
                )
            except ContentUnreadable:
                left_out += 1
                continue
            archive.writestr(name, text)
            written += 1
    return written, left_out


def conversations_for(file: ExportFile) -> Iterator[Conversation]:
    """The conversations that a file is to hold, oldest first, without those deleted in the meantime."""
    return conversations_of(file.owner_id, file.conversation_ids)


def conversations_of(person_id: UUID, ids: list[str] | None) -> Iterator[Conversation]:
    """These conversations of a person, or all of them, oldest first; each is read when it is its turn."""
    own = Conversation.objects.filter(owner_id=person_id)
    wanted = {UUID(each) for each in ids} if ids is not None else None
    order = own.order_by("created_at", "id").values_list("id", flat=True)
    for conversation_id in list(order):
        if wanted is not None and conversation_id not in wanted:
            continue
        conversation = own.filter(id=conversation_id).first()
        if conversation is not None:
            yield conversation


def as_binary(target: object) -> IO[bytes]:
    """What zipfile needs of a file: it can be written to."""
    return cast(IO[bytes], target)


def _own(person_id: UUID, export_id: UUID) -> ExportFile:
    file = ExportFile.objects.filter(id=export_id, owner_id=person_id, expires_at__gt=now()).first()
    if file is None:
        raise NotFound("sharing.no_export", _("This file is gone. Have a new one made."))
    return file


def _view(row: ExportFile) -> ExportView:
    return ExportView(
        id=row.id,
        format=FileFormat(row.format),
        work=work_view(row.job_id, row.finished_at),
        conversations=row.conversations,
        left_out=row.left_out,
        size_bytes=row.size_bytes,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )

"""Files made and read in the background. A worker that dies loses nothing: the next attempt begins the file anew."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from uuid import UUID

from django.utils import translation
from django.utils.translation import gettext_lazy as _

from chatplatform.audit.services import Target, record
from chatplatform.chat.models import Conversation
from chatplatform.common.clock import now
from chatplatform.common.errors import InvalidInput
from chatplatform.jobs.registry import RunningJob, job_handler
from chatplatform.sharing import audit_events as events
from chatplatform.sharing import exports, imports, limits
from chatplatform.sharing.importing.reading import Report, import_all
from chatplatform.sharing.models import ExportFile, ExportPiece, FileFormat, ImportFile
from chatplatform.sharing.pieces import PieceReader, PieceWriter, TooLargeFile


@job_handler(exports.EXPORT_JOB, title=_("Make a file of conversations"), max_attempts=5, timeout_s=3600)
def make_export(job: RunningJob) -> None:
    """Write the zip piece by piece; one conversation is in memory at a time."""
    file = ExportFile.objects.filter(id=UUID(job.args["export_id"])).first()
    if file is None or file.finished_at is not None:
        with job.finishing():
            return
    ExportPiece.objects.filter(file=file).delete()
    known = Conversation.objects.filter(owner_id=file.owner_id).count()
    total = max(1, known if file.conversation_ids is None else len(file.conversation_ids))
    done = 0

    def step() -> None:
        nonlocal done
        job.progress(done / total, _("Writing conversations"))
        done += 1

    target = PieceWriter(file, limit=limits.EXPORT_BYTES)
    try:
        with translation.override(file.language) if file.language else nullcontext():
            written, left_out = exports.write_zip(
                exports.as_binary(target),
                exports.conversations_for(file),
                FileFormat(file.format),
                step=step,
            )
        target.finish()
    except TooLargeFile:
        raise InvalidInput(
            "sharing.export_too_large", _("The file would be too large. Choose fewer conversations.")
        ) from None
    with job.finishing():
        current = ExportFile.objects.select_for_update().filter(id=file.id).first()
        if current is None:
            return
        current.conversations = written
        current.left_out = left_out
        current.size_bytes = target.size_bytes
        current.finished_at = now()
        current.expires_at = current.finished_at + timedelta(hours=limits.EXPORT_KEPT_HOURS)
        current.save()
        record(
            events.EXPORT_MADE,
            actor=job.actor,
            workspace_id=current.workspace_id,
            target=Target("export", str(current.id)),
            details={
                "format": current.format,
                "conversations": written,
                "size_bytes": current.size_bytes,
            },
        )


@job_handler(imports.IMPORT_JOB, title=_("Read a file of conversations"), max_attempts=5, timeout_s=3600)
def read_import(job: RunningJob) -> None:
    """Take what can be taken. Each conversation is a transaction of its own: whole, or not at all."""
    file = ImportFile.objects.filter(id=UUID(job.args["import_id"])).first()
    if file is None or file.finished_at is not None:
        with job.finishing():
            return
    reader = PieceReader(file)

    def step(report: Report) -> None:
        job.progress(min(1.0, reader.tell() / file.size_bytes), _("Reading conversations"))

    report = import_all(
        reader, file.size_bytes, owner_id=file.owner_id, file_id=file.id, actor=job.actor, step=step
    )
    with job.finishing():
        current = ImportFile.objects.select_for_update().filter(id=file.id).first()
        if current is None:
            return
        current.kind = report.kind
        current.found = report.found
        current.imported = report.imported
        current.repeated = report.repeated
        current.refused = report.refused
        current.problems = imports.sealed_problems(current, report.problems)
        imports.finish(current)
        record(
            events.IMPORT_FINISHED,
            actor=job.actor,
            workspace_id=current.workspace_id,
            target=Target("import", str(current.id)),
            details={
                "kind": str(report.kind),
                "found": report.found,
                "imported": report.imported,
                "repeated": report.repeated,
                "refused": report.refused,
            },
        )

"""Background work on files: reading them, and vectors for their passages."""

from __future__ import annotations

import asyncio
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.documents.blocks import Document
from chatplatform.documents.kinds import ending_of
from chatplatform.documents.passages import passages
from chatplatform.documents.reading import Limits, read_document
from chatplatform.files import audit_events as events
from chatplatform.files import content
from chatplatform.files.models import StoredFile
from chatplatform.files.read_attempt import attempt
from chatplatform.files.services import READ_JOB
from chatplatform.files.vectors import MOST_VECTORS, packed
from chatplatform.inference import gateway
from chatplatform.jobs.registry import RunningJob, job_handler
from chatplatform.jobs.services import enqueue
from chatplatform.privacy.errors import ContentErased, ContentUnreadable

VECTORS_JOB = "files.vectors"
READ_ATTEMPTS = 3
# so many workers may end over one file: then it is the file
READ_LOSSES = 3
# shorter texts are read as a whole wherever they can be
VECTORS_FROM_CHARS = 4_000
LIMITS = Limits()
EMBEDDED_AT_ONCE = 16


@job_handler(
    READ_JOB,
    title=_("Read an attached file"),
    max_attempts=READ_ATTEMPTS,
    timeout_s=600,
    max_losses=READ_LOSSES,
    urgent=True,
)
def read_file(job: RunningJob) -> None:
    """Turn the file into text. It may run again after a crash: only the last writes count."""
    file = StoredFile.objects.filter(id=UUID(job.args["file_id"])).first()
    if file is None or file.state != StoredFile.State.READING:
        return
    job.progress(0.05, _("Reading"))
    document, problem, text_key = attempt(
        job,
        file.id,
        attempts=READ_ATTEMPTS,
        read=lambda: _read(file, job),
        keep_text=lambda document: content.write_document(file, document),
    )
    with job.finishing():
        _keep(file, document, problem, text_key, job.actor)


def _read(file: StoredFile, job: RunningJob) -> Document:
    def tell(page: int) -> None:
        job.progress(0.1, _("Reading"))
        StoredFile.objects.filter(id=file.id).update(pages=page)

    ending = ending_of(content.name_of(file))
    return read_document(content.file_parts(file), ending=ending, limits=LIMITS, on_tick=tell)


def _keep(file: StoredFile, document: Document | None, problem: str, text_key: bytes, actor: Actor) -> None:
    row = StoredFile.objects.select_for_update().filter(id=file.id).first()
    if row is None:
        content.remove_parts(file.id)  # it was deleted meanwhile
        return
    row.state = StoredFile.State.FAILED if document is None else StoredFile.State.READY
    row.problem, row.text_key, row.read_at = problem, text_key, now()
    row.pages = 0
    if document is not None:
        row.kind, row.pages, row.is_cut = document.kind, document.pages, document.is_cut
        row.characters = len(document.text)
    row.save(
        update_fields=["state", "problem", "text_key", "read_at", "kind", "pages", "is_cut", "characters"]
    )
    record(
        events.FILE_READ,
        actor=actor,
        workspace_id=row.workspace_id,
        target=Target("file", str(row.id)),
        outcome="failed" if problem else "ok",
        details={
            "kind": row.kind,
            "problem": problem,
            "characters": row.characters,
            "pages": row.pages,
            "is_cut": row.is_cut,
        },
    )
    if row.characters >= VECTORS_FROM_CHARS:
        enqueue(
            VECTORS_JOB,
            args={"file_id": str(row.id)},
            actor=actor,
            workspace_id=row.workspace_id,
            dedupe_key=f"{VECTORS_JOB}:{row.id}",
        )


@job_handler(VECTORS_JOB, title=_("Compare passages of an attached file"), max_attempts=4, timeout_s=1800)
def embed_file(job: RunningJob) -> None:
    """Vectors for the passages. Without them, passages are found by their words."""
    file = StoredFile.objects.filter(id=UUID(job.args["file_id"])).first()
    if file is None or file.state != StoredFile.State.READY or file.vectors_key:
        return
    try:
        texts = [passage.text for passage in passages(content.document_of(file))[:MOST_VECTORS]]
    except (ContentErased, ContentUnreadable, FileNotFoundError):
        return
    vectors: list[list[float]] = []
    for at in range(0, len(texts), EMBEDDED_AT_ONCE):
        job.progress(at / len(texts), _("Comparing passages"))
        vectors += asyncio.run(_embed(file, texts[at : at + EMBEDDED_AT_ONCE]))
    key = content.write_vectors(file, [packed(vectors)])
    with job.finishing():
        if not StoredFile.objects.filter(id=file.id).update(vectors_key=key):
            content.remove_parts(file.id)


async def _embed(file: StoredFile, texts: list[str]) -> list[list[float]]:
    return await gateway.embed(
        texts,
        kind="passage",
        subject=content.owner_of(file),
        workspace_id=file.workspace_id,
        actor=Actor.person(file.owner_id),
        purpose="files.passages",
    )

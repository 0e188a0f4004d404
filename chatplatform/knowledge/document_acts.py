"""What is done with documents that are there: tried again, stopped, deleted, opened. Each act is one transaction: row,
audit event, job. All run in a workspace scope."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from chatplatform.audit.catalogue import AuditEventType
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, InvalidInput
from chatplatform.knowledge import audit_events as events
from chatplatform.knowledge import removal, work
from chatplatform.knowledge.models import Document, IndexEntry
from chatplatform.knowledge.problems import Problem
from chatplatform.knowledge.rights import require_document_edit

MOST_AT_ONCE = 1_000


def retry_document(document_id: UUID, *, actor: Actor) -> None:
    """Have a document that failed or was stopped read or indexed again. Raises NotFound, NotAllowed, and Conflict for
    one that did not fail."""
    with transaction.atomic():
        document = require_document_edit(document_id, actor, lock=True)
        failed = IndexEntry.objects.filter(document=document, state=IndexEntry.State.FAILED)
        if document.state == Document.State.FAILED:
            document.state, document.problem = Document.State.WAITING, ""
            document.save(update_fields=["state", "problem"])
            work.have_it_read(document, actor)
        elif failed.update(state=IndexEntry.State.WAITING, problem="", attempts=0):
            for entry in IndexEntry.objects.filter(document=document, state=IndexEntry.State.WAITING):
                work.have_it_indexed(entry.index_id, document.workspace_id, actor)
        else:
            raise Conflict(
                "document_not_failed", _("Only a document that failed or was stopped can be tried again.")
            )
        record_document(events.DOCUMENT_RETRIED, document, actor)


def stop_documents(document_ids: Sequence[UUID], *, actor: Actor) -> int:
    """Stop what is not done yet of these documents; gives how many were stopped. Raises NotFound, NotAllowed."""
    stopped = 0
    for document_id in _at_most(document_ids):
        with transaction.atomic():
            document = require_document_edit(document_id, actor, lock=True)
            entries = IndexEntry.objects.filter(document=document, state=IndexEntry.State.WAITING)
            if document.state in {Document.State.WAITING, Document.State.READING}:
                document.state, document.problem = Document.State.FAILED, Problem.STOPPED
                document.save(update_fields=["state", "problem"])
            elif not entries.update(state=IndexEntry.State.FAILED, problem=Problem.STOPPED):
                continue
            record_document(events.DOCUMENT_STOPPED, document, actor)
            stopped += 1
    return stopped


def delete_documents(document_ids: Sequence[UUID], *, actor: Actor) -> int:
    """Delete documents with all that was made of them; gives how many. What is not there any more is no error.

    Raises NotAllowed, and NotFound for one of a collection that the actor may not know of.
    """
    deleted = 0
    for document_id in _at_most(document_ids):
        with transaction.atomic():
            found = Document.objects.filter(id=document_id).first()
            if found is None:
                continue
            document = require_document_edit(document_id, actor, lock=True)
            chunks = removal.remove_document(document, actor)
            record(
                events.DOCUMENT_DELETED,
                actor=actor,
                workspace_id=document.workspace_id,
                target=Target("document", str(document_id)),
                details={"collection_id": str(document.collection_id), "chunks": chunks},
            )
            deleted += 1
    return deleted


def note_opened(document: Document, part: str, *, actor: Actor) -> None:
    """Write down that somebody downloaded the document (`file`) or read what was read of it (`text`)."""
    with transaction.atomic():
        record_document(events.DOCUMENT_OPENED, document, actor, part=part)


def _at_most(document_ids: Sequence[UUID]) -> list[UUID]:
    found = list(dict.fromkeys(document_ids))
    if len(found) > MOST_AT_ONCE:
        raise InvalidInput(
            "knowledge.too_many_documents",
            _("Choose %(n)d documents at most.") % {"n": MOST_AT_ONCE},
        )
    return found


def record_document(event: AuditEventType, document: Document, actor: Actor, **details: str | int) -> None:
    """Write an event of the document down, in the caller's transaction."""
    record(
        event,
        actor=actor,
        workspace_id=document.workspace_id,
        target=Target("document", str(document.id)),
        details=details,
    )

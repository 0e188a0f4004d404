"""Asks for the background work on documents, inside the caller's transaction."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from chatplatform.common.actors import Actor
from chatplatform.jobs.services import enqueue
from chatplatform.knowledge.models import Collection, Document, Index, IndexEntry

READ_JOB: Final = "knowledge.read"
INDEX_JOB: Final = "knowledge.index"
REMOVE_JOB: Final = "knowledge.remove_vectors"


def have_it_read(document: Document, actor: Actor) -> None:
    """Have a document's file read. Each content is read by a job of its own, so that a new one waits for none."""
    enqueue(
        READ_JOB,
        args={"document_id": str(document.id)},
        actor=actor,
        workspace_id=document.workspace_id,
        dedupe_key=key_of_reading(document),
    )


def key_of_reading(document: Document) -> str:
    """Of the job that reads the document's present content."""
    return f"{READ_JOB}:{document.id}:{document.revision}"


def enter(document: Document, actor: Actor) -> None:
    """The document was read: it waits for every index of its collection. The first one makes the first index."""
    collection = Collection.objects.select_for_update().get(id=document.collection_id)
    found = list(Index.objects.filter(collection=collection).exclude(state=Index.State.OLD))
    if not found:
        index = Index.objects.create(
            workspace_id=collection.workspace_id, collection=collection, state=Index.State.LIVE
        )
        collection.live_index = index
        collection.save(update_fields=["live_index"])
        found = [index]
    for index in found:
        IndexEntry.objects.update_or_create(
            index=index,
            document=document,
            defaults={
                "workspace_id": document.workspace_id,
                "state": IndexEntry.State.WAITING,
                "problem": "",
                "attempts": 0,
                "done": 0,
            },
        )
        have_it_indexed(index.id, document.workspace_id, actor)


def have_it_indexed(index_id: UUID, workspace_id: UUID, actor: Actor) -> None:
    """Have all that waits for an index put into it, by one job at a time."""
    enqueue(
        INDEX_JOB,
        args={"index_id": str(index_id)},
        actor=actor,
        workspace_id=workspace_id,
        dedupe_key=f"{INDEX_JOB}:{index_id}",
    )


def have_vectors_removed(workspace_id: UUID, actor: Actor) -> None:
    """Have the vectors that VectorRemoval names taken out of the store."""
    enqueue(
        REMOVE_JOB,
        args={},
        actor=actor,
        workspace_id=workspace_id,
        dedupe_key=REMOVE_JOB,
        even_if_running=True,
    )

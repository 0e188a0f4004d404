"""Takes out of the store and off the disk what rows do not name any more."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from chatplatform.jobs.registry import RunningJob
from chatplatform.knowledge import removal
from chatplatform.knowledge.models import Chunk, Collection, Document, Index, VectorRemoval
from chatplatform.vector_store import blocking_vector_store

PURPOSE: Final = "knowledge.removal"
AT_ONCE: Final = 50


def remove_vectors(job: RunningJob) -> None:
    """Work off the workspace's VectorRemoval rows. A row goes when its vectors have; doing one twice does no harm."""
    store = blocking_vector_store(purpose=PURPOSE, actor=job.actor, workspace_id=job.workspace_id)
    while removals := list(VectorRemoval.objects.order_by("created_at", "id")[:AT_ONCE]):
        for removal_row in removals:
            job.progress(0.5, _("Removing vectors"))
            if removal_row.chunk_ids is None:
                store.drop(removal_row.vectors_name)
            else:
                ids = [UUID(each) for each in removal_row.chunk_ids]
                # the same content may have come back meanwhile, under the same ids
                back = set(Chunk.objects.filter(id__in=ids).values_list("id", flat=True))
                store.delete(removal_row.vectors_name, [each for each in ids if each not in back])
            VectorRemoval.objects.filter(id=removal_row.id).delete()


def delete_collection(job: RunningJob) -> None:
    """Remove all that a deleted collection holds, a part at a time, and last the collection."""
    collection = Collection.objects.filter(id=UUID(job.args["collection_id"])).first()
    if collection is None or collection.deleted_at is None:
        return
    total = max(1, Document.objects.filter(collection=collection).count())
    for row in Index.objects.filter(collection=collection):
        _remove_index(row, job)
    done = 0
    while documents := list(Document.objects.filter(collection=collection).order_by("id")[:AT_ONCE]):
        for document in documents:
            document.delete()
        done += len(documents)
        job.progress(min(done / total, 1.0), _("Removing documents"))
    with job.finishing():
        Collection.objects.filter(id=collection.id).delete()


def _remove_index(row: Index, job: RunningJob) -> None:
    while ids := list(Chunk.objects.filter(index=row).values_list("id", flat=True)[: removal.AT_ONCE]):
        Chunk.objects.filter(id__in=ids).delete()
        job.progress(0.0, _("Removing documents"))
    removal.remove_index(row, job.actor)

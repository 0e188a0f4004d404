"""What is done for documents without anybody asking: nothing stays between two states, on the disk or in the store."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.documents.problems import Problem as ReadingProblem
from chatplatform.jobs.models import UNFINISHED, JobState
from chatplatform.jobs.queries import states_by_key
from chatplatform.jobs.registry import chore
from chatplatform.knowledge import audit_events as events
from chatplatform.knowledge import collections, content, removal, work
from chatplatform.knowledge.ingestion.windows import open_entries
from chatplatform.knowledge.models import Chunk, Collection, Document, Index, IndexEntry, VectorRemoval
from chatplatform.vector_store import VectorStoreRefused, VectorStoreUnavailable, blocking_vector_store

# a part is written before its row, and an upload may take long
ORPHAN_AFTER_S: Final = 6 * 3600
UNREAD_AFTER: Final = timedelta(seconds=20)
GIVEN_UP_AFTER: Final = timedelta(hours=6)
AT_ONCE: Final = 200
WHY: Final = "documents of every workspace are looked after"
US: Final = Actor.system("knowledge")


@chore("knowledge.unfinished", every_s=30)
def take_up_what_was_dropped() -> None:
    """Ask anew for what waits without a job: a job that still waits or runs is enough."""
    with all_workspaces(WHY):
        unread = Document.objects.filter(state__in=[Document.State.WAITING, Document.State.READING])
        unread = unread.filter(collection__deleted_at=None)
        for document in unread.filter(changed_at__lt=now() - UNREAD_AFTER).order_by("changed_at")[:AT_ONCE]:
            with transaction.atomic():
                _read_or_give_up(document)
        waiting = IndexEntry.objects.filter(
            state=IndexEntry.State.WAITING, document__state=Document.State.READ
        ).exclude(index__state=Index.State.OLD)
        for index_id, workspace_id in set(waiting.values_list("index_id", "workspace_id")):
            work.have_it_indexed(index_id, workspace_id, US)
        for workspace_id in set(VectorRemoval.objects.values_list("workspace_id", flat=True)):
            work.have_vectors_removed(workspace_id, US)
        for collection in Collection.objects.exclude(deleted_at=None):
            collections.have_it_removed(collection, US)


def _read_or_give_up(document: Document) -> None:
    """Whatever it is that ends each worker: it is not tried for ever."""
    states = set(states_by_key(document.workspace_id, work.READ_JOB, [work.key_of_reading(document)]))
    if states & set(UNFINISHED):
        return
    is_reading = document.state == Document.State.READING
    if JobState.DEAD in states or (is_reading and document.changed_at < now() - GIVEN_UP_AFTER):
        here = Document.objects.filter(id=document.id, revision=document.revision)
        here.filter(state=document.state).update(state=Document.State.FAILED, problem=ReadingProblem.FAULT)
    else:
        work.have_it_read(document, US)


@chore("knowledge.orphans", every_s=3600, limit_s=600)
def remove_orphans() -> None:
    """Parts on disk that no row names: of uploads that were cut off by a crash, or of rows gone with their database."""
    root = content.folder()
    if not root.is_dir():
        return
    for place in sorted(path for path in root.iterdir() if path.is_dir()):
        old = [path for path in place.iterdir() if time.time() - path.stat().st_mtime > ORPHAN_AFTER_S]
        ids = {path: file_id for path in old if (file_id := _id_in(path.name)) is not None}
        with all_workspaces("parts of all workspaces lie in one folder"):
            known = set(
                Document.objects.filter(file_id__in=set(ids.values())).values_list("file_id", flat=True)
            )
            texts = set(
                IndexEntry.objects.filter(text_id__in=set(ids.values())).values_list("text_id", flat=True)
            )
        for path, file_id in ids.items():
            is_text = path.name.endswith(content.Of.TEXT)
            is_named = file_id in known or (is_text and file_id in texts)
            if not is_named or path.name.endswith(".new"):
                path.unlink(missing_ok=True)


@chore("knowledge.vectors", every_s=6 * 3600, limit_s=900)
def compare_vectors() -> None:
    """Bring the store in line with the rows: after a crash between the two, or a backup that was put back."""
    with all_workspaces(WHY):
        found = list(Index.objects.filter(collection__deleted_at=None).exclude(state=Index.State.OLD))
    for index in found:
        with workspace_scope(index.workspace_id):
            try:
                compare_index(index)
            except (VectorStoreUnavailable, VectorStoreRefused):
                return  # the next time


def compare_index(index: Index) -> tuple[int, int]:
    """Vectors that no row names go; chunks that lack theirs are made anew. How many lacked and how many were too many.

    Nothing is done while documents wait for the index: then both sides differ for good reasons.
    """
    if open_entries(index).exists():
        return 0, 0
    store = blocking_vector_store(purpose="knowledge.compare", actor=US, workspace_id=index.workspace_id)
    # rows before vectors, as vectors are written before rows: what comes meanwhile does not seem to lack any
    wanted = dict(Chunk.objects.filter(index=index).values_list("id", "document_id"))
    there = store.ids(index.vectors_name)
    missing = wanted.keys() - there
    left_over = there - wanted.keys()
    if not missing and not left_over:
        return 0, 0
    with transaction.atomic():
        if open_entries(index).exists():
            return 0, 0
        now_wanted = set(Chunk.objects.filter(id__in=list(left_over)[:50_000]).values_list("id", flat=True))
        removing = [str(each) for each in list(left_over)[:50_000] if each not in now_wanted]
        if removing:
            VectorRemoval.objects.create(
                workspace_id=index.workspace_id, vectors_name=index.vectors_name, chunk_ids=removing
            )
            work.have_vectors_removed(index.workspace_id, US)
        if missing:
            _make_anew(index, {wanted[each] for each in missing}, missing)
        record(
            events.VECTORS_REPAIRED,
            actor=US,
            workspace_id=index.workspace_id,
            target=Target("index", str(index.id)),
            details={"missing": len(missing), "left_over": len(left_over)},
        )
    return len(missing), len(left_over)


def _make_anew(index: Index, document_ids: set[UUID], chunk_ids: set[UUID]) -> None:
    removal.forget_chunks(index, list(chunk_ids))
    entries = IndexEntry.objects.filter(index=index, document_id__in=document_ids)
    entries.update(state=IndexEntry.State.WAITING, problem="", attempts=0)
    work.have_it_indexed(index.id, index.workspace_id, US)


def _id_in(name: str) -> UUID | None:
    try:
        return UUID(name.partition(".")[0])
    except ValueError:
        return None

"""All that waits for an index, put into it by one job: windows of chunks, embedded while the last one is written."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from chatplatform.audit.services import Target, record
from chatplatform.common.errors import PlatformError, TooMany, Unavailable
from chatplatform.inference import gateway
from chatplatform.jobs.registry import RunningJob
from chatplatform.knowledge import audit_events as events
from chatplatform.knowledge import work
from chatplatform.knowledge.ingestion.embedding import PURPOSE, Embedder, Vectors, result_of
from chatplatform.knowledge.ingestion.windows import Window, Windows, open_entries
from chatplatform.knowledge.ingestion.writing import Known, Writer, is_wanted
from chatplatform.knowledge.models import Document, Index, IndexEntry
from chatplatform.knowledge.problems import Problem
from chatplatform.vector_store import (
    VectorStoreRefused,
    VectorStoreUnavailable,
    blocking_vector_store,
)

logger = logging.getLogger(__name__)

ATTEMPTS: Final = 16
"""With their pauses some two hours: so long an encoder may be fetched and loaded for the first time."""
SLICE_S: Final = 300.0
"""So long one job goes on; then others of the queue have their turn, and another job goes on with this."""


def index(job: RunningJob) -> None:
    """Put what waits into the index. It may run again after a crash: what was written is not done twice."""
    row = Index.objects.select_related("collection").filter(id=UUID(job.args["index_id"])).first()
    if row is None or row.state == Index.State.OLD or row.collection.deleted_at is not None:
        return
    try:
        _Indexer(row, job).run()
    except (Unavailable, TooMany) as error:
        _note_trouble(row, error, job)
        raise
    except (VectorStoreRefused, PlatformError):
        # asking again does not help: what waits has to say so
        _fail_open(row, Problem.REFUSED, job)
        raise
    with job.finishing():
        pass
    # what came while this job ended took it for the one that would do it
    if open_entries(row).exists():
        work.have_it_indexed(row.id, row.workspace_id, job.actor)


@dataclass(slots=True)
class _Begun:
    window: Window
    known: Known
    future: Future[Vectors] | None


class _Indexer:
    def __init__(self, index: Index, job: RunningJob) -> None:
        self._index = index
        self._job = job
        self._ends_at = time.monotonic() + SLICE_S
        self._total = max(1, open_entries(index).count())
        self._done = 0
        store = blocking_vector_store(purpose=PURPOSE, actor=job.actor, workspace_id=index.workspace_id)
        self._writer = Writer(index, store, job.actor, self._tick)

    def run(self) -> None:
        if not self._is_same_encoder():
            for entry in open_entries(self._index):
                self._fail(entry, Problem.OTHER_MODEL)
        found = Windows(self._index, failed=self._fail, goes_on=self._goes_on)
        try:
            with Embedder(self._index.workspace_id, self._job.actor) as embedder:
                windows = iter(found)
                begun = self._begin(windows, embedder)
                while begun is not None:
                    following = self._begin(windows, embedder)
                    made = result_of(begun.future, self._tick) if begun.future else None
                    self._writer.write(begun.window, begun.known, made)
                    self._done += len(begun.window.complete)
                    self._tick()
                    begun = following
            self._is_same_encoder()  # one that was being loaded when this began has a name now
        except PlatformError:
            # a machine that is down says nothing about documents
            IndexEntry.objects.filter(pk__in=found.begun, state=IndexEntry.State.WAITING).update(attempts=0)
            raise

    def _begin(self, windows: Iterator[Window], embedder: Embedder) -> _Begun | None:
        if not is_wanted(self._index) or not self._is_same_encoder():
            return None
        window = next(windows, None)
        if window is None:
            return None
        known = self._writer.known(window) if window.drafts else Known()
        texts = [draft.said.embedded for draft in known.to_embed.values()]
        return _Begun(window, known, embedder.start(texts) if texts else None)

    def _tick(self) -> None:
        self._job.progress(self._done / max(self._total, self._done), _("Indexing"))

    def _goes_on(self) -> bool:
        return time.monotonic() < self._ends_at

    def _fail(self, entry: IndexEntry, problem: Problem) -> None:
        fail_entry(entry, problem, self._job)

    def _is_same_encoder(self) -> bool:
        """Vectors of two models are of no use beside each other. An encoder that does not say what it is passes."""
        status = async_to_sync(gateway.engine_status)("encoder")
        serving = status.model("embedding") or next(iter(status.models), None)
        if serving is not None and not self._index.encoder:
            self._index.encoder = serving.id
            Index.objects.filter(id=self._index.id).update(encoder=serving.id)
        return serving is None or serving.id == self._index.encoder


def fail_entry(entry: IndexEntry, problem: Problem, job: RunningJob) -> None:
    """Have a document say why it is not found."""
    with transaction.atomic():
        waiting = IndexEntry.objects.filter(pk=entry.pk, state=IndexEntry.State.WAITING)
        if not waiting.update(state=IndexEntry.State.FAILED, problem=problem):
            return
        record(
            events.DOCUMENT_INDEXED,
            actor=job.actor,
            workspace_id=entry.workspace_id,
            target=Target("document", str(entry.document_id)),
            outcome="failed",
            details={
                "index_id": str(entry.index_id),
                "revision": Document.objects.values_list("revision", flat=True).get(id=entry.document_id),
                "chunks": 0,
                "problem": problem.value,
            },
        )


def _fail_open(row: Index, problem: Problem, job: RunningJob) -> None:
    for entry in open_entries(row):
        fail_entry(entry, problem, job)


def _note_trouble(row: Index, error: PlatformError, job: RunningJob) -> None:
    """What waits says what it waits for; after the last attempt it failed, and a person may have it tried again."""
    is_store = isinstance(error, VectorStoreUnavailable)
    problem = Problem.VECTORS_UNAVAILABLE if is_store else Problem.ENCODER_UNAVAILABLE
    if job.attempt >= ATTEMPTS:
        _fail_open(row, problem, job)
    else:
        open_entries(row).update(problem=problem)

"""A run: every golden question through the search that assistants use, one after the other.

What each question got is committed at once, so a run that was killed goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from chatplatform.audit.services import Target, record
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict
from chatplatform.jobs.registry import RunningJob
from chatplatform.knowledge.models import Index
from chatplatform.knowledge.quality import audit_events as events
from chatplatform.knowledge.quality.content import passage_of, question_of
from chatplatform.knowledge.quality.matching import says
from chatplatform.knowledge.quality.measures import DEPTH, Outcome, figures
from chatplatform.knowledge.quality.models import GoldenPlace, GoldenQuestion, QualityAnswer, QualityRun
from chatplatform.knowledge.quality.services import measurable
from chatplatform.knowledge.retrieval import Passage, Retrieved, retrieve
from chatplatform.knowledge.rights import scope_of_collection

PURPOSE: Final = "knowledge.quality"


def measure(job: RunningJob) -> None:
    """Raises NotFound where the person of the run may not search the collection any more, Conflict where its index is
    gone, and what a search raises."""
    run = QualityRun.objects.filter(id=UUID(job.args["run_id"]), collection__deleted_at=None).first()
    if run is None or run.done_at is not None:
        return
    asked = QualityAnswer.objects.filter(run=run).values("question_id")
    waiting = list(measurable(run.collection_id).exclude(id__in=asked).order_by("created_at", "id"))
    done = QualityAnswer.objects.filter(run=run).count()
    for number, golden in enumerate(waiting, start=done):
        job.progress(number / (done + len(waiting)), _("Asking golden questions"))
        _ask(run, golden, job)
    rows = list(QualityAnswer.objects.filter(run=run))
    made = figures([Outcome(row.is_unanswerable, row.rank, row.is_refused, row.time_ms) for row in rows])
    with job.finishing():
        words_only = sum(row.is_words_only for row in rows)
        QualityRun.objects.filter(id=run.id).update(**asdict(made), words_only=words_only, done_at=now())
        record(
            events.RUN_DONE,
            actor=job.actor,
            workspace_id=run.workspace_id,
            target=Target("collection", str(run.collection_id)),
            details={
                "run_id": str(run.id),
                "index_id": str(run.index_id),
                "questions": made.questions,
                "unanswerable": made.unanswerable,
            },
        )


def _ask(run: QualityRun, golden: GoldenQuestion, job: RunningJob) -> None:
    if not Index.objects.filter(id=run.index_id).exists():
        raise Conflict("knowledge.index_is_gone", _("The index that was being measured is gone."))
    scope = scope_of_collection(run.person_id, run.collection_id)
    found = async_to_sync(retrieve)(
        scope, question_of(golden), actor=job.actor, purpose=PURPOSE, most=DEPTH, of_index=run.index_id
    )
    place = GoldenPlace.objects.filter(question=golden).first()
    if place is None and not golden.is_unanswerable:
        return  # its document was deleted meanwhile
    answer = QualityAnswer(
        workspace_id=run.workspace_id,
        run=run,
        question=golden,
        is_unanswerable=golden.is_unanswerable,
        rank=_rank(found.passages, place) if place else None,
        is_refused=not found.is_confident,
        confidence=max((one.score.confidence for one in found.passages), default=0.0),
        threshold=found.threshold,
        is_words_only=bool(found.degraded),
        time_ms=found.timings_ms.total,
        found=found_of(found),
    )
    with transaction.atomic():
        if GoldenQuestion.objects.select_for_update().filter(id=golden.id).exists():
            QualityAnswer.objects.bulk_create([answer], ignore_conflicts=True)


def found_of(found: Retrieved) -> list[dict[str, Any]]:
    """What is kept of the passages: which they are, and how each was scored."""
    return [
        {
            "chunk": str(one.chunk_id),
            "document": str(one.document_id),
            "number": one.number,
            "page": one.page,
            "score": asdict(one.score),
        }
        for one in found.passages
    ]


def _rank(passages: Sequence[Passage], place: GoldenPlace) -> int | None:
    wanted = passage_of(place)
    for rank, one in enumerate(passages, start=1):
        if one.document_id == place.document_id and says(one.text, wanted):
            return rank
    return None

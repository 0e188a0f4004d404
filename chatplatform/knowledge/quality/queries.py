"""Golden questions, runs and what each question got, for whoever may search the collection. In a workspace scope."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from django.utils.translation import gettext as _

from chatplatform.common.errors import NotFound
from chatplatform.jobs.models import UNFINISHED, Job
from chatplatform.knowledge import rights
from chatplatform.knowledge.chunk_text import ChunkText, chunk_text
from chatplatform.knowledge.models import Chunk, Document
from chatplatform.knowledge.quality.content import passage_of, question_of, title_of
from chatplatform.knowledge.quality.matching import says
from chatplatform.knowledge.quality.measures import Figures
from chatplatform.knowledge.quality.models import GoldenPlace, GoldenQuestion, QualityAnswer, QualityRun
from chatplatform.knowledge.quality.services import question_not_found
from chatplatform.knowledge.retrieval.found import Score

RUNS_SHOWN: Final = 50
RunState = Literal["in_work", "done", "failed"]
Verdict = Literal["found", "refused", "missing", "rightly_refused", "wrongly_answered"]
MISSES: Final[frozenset[Verdict]] = frozenset({"refused", "missing", "wrongly_answered"})
Change = Literal["better", "worse", "same", "new"]


@dataclass(frozen=True, slots=True)
class GoldenView:
    """A golden question. `document` is the title of where its answer stands; `has_lost_document`: it was deleted, so
    the question is not measured."""

    id: UUID
    collection_id: UUID
    question: str = field(repr=False)
    document_id: UUID | None
    document: str = field(repr=False)
    passage: str = field(repr=False)
    is_unanswerable: bool
    created_at: datetime

    @property
    def has_lost_document(self) -> bool:
        return self.document_id is None and not self.is_unanswerable


@dataclass(frozen=True, slots=True)
class RunView:
    """A run. `figures` once it is done; `progress` from 0 to 1 while it is in work; `problem` says why it failed."""

    id: UUID
    collection_id: UUID
    index_id: UUID
    encoder: str
    chunk_tokens: int
    state: RunState
    progress: float
    problem: str
    figures: Figures | None
    words_only: int
    is_by_itself: bool
    created_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A passage as a run found it. `text` is None where it is not there any more; `is_right`: it is the one that was to
    be found."""

    rank: int
    document_id: UUID
    title: str = field(repr=False)
    context: str = field(repr=False)
    text: str | None = field(repr=False)
    number: int
    page: int
    score: Score
    is_right: bool


@dataclass(frozen=True, slots=True)
class ResultView:
    """What a golden question got in a run. `before` is its rank in the run that this one is compared with."""

    golden: GoldenView
    verdict: Verdict
    rank: int | None
    is_refused: bool
    confidence: float
    threshold: float
    is_words_only: bool
    time_ms: float
    change: Change
    before: int | None

    @property
    def is_miss(self) -> bool:
        return self.verdict in MISSES


def golden_questions(person_id: UUID, collection_id: UUID) -> list[GoldenView]:
    """The newest first. Raises NotFound."""
    rights.require_searchable(person_id, collection_id)
    return _goldens(GoldenQuestion.objects.filter(collection_id=collection_id).order_by("-created_at", "-id"))


def golden_question(person_id: UUID, question_id: UUID) -> GoldenView:
    """Raises NotFound."""
    row = GoldenQuestion.objects.filter(id=question_id).first()
    if row is None or not rights.may_search(person_id, row.collection_id):
        raise question_not_found()
    return _goldens([row])[0]


def runs_of(person_id: UUID, collection_id: UUID, *, limit: int = RUNS_SHOWN) -> list[RunView]:
    """The newest first. Raises NotFound."""
    rights.require_searchable(person_id, collection_id)
    rows = QualityRun.objects.filter(collection_id=collection_id).order_by("-created_at", "-id")
    return _runs(list(rows[:limit]))


def run_view(person_id: UUID, run_id: UUID) -> RunView:
    """Raises NotFound."""
    return _runs([_readable(person_id, run_id)])[0]


def run_before(person_id: UUID, run_id: UUID) -> RunView | None:
    """The last one that was done before it. Raises NotFound."""
    found = _before(_readable(person_id, run_id))
    return _runs([found])[0] if found else None


def figures_of(index_id: UUID) -> RunView | None:
    """The newest run that is done over an index, for whoever decides between two; the caller asks for rights."""
    done = QualityRun.objects.filter(index_id=index_id, done_at__isnull=False).order_by("-created_at").first()
    return _runs([done])[0] if done else None


def results_of(person_id: UUID, run_id: UUID) -> list[ResultView]:
    """Of each question in a run, beside the run before: misses first, then what got worse. Raises NotFound."""
    run = _readable(person_id, run_id)
    found = _results(run, QualityAnswer.objects.filter(run=run).select_related("question"))
    order: dict[Change, int] = {"worse": 0, "new": 1, "same": 2, "better": 3}
    return sorted(found, key=lambda one: (not one.is_miss, order[one.change], -(one.rank or 99)))


def result_of(
    person_id: UUID, run_id: UUID, question_id: UUID
) -> tuple[ResultView, tuple[FoundPassage, ...]]:
    """What one question got in a run, and what was found. Raises NotFound."""
    run = _readable(person_id, run_id)
    row = QualityAnswer.objects.filter(run=run, question_id=question_id).select_related("question").first()
    if row is None:
        raise question_not_found()
    result = _results(run, [row])[0]
    return result, _found(row, result.golden)


def _readable(person_id: UUID, run_id: UUID) -> QualityRun:
    run = QualityRun.objects.filter(id=run_id).first()
    if run is None or not rights.may_search(person_id, run.collection_id):
        raise NotFound("quality_run_not_found", _("This run is not there, or you may not see it."))
    return run


def _before(run: QualityRun) -> QualityRun | None:
    rows = QualityRun.objects.filter(collection_id=run.collection_id, done_at__isnull=False)
    return rows.filter(created_at__lt=run.created_at).order_by("-created_at").first()


def _results(run: QualityRun, rows: Iterable[QualityAnswer]) -> list[ResultView]:
    rows = list(rows)
    before = _before(run)
    earlier: Mapping[UUID, QualityAnswer] = (
        {one.question_id: one for one in QualityAnswer.objects.filter(run=before)} if before else {}
    )
    goldens = {view.id: view for view in _goldens([row.question for row in rows])}
    return [
        ResultView(
            golden=goldens[row.question_id],
            verdict=_verdict(row),
            rank=row.rank,
            is_refused=row.is_refused,
            confidence=row.confidence,
            threshold=row.threshold,
            is_words_only=row.is_words_only,
            time_ms=row.time_ms,
            change=_change(row, earlier.get(row.question_id)),
            before=earlier[row.question_id].rank if row.question_id in earlier else None,
        )
        for row in rows
    ]


def _verdict(row: QualityAnswer) -> Verdict:
    if row.is_unanswerable:
        return "rightly_refused" if row.is_refused else "wrongly_answered"
    if row.rank is None:
        return "missing"
    return "refused" if row.is_refused else "found"


def _change(row: QualityAnswer, before: QualityAnswer | None) -> Change:
    if before is None or before.is_unanswerable != row.is_unanswerable:
        return "new"
    now, then = _worth(row), _worth(before)
    return "better" if now > then else "worse" if now < then else "same"


def _worth(row: QualityAnswer) -> tuple[float, bool]:
    """Greater is better."""
    if row.is_unanswerable:
        return 0.0, row.is_refused
    return (1 / row.rank if row.rank else 0.0), bool(row.rank) and not row.is_refused


def _found(row: QualityAnswer, golden: GoldenView) -> tuple[FoundPassage, ...]:
    texts = _texts(UUID(one["chunk"]) for one in row.found)
    titles = _titles(UUID(one["document"]) for one in row.found)
    found = []
    for rank, one in enumerate(row.found, start=1):
        said = texts.get(UUID(one["chunk"]))
        document_id = UUID(one["document"])
        found.append(
            FoundPassage(
                rank=rank,
                document_id=document_id,
                title=titles.get(document_id, ""),
                context=said.context if said else "",
                text=said.text if said else None,
                number=one["number"],
                page=one["page"],
                score=Score(**one["score"]),
                is_right=said is not None
                and document_id == golden.document_id
                and says(said.text, golden.passage),
            )
        )
    return tuple(found)


def _texts(chunk_ids: Iterable[UUID]) -> dict[UUID, ChunkText]:
    # a run finds ten at most: few enough that SQLite looks each up
    return {row.id: chunk_text(row) for row in Chunk.objects.filter(id__in=list(chunk_ids))}


def _titles(document_ids: Iterable[UUID]) -> dict[UUID, str]:
    rows = Document.objects.filter(id__in=set(document_ids))
    return {row.id: title_of(row) for row in rows}


def _goldens(rows: Iterable[GoldenQuestion]) -> list[GoldenView]:
    rows = list(rows)
    collections = {row.collection_id for row in rows}
    places = {
        place.question_id: place
        for place in GoldenPlace.objects.filter(question__collection_id__in=collections).select_related(
            "document"
        )
    }
    return [_golden(row, places.get(row.id)) for row in rows]


def _golden(row: GoldenQuestion, place: GoldenPlace | None) -> GoldenView:
    return GoldenView(
        id=row.id,
        collection_id=row.collection_id,
        question=question_of(row),
        document_id=place.document_id if place else None,
        document=title_of(place.document) if place else "",
        passage=passage_of(place) if place else "",
        is_unanswerable=row.is_unanswerable,
        created_at=row.created_at,
    )


def _runs(rows: list[QualityRun]) -> list[RunView]:
    open_jobs = [row.job_id for row in rows if row.done_at is None and row.job_id]
    jobs = {job.id: job for job in Job.objects.filter(id__in=open_jobs)}
    return [_run(row, jobs.get(row.job_id) if row.job_id else None) for row in rows]


def _run(row: QualityRun, job: Job | None) -> RunView:
    state: RunState = "done" if row.done_at else "failed"
    if row.done_at is None and job is not None and job.state in UNFINISHED:
        state = "in_work"
    figures = {name: getattr(row, name) for name in Figures.__dataclass_fields__}
    return RunView(
        id=row.id,
        collection_id=row.collection_id,
        index_id=row.index_id,
        encoder=row.encoder,
        chunk_tokens=row.chunk_tokens,
        state=state,
        progress=job.progress if job and state == "in_work" else float(state == "done"),
        problem=_(job.error_message) if job and state == "failed" and job.error_message else "",
        figures=Figures(**figures) if row.done_at else None,
        words_only=row.words_only,
        is_by_itself=row.is_by_itself,
        created_at=row.created_at,
        done_at=row.done_at,
    )

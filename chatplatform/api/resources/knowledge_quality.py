"""Golden questions of collections, and how good their answers are."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from django.http import HttpResponse
from ninja import Field, Query, Router, Schema, Status

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.documentation import CHANGES, FINDS, answers, example
from chatplatform.api.editing import EditorAccess, require_editor
from chatplatform.api.resources.knowledge import COLLECTION
from chatplatform.api.resources.knowledge_search import ScoreOut
from chatplatform.api.schemas import Body, Moment, Text, as_schema
from chatplatform.knowledge.quality import exchange, queries, services
from chatplatform.knowledge.quality.queries import GoldenView, RunView
from chatplatform.knowledge.quality.services import Golden, question_not_found

router = Router(tags=["Knowledge"])
READ = Access(Permission.KNOWLEDGE_READ)
EDIT = EditorAccess()
QUESTIONS = f"{COLLECTION}/golden-questions"
QUESTION = f"{QUESTIONS}/{{uuid:question_id}}"
RUNS = f"{COLLECTION}/quality-runs"
RUN = "knowledge/quality-runs/{uuid:run_id}"


class GoldenIn(Body):
    """Either `document_id`, with words of a passage in it if a certain one has to be found, or `is_unanswerable`."""

    question: Text = Field(..., min_length=1, max_length=2_000)
    document_id: UUID | None = None
    passage: Text = Field("", max_length=4_000)
    is_unanswerable: bool = False


class GoldenOut(Schema):
    """A golden question. `document` is a title; `has_lost_document`: it was deleted, and the question is not
    measured."""

    id: UUID
    question: str
    document_id: UUID | None
    document: str
    passage: str
    is_unanswerable: bool
    has_lost_document: bool
    created_at: Moment


class GoldenList(Schema):
    items: list[GoldenOut]


class GoldenFile(Body):
    """A file of CSV or JSON lines, as the export gives it."""

    content: Text = Field(..., max_length=exchange.MOST_BYTES)


class GoldenProblem(Schema):
    """Which question of the file, from 1, and why it was not taken."""

    number: int
    problem: str


class GoldenImported(Schema):
    """Of those `refused` the first hundred with their `problems`."""

    added: int
    changed: int
    unchanged: int
    refused: int
    problems: list[GoldenProblem]


class WhichForm(Schema):
    form: Literal["csv", "jsonl"] = "jsonl"


class QualityFigures(Schema):
    """Shares and means from 0 to 1, null where no question is of their kind. `refused_rightly` is the share of the
    questions that nothing answers, `refused_wrongly` of the others; `median_ms` is the time of a search."""

    questions: int
    unanswerable: int
    recall_1: float | None
    recall_5: float | None
    recall_10: float | None
    ndcg_10: float | None
    mrr: float | None
    refused_rightly: float | None
    refused_wrongly: float | None
    median_ms: float | None


class QualityRunOut(Schema):
    """A measurement. `figures` once it is done; `words_only` counts the questions for which meaning was not looked
    at."""

    id: UUID
    collection_id: UUID
    index_id: UUID
    encoder: str
    chunk_tokens: int
    state: Literal["in_work", "done", "failed"]
    progress: float
    problem: str
    figures: QualityFigures | None
    words_only: int
    is_by_itself: bool
    created_at: Moment
    done_at: Moment | None


class QualityRunList(Schema):
    items: list[QualityRunOut]


class QualityRunIn(Body):
    """`index_id`: another index of the collection than the one that answers."""

    index_id: UUID | None = None


class QualityResultOut(Schema):
    """What a question got. `rank` counts from 1, null where the right passage was not among the first ten; `change` is
    beside the run before, in which the rank was `before`."""

    question_id: UUID
    question: str
    verdict: Literal["found", "refused", "missing", "rightly_refused", "wrongly_answered"]
    rank: int | None
    is_refused: bool
    confidence: float
    threshold: float
    is_words_only: bool
    time_ms: float
    change: Literal["better", "worse", "same", "new"]
    before: int | None


class QualityResultList(Schema):
    items: list[QualityResultOut]


class QualityPassageOut(Schema):
    """A passage that was found. `text` is null where it is not there any more."""

    rank: int
    document_id: UUID
    title: str
    context: str
    text: str | None
    number: int
    page: int
    is_right: bool
    score: ScoreOut


class QualityResultDetail(Schema):
    result: QualityResultOut
    expected: GoldenOut
    found: list[QualityPassageOut]


@router.get(QUESTIONS, response=answers(GoldenList, errors=FINDS), auth=READ, summary="List golden questions")
def list_golden(request: ApiRequest, collection_id: UUID) -> dict[str, Any]:
    """The newest first."""
    found = queries.golden_questions(request.caller.id, collection_id)
    return {"items": [as_schema(GoldenOut, view) for view in found]}


@router.post(
    QUESTIONS,
    response=answers(GoldenOut, status=201, errors=CHANGES),
    auth=EDIT,
    summary="Add a golden question",
    openapi_extra=example({"question": "Who sells canoes?", "is_unanswerable": True}),
)
def add_golden(request: ApiRequest, collection_id: UUID, body: GoldenIn) -> Status[dict[str, Any]]:
    require_editor(request, collection_id)
    made = services.add_question(collection_id, Golden(**body.dict()), actor=request.caller.actor)
    return Status(201, as_schema(GoldenOut, queries.golden_question(request.caller.id, made)))


@router.put(
    QUESTION,
    response=answers(GoldenOut, errors=CHANGES),
    auth=EDIT,
    summary="Change a golden question",
    openapi_extra=example({"question": "Who sells canoes?", "is_unanswerable": True}),
)
def change_golden(
    request: ApiRequest, collection_id: UUID, question_id: UUID, body: GoldenIn
) -> dict[str, Any]:
    _golden(request, collection_id, question_id)
    services.change_question(question_id, Golden(**body.dict()), actor=request.caller.actor)
    return as_schema(GoldenOut, queries.golden_question(request.caller.id, question_id))


@router.delete(
    QUESTION,
    response=answers(None, status=204, errors=CHANGES),
    auth=EDIT,
    summary="Remove a golden question",
)
def remove_golden(request: ApiRequest, collection_id: UUID, question_id: UUID) -> Status[None]:
    """What was measured before stays."""
    _golden(request, collection_id, question_id)
    services.remove_question(question_id, actor=request.caller.actor)
    return Status(204, None)


@router.get(
    f"{QUESTIONS}/export",
    response=answers(str, errors=FINDS),
    auth=EDIT,
    summary="Export golden questions",
)
def export_golden(request: ApiRequest, collection_id: UUID, which: Query[WhichForm]) -> HttpResponse:
    """As JSON lines or CSV. That they were exported is recorded."""
    require_editor(request, collection_id)
    told = exchange.export_questions(collection_id, which.form, actor=request.caller.actor)
    kind = "text/csv" if which.form == "csv" else "application/jsonl"
    return HttpResponse(told, content_type=f"{kind}; charset=utf-8")


@router.post(
    f"{QUESTIONS}/import",
    response=answers(GoldenImported, errors=CHANGES),
    auth=EDIT,
    summary="Import golden questions",
    openapi_extra=example({"content": '{"question": "Who sells canoes?", "unanswerable": true}\n'}),
)
def import_golden(request: ApiRequest, collection_id: UUID, body: GoldenFile) -> GoldenImported:
    """One that is there already is changed to what the file says."""
    require_editor(request, collection_id)
    done = exchange.import_questions(collection_id, body.content.encode(), actor=request.caller.actor)
    problems = [GoldenProblem(number=number, problem=why) for number, why in done.problems]
    return GoldenImported(**as_schema(GoldenImported, done, problems=problems))


@router.get(RUNS, response=answers(QualityRunList, errors=FINDS), auth=READ, summary="List measurements")
def list_runs(request: ApiRequest, collection_id: UUID) -> dict[str, Any]:
    """The newest first, fifty at most."""
    return {"items": [_run(view) for view in queries.runs_of(request.caller.id, collection_id)]}


@router.post(
    RUNS,
    response=answers(QualityRunOut, status=201, errors=CHANGES),
    auth=EDIT,
    summary="Measure a collection",
    openapi_extra=example({}),
)
def begin_run(request: ApiRequest, collection_id: UUID, body: QualityRunIn) -> Status[dict[str, Any]]:
    """With your rights. Ask for it until its `state` is `done` or `failed`."""
    require_editor(request, collection_id)
    made = services.begin_run(collection_id, index_id=body.index_id, actor=request.caller.actor)
    return Status(201, _run(queries.run_view(request.caller.id, made)))


@router.get(RUN, response=answers(QualityRunOut, errors=FINDS), auth=READ, summary="Get a measurement")
def get_run(request: ApiRequest, run_id: UUID) -> dict[str, Any]:
    return _run(queries.run_view(request.caller.id, run_id))


@router.get(
    f"{RUN}/results",
    response=answers(QualityResultList, errors=FINDS),
    auth=READ,
    summary="List what golden questions got",
)
def list_results(request: ApiRequest, run_id: UUID) -> dict[str, Any]:
    """Misses first, then what got worse."""
    return {"items": [_result(view) for view in queries.results_of(request.caller.id, run_id)]}


@router.get(
    f"{RUN}/results/{{uuid:question_id}}",
    response=answers(QualityResultDetail, errors=FINDS),
    auth=READ,
    summary="Get what a golden question found",
)
def get_result(request: ApiRequest, run_id: UUID, question_id: UUID) -> dict[str, Any]:
    view, found = queries.result_of(request.caller.id, run_id, question_id)
    return {
        "result": _result(view),
        "expected": as_schema(GoldenOut, view.golden),
        "found": [as_schema(QualityPassageOut, one, score=as_schema(ScoreOut, one.score)) for one in found],
    }


def _golden(request: ApiRequest, collection_id: UUID, question_id: UUID) -> GoldenView:
    require_editor(request, collection_id)
    found = queries.golden_question(request.caller.id, question_id)
    if found.collection_id != collection_id:
        raise question_not_found()
    return found


def _run(view: RunView) -> dict[str, Any]:
    figures = as_schema(QualityFigures, view.figures) if view.figures else None
    return as_schema(QualityRunOut, view, figures=figures)


def _result(view: queries.ResultView) -> dict[str, Any]:
    return as_schema(QualityResultOut, view, question_id=view.golden.id, question=view.golden.question)

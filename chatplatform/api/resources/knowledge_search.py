"""Searching collections, and the questions that found nothing."""

from __future__ import annotations

from typing import Any, Literal, cast
from uuid import UUID

from asgiref.sync import async_to_sync
from ninja import Field, Query, Router, Schema, Status

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.documentation import CHANGES, answers, example
from chatplatform.api.resources.knowledge import COLLECTION
from chatplatform.api.schemas import Body, Moment, Text
from chatplatform.knowledge.gaps import services as gap_services
from chatplatform.knowledge.gaps.queries import read_gaps
from chatplatform.knowledge.retrieval import Passage, retrieve
from chatplatform.knowledge.rights import scope_of_collection

router = Router(tags=["Knowledge"])
READ = Access(Permission.KNOWLEDGE_READ)
EDIT = Access(Permission.KNOWLEDGE_EDIT)
PURPOSE = "knowledge.search"
GapState = Literal["open", "answered", "closed"]
GapCause = Literal["unanswered", "judged"]


class SearchIn(Body):
    question: Text = Field(..., min_length=1, max_length=2_000)
    most: int = Field(8, ge=1, le=20, description="How many passages at most.")


class ScoreOut(Schema):
    """How a passage came to its place. `dense` is the cosine of meanings, null where meaning was not looked at;
    `lexical` is BM25 of words, `coverage` the share of the question's words in it; `fused` is what the order is by, but
    for passages that a reranker has seen: they come first, by `reranked`. `confidence` is the probability that the
    passage answers."""

    dense: float | None
    lexical: float
    coverage: float
    fused: float
    confidence: float
    reranked: float | None


class FoundOut(Schema):
    """A passage. `before` and `after` are the text around it; `start` and `end` are characters of the document's text,
    `page` counts from 1, 0 where there are none."""

    document_id: UUID
    number: int
    title: str
    origin: str
    context: str
    text: str
    before: str
    after: str
    start: int
    end: int
    page: int
    tokens: int
    score: ScoreOut


class SearchOut(Schema):
    """Best first. `is_confident`: one of them fits well enough for an assistant that answers from passages only.
    `degraded` is `words_only` while the embedding model or the vector store does not answer, and `untranslated` where
    that model reads English only and the question was not translated: words alone decided. `translation` is the
    question in English, where it was searched for in English too; else empty. `reranking` is `off` where
    no reranker is named or there is nothing to order, `done`, or `missed` where it did not answer in time."""

    items: list[FoundOut]
    is_confident: bool
    threshold: float
    degraded: str
    translation: str
    reranking: str
    time_ms: float


class GapOut(Schema):
    """A question that no passage answered, or whose answer was judged to be bad, asked by so many `people`."""

    id: UUID
    assistant_id: UUID
    assistant: str
    question: str
    people: int
    times: int
    cause: GapCause
    state: GapState
    document_id: UUID | None
    first_asked_at: Moment
    asked_at: Moment


class GapList(Schema):
    items: list[GapOut]


class WhichGaps(Schema):
    state: GapState = "open"
    assistant_id: UUID | None = None
    limit: int = Field(50, ge=1, le=200)


class GapAnswer(Body):
    """`question` as others are to read it."""

    collection_id: UUID
    question: Text = Field(..., max_length=20_000)
    answer: Text = Field(..., max_length=20_000)


class GapAnswered(Schema):
    document_id: UUID


@router.post(
    f"{COLLECTION}/search",
    response=answers(SearchOut, errors=CHANGES),
    auth=READ,
    summary="Search a collection",
    openapi_extra=example({"question": "How long may I send something back?"}),
)
def search(request: ApiRequest, collection_id: UUID, body: SearchIn) -> SearchOut:
    """By meaning and by words at once, as assistants do, in English and Chinese and across them."""
    scope = scope_of_collection(request.caller.id, collection_id)
    found = async_to_sync(retrieve)(
        scope, body.question, actor=request.caller.actor, purpose=PURPOSE, most=body.most
    )
    return SearchOut(
        items=[_found(passage) for passage in found.passages],
        is_confident=found.is_confident,
        threshold=found.threshold,
        degraded=found.degraded,
        translation=found.translation,
        reranking=found.reranking,
        time_ms=found.timings_ms.total,
    )


@router.get("knowledge/gaps", response=answers(GapList), auth=EDIT, summary="List unanswered questions")
def list_gaps(request: ApiRequest, which: Query[WhichGaps]) -> dict[str, Any]:
    """Of assistants that answer from collections whose documents you may change; what most people asked first. That
    you read them is recorded."""
    found = read_gaps(
        state=which.state, assistant_id=which.assistant_id, limit=which.limit, actor=request.caller.actor
    )
    return {
        "items": [
            GapOut(
                id=view.id,
                assistant_id=view.assistant_id,
                assistant=view.assistant,
                question=view.question,
                people=view.people,
                times=view.times,
                cause=cast(GapCause, view.cause),
                state=cast(GapState, view.state),
                document_id=view.document_id,
                first_asked_at=view.first_asked_at,
                asked_at=view.asked_at,
            )
            for view in found
        ]
    }


@router.post(
    "knowledge/gaps/{uuid:gap_id}/close",
    response=answers(None, status=204, errors=CHANGES),
    auth=EDIT,
    summary="Close a question",
)
def close_gap(request: ApiRequest, gap_id: UUID) -> Status[None]:
    """Nothing is to be written to it."""
    gap_services.close_gap(gap_id, actor=request.caller.actor)
    return Status(204, None)


@router.post(
    "knowledge/gaps/{uuid:gap_id}/answer",
    response=answers(GapAnswered, status=201, errors=CHANGES),
    auth=EDIT,
    summary="Answer a question",
)
def answer_gap(request: ApiRequest, gap_id: UUID, body: GapAnswer) -> Status[GapAnswered]:
    """Writes it into a collection, as a document of one question and answer."""
    made = gap_services.answer_gap(
        gap_id, body.collection_id, body.question, body.answer, actor=request.caller.actor
    )
    return Status(201, GapAnswered(document_id=made))


def _found(passage: Passage) -> FoundOut:
    score = passage.score
    return FoundOut(
        document_id=passage.document_id,
        number=passage.number,
        title=passage.title,
        origin=passage.origin,
        context=passage.context,
        text=passage.text,
        before=passage.before,
        after=passage.after,
        start=passage.start,
        end=passage.end,
        page=passage.page,
        tokens=passage.tokens,
        score=ScoreOut(
            dense=score.dense,
            lexical=score.lexical,
            coverage=score.coverage,
            fused=score.fused,
            confidence=score.confidence,
            reranked=score.reranked,
        ),
    )

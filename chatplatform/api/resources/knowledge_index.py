"""The index of a collection, and changing to another one while search goes on."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from ninja import Field, Query, Router, Schema, Status

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.documentation import CHANGES, FINDS, answers, example
from chatplatform.api.resources.knowledge import COLLECTION
from chatplatform.api.schemas import Body, Moment
from chatplatform.knowledge import rebuilding
from chatplatform.knowledge.chunk_sizes import CHOICES, DEFAULT_TOKENS, LEAST_TOKENS, MOST_TOKENS
from chatplatform.knowledge.indexes import indexes_of
from chatplatform.knowledge.rebuild_estimate import rebuild_estimates

router = Router(tags=["Knowledge"])
READ = Access(Permission.KNOWLEDGE_READ)
MANAGE = Access(Permission.KNOWLEDGE_MANAGE)


class IndexOut(Schema):
    """All that is made of a collection's documents to find them. Of `documents` that were read, `done` are in it,
    `waiting` are on their way and `failed` could not be put into it. `progress` is from 0 to 1."""

    id: UUID
    state: Literal["building", "live", "old"]
    encoder: str = Field(..., description="The embedding model; empty until the first document is in it.")
    chunk_tokens: int = Field(..., description="A passage has so many tokens at most.")
    documents: int
    done: int
    waiting: int
    failed: int
    chunks: int
    tokens: int
    progress: float
    is_ready: bool = Field(..., description="It was built, and may be used or given up.")
    created_at: Moment
    changed_at: Moment | None


class IndexesOut(Schema):
    """`live` answers, `building` is built beside it, `before` can be gone back to; null where there is none."""

    live: IndexOut | None
    building: IndexOut | None
    before: IndexOut | None


class IndexWish(Body):
    chunk_tokens: int = Field(
        DEFAULT_TOKENS,
        ge=LEAST_TOKENS,
        le=MOST_TOKENS,
        description="A passage has so many tokens at most.",
    )


class EstimateOut(Schema):
    """About what another index costs. `seconds` is null where nothing was measured here yet, and all is 0 while no
    document can be found."""

    chunk_tokens: int
    documents: int
    chunks: int
    tokens: int
    seconds: float | None


class EstimateList(Schema):
    items: list[EstimateOut]


class EstimateQuery(Schema):
    chunk_tokens: list[int] = Field(
        list(CHOICES), min_length=1, max_length=8, description="For passages of so many tokens at most."
    )


@router.get(
    f"{COLLECTION}/index", response=answers(IndexesOut, errors=FINDS), auth=READ, summary="Get the index"
)
def get_index(request: ApiRequest, collection_id: UUID) -> IndexesOut:
    """What the collection is searched with, and how far another one is."""
    return _out(request, collection_id)


@router.get(
    f"{COLLECTION}/index/estimate",
    response=answers(EstimateList, errors=FINDS),
    auth=MANAGE,
    summary="Estimate another index",
)
def estimate_index(request: ApiRequest, collection_id: UUID, wish: Query[EstimateQuery]) -> dict[str, Any]:
    """Some documents are cut to tell; nothing is embedded and nothing changes."""
    found = rebuild_estimates(collection_id, wish.chunk_tokens, actor=request.caller.actor)
    return {"items": [EstimateOut.model_validate(one, from_attributes=True) for one in found]}


@router.post(
    f"{COLLECTION}/index",
    response=answers(IndexesOut, status=201, errors=CHANGES),
    auth=MANAGE,
    summary="Build another index",
    openapi_extra=example({"chunk_tokens": DEFAULT_TOKENS}),
)
def build_index(request: ApiRequest, collection_id: UUID, body: IndexWish) -> Status[IndexesOut]:
    """Beside the present one, which goes on answering, with the embedding model that serves now. An index that could
    be gone back to is removed. Once `building.is_ready`, use it or give it up."""
    rebuilding.build_anew(collection_id, chunk_tokens=body.chunk_tokens, actor=request.caller.actor)
    return Status(201, _out(request, collection_id))


@router.post(
    f"{COLLECTION}/index/use",
    response=answers(IndexesOut, errors=CHANGES),
    auth=MANAGE,
    summary="Use the index that was built",
)
def use_index(request: ApiRequest, collection_id: UUID) -> IndexesOut:
    """It answers from the next question on; the one before is kept until another is built."""
    rebuilding.use(collection_id, actor=request.caller.actor)
    return _out(request, collection_id)


@router.post(
    f"{COLLECTION}/index/give-up",
    response=answers(IndexesOut, errors=CHANGES),
    auth=MANAGE,
    summary="Give up the index that is built",
)
def give_up_index(request: ApiRequest, collection_id: UUID) -> IndexesOut:
    """What was built of it is removed; the present one stays."""
    rebuilding.give_up(collection_id, actor=request.caller.actor)
    return _out(request, collection_id)


@router.post(
    f"{COLLECTION}/index/go-back",
    response=answers(IndexesOut, errors=CHANGES),
    auth=MANAGE,
    summary="Go back to the index before",
)
def go_back(request: ApiRequest, collection_id: UUID) -> IndexesOut:
    """What came since is put into it; the present one is kept in its place."""
    rebuilding.go_back(collection_id, actor=request.caller.actor)
    return _out(request, collection_id)


def _out(request: ApiRequest, collection_id: UUID) -> IndexesOut:
    return IndexesOut.model_validate(indexes_of(request.caller.id, collection_id), from_attributes=True)

"""What an answer cites: numbered passages."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from ninja import Field, Router, Schema

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.documentation import FINDS, answers
from chatplatform.chat.knowledge.evidence import evidence_of_turn
from chatplatform.chat.sources import queries
from chatplatform.chat.sources.passages import Source

router = Router(tags=["Conversations"])
ACCESS = Access(Permission.CHAT)


class SourceOut(Schema):
    """What `[number]` in the answer stands for. `passage` is what the model was given; `before` and `after` are the
    text around it. `start` and `end` are its place in the document's text, in characters; pages count from 1."""

    number: int
    kind: Literal["file", "document", "web", "tool"]
    title: str
    document_id: UUID | None
    page: int | None
    url: str = Field(..., description="A whole address of the web, or empty.")
    start: int | None
    end: int | None
    passage: str
    before: str
    after: str


class SourceList(Schema):
    items: list[SourceOut]


class EvidenceOut(Schema):
    """A sentence of the answer that states something. `number` is the source that supports it; of one that none
    supports, the closest. `closest`: with this embedding model nothing is said but which source is the closest."""

    text: str
    state: Literal["supported", "unsupported", "closest"]
    number: int


class EvidenceList(Schema):
    items: list[EvidenceOut]


@router.get(
    "turns/{uuid:turn_id}/sources",
    response=answers(SourceList, errors=FINDS),
    auth=ACCESS,
    summary="List the sources of an answer",
)
def list_sources(request: ApiRequest, turn_id: UUID) -> dict[str, Any]:
    """By number; empty for an answer that was given without."""
    return {"items": [_out(source) for source in queries.sources_of_turn(request.caller.id, turn_id)]}


@router.get(
    "turns/{uuid:turn_id}/sources/{int:number}",
    response=answers(SourceOut, errors=FINDS),
    auth=ACCESS,
    summary="Get a source of an answer",
)
def get_source(request: ApiRequest, turn_id: UUID, number: int) -> SourceOut:
    return _out(queries.source_of_turn(request.caller.id, turn_id, number))


@router.get(
    "turns/{uuid:turn_id}/evidence",
    response=answers(EvidenceList, errors=(*FINDS, 409)),
    auth=ACCESS,
    summary="See which sentences of an answer its sources support",
)
def get_evidence(request: ApiRequest, turn_id: UUID) -> dict[str, Any]:
    """Found out when it is asked for first, by numbers, negations, names, words and meaning: a hint, not a proof."""
    found = evidence_of_turn(request.caller.id, turn_id)
    return {"items": [statement.model_dump() for statement in found]}


def _out(source: Source) -> SourceOut:
    return SourceOut(**source.model_dump())

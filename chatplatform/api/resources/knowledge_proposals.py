"""Golden questions that a model proposes: asked for, looked at, accepted and rejected."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from ninja import Field, Router, Schema, Status

from chatplatform.api.callers import ApiRequest
from chatplatform.api.documentation import CHANGES, FINDS, answers, example
from chatplatform.api.editing import EditorAccess, require_editor
from chatplatform.api.resources.knowledge import COLLECTION
from chatplatform.api.resources.knowledge_quality import GoldenOut
from chatplatform.api.schemas import Body, Moment, Text, as_schema
from chatplatform.knowledge.quality import proposal_queries, proposals, queries

router = Router(tags=["Knowledge"])
EDIT = EditorAccess()
PROPOSALS = f"{COLLECTION}/proposed-questions"
PROPOSAL = f"{PROPOSALS}/{{uuid:proposal_id}}"


class ProposalRunIn(Body):
    """About how many passages a model is asked."""

    passages: int = Field(proposals.USUAL_PASSAGES, ge=1, le=proposals.MOST_PASSAGES)


class ProposalRunOut(Schema):
    """The newest time that a model was asked. `left_out` counts the passages for which it wrote no question that is
    worth a look."""

    id: UUID
    state: Literal["in_work", "done", "failed"]
    progress: float
    proposed: int
    left_out: int
    problem: str
    created_at: Moment
    done_at: Moment | None


class ProposalOut(Schema):
    """A question that waits for a person's look. `document` is a title, `passage` the words that answer it."""

    id: UUID
    question: str
    document_id: UUID
    document: str
    passage: str
    created_at: Moment


class ProposalList(Schema):
    """`run` is null where no model was asked yet."""

    run: ProposalRunOut | None
    items: list[ProposalOut]


class ProposalAccepted(Body):
    """`question`: other words than those that were proposed."""

    question: Text | None = Field(None, min_length=1, max_length=2_000)


@router.get(
    PROPOSALS, response=answers(ProposalList, errors=FINDS), auth=EDIT, summary="List proposed questions"
)
def list_proposals(request: ApiRequest, collection_id: UUID) -> dict[str, Any]:
    """The oldest first. They are in no measurement before they are accepted."""
    require_editor(request, collection_id)
    found = proposal_queries.proposals_of(request.caller.id, collection_id)
    return {
        "run": _run(request, collection_id),
        "items": [as_schema(ProposalOut, view) for view in found],
    }


@router.post(
    PROPOSALS,
    response=answers(ProposalRunOut, status=201, errors=CHANGES),
    auth=EDIT,
    summary="Have golden questions proposed",
    openapi_extra=example({"passages": 10}),
)
def begin_proposals(
    request: ApiRequest, collection_id: UUID, body: ProposalRunIn
) -> Status[dict[str, Any] | None]:
    """With your rights: the chat model is asked for one question about each passage. List them until `state` of the
    run is `done` or `failed`."""
    require_editor(request, collection_id)
    proposals.begin_proposals(collection_id, body.passages, actor=request.caller.actor)
    return Status(201, _run(request, collection_id))


@router.post(
    f"{PROPOSAL}/accept",
    response=answers(GoldenOut, status=201, errors=CHANGES),
    auth=EDIT,
    summary="Accept a proposed question",
    openapi_extra=example({"question": "Who pays the postage of returned goods?"}),
)
def accept_proposal(
    request: ApiRequest, collection_id: UUID, proposal_id: UUID, body: ProposalAccepted
) -> Status[dict[str, Any]]:
    """It becomes a golden question."""
    _require(request, collection_id, proposal_id)
    made = proposals.accept_proposal(proposal_id, body.question, actor=request.caller.actor)
    return Status(201, as_schema(GoldenOut, queries.golden_question(request.caller.id, made)))


@router.delete(
    PROPOSAL,
    response=answers(None, status=204, errors=CHANGES),
    auth=EDIT,
    summary="Reject a proposed question",
)
def reject_proposal(request: ApiRequest, collection_id: UUID, proposal_id: UUID) -> Status[None]:
    """The same is not proposed again."""
    _require(request, collection_id, proposal_id)
    proposals.reject_proposal(proposal_id, actor=request.caller.actor)
    return Status(204, None)


def _require(request: ApiRequest, collection_id: UUID, proposal_id: UUID) -> None:
    require_editor(request, collection_id)
    if proposal_queries.proposal_view(request.caller.id, proposal_id).collection_id != collection_id:
        raise proposals.proposal_not_found()


def _run(request: ApiRequest, collection_id: UUID) -> dict[str, Any] | None:
    run = proposal_queries.proposal_run_of(request.caller.id, collection_id)
    return as_schema(ProposalRunOut, run) if run else None

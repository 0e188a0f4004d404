"""Proposed questions and how far a model is with them, for whoever may change the documents. In a workspace scope."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from django.utils.translation import gettext as _

from chatplatform.common.actors import Actor
from chatplatform.jobs.models import UNFINISHED, Job
from chatplatform.knowledge import rights
from chatplatform.knowledge.quality.content import opened_proposal, title_of
from chatplatform.knowledge.quality.models import Proposal, ProposalRun
from chatplatform.knowledge.quality.proposals import proposal_not_found


@dataclass(frozen=True, slots=True)
class ProposalView:
    """A question that waits for somebody's look, with the title of the document and the passage that answers it."""

    id: UUID
    collection_id: UUID
    question: str = field(repr=False)
    document_id: UUID
    document: str = field(repr=False)
    passage: str = field(repr=False)
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ProposalRunView:
    """The newest time that a model was asked. `progress` from 0 to 1; `problem` says why it failed, or why it waits to
    be tried again."""

    id: UUID
    state: Literal["in_work", "done", "failed"]
    progress: float
    proposed: int
    left_out: int
    problem: str
    created_at: datetime
    done_at: datetime | None


def proposals_of(person_id: UUID, collection_id: UUID) -> list[ProposalView]:
    """Those that are open, the oldest first. Raises NotFound, NotAllowed."""
    rights.require_edit(Actor.person(person_id), collection_id)
    rows = Proposal.objects.filter(collection_id=collection_id, state=Proposal.State.OPEN)
    return [_view(row) for row in rows.select_related("document").order_by("created_at", "id")]


def proposal_view(person_id: UUID, proposal_id: UUID) -> ProposalView:
    """Raises NotFound, NotAllowed."""
    rows = Proposal.objects.filter(id=proposal_id, state=Proposal.State.OPEN).select_related("document")
    row = rows.first()
    if row is None:
        raise proposal_not_found()
    rights.require_edit(Actor.person(person_id), row.collection_id)
    return _view(row)


def proposal_run_of(person_id: UUID, collection_id: UUID) -> ProposalRunView | None:
    """Raises NotFound, NotAllowed."""
    rights.require_edit(Actor.person(person_id), collection_id)
    row = ProposalRun.objects.filter(collection_id=collection_id).first()
    if row is None:
        return None
    job = Job.objects.filter(id=row.job_id).first() if row.job_id else None
    is_in_work = row.done_at is None and job is not None and job.state in UNFINISHED
    return ProposalRunView(
        id=row.id,
        state="in_work" if is_in_work else "done" if row.done_at else "failed",
        progress=row.asked / len(row.passages) if row.passages else float(bool(row.done_at)),
        proposed=row.proposed,
        left_out=row.left_out,
        problem=_(job.error_message) if job and row.done_at is None and job.error_message else "",
        created_at=row.created_at,
        done_at=row.done_at,
    )


def _view(row: Proposal) -> ProposalView:
    question, passage = opened_proposal(row)
    return ProposalView(
        id=row.id,
        collection_id=row.collection_id,
        question=question,
        document_id=row.document_id,
        document=title_of(row.document),
        passage=passage,
        created_at=row.created_at,
    )

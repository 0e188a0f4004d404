"""A model is asked to propose golden questions; people accept, change or reject what it proposes. Each act is one
transaction, in a workspace scope."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, InvalidInput, NotFound
from chatplatform.common.ids import new_id
from chatplatform.jobs.models import UNFINISHED, Job
from chatplatform.jobs.services import enqueue
from chatplatform.knowledge import rights
from chatplatform.knowledge.models import Chunk, Collection
from chatplatform.knowledge.quality import audit_events as events
from chatplatform.knowledge.quality.content import opened_proposal
from chatplatform.knowledge.quality.models import Proposal, ProposalRun
from chatplatform.knowledge.quality.services import Golden, add_question

PROPOSE_JOB: Final = "knowledge.propose"
USUAL_PASSAGES: Final = 10
MOST_PASSAGES: Final = 50
# more than people look at: whoever wants others looks at these first
MOST_OPEN: Final = 200


def begin_proposals(collection_id: UUID, most: int = USUAL_PASSAGES, *, actor: Actor) -> UUID:
    """Have a model asked about `most` passages, 50 at most, with the actor's rights; gives the run's id.

    Raises NotFound, NotAllowed, InvalidInput, and Conflict where there is no passage, where it is asked already, and
    where so many proposals wait that somebody has to look at them first.
    """
    rights.require_edit(actor, collection_id)
    return begin_proposals_as(UUID(actor.id), collection_id, most, actor=actor)


def begin_proposals_as(person_id: UUID, collection_id: UUID, most: int, *, actor: Actor) -> UUID:
    """The same on behalf of a person, who has to be allowed to change the collection's documents."""
    rights.require_edit(Actor.person(person_id), collection_id)
    if not 1 <= most <= MOST_PASSAGES:
        raise InvalidInput(
            "proposals_number",
            _("A model is asked about 1 to %(n)d passages at a time.") % {"n": MOST_PASSAGES},
        )
    with transaction.atomic():
        collection = Collection.objects.select_for_update().get(id=collection_id)
        index_id = _index_with_room(collection)
        before = ProposalRun.objects.filter(collection=collection).first()
        if before is not None:
            if before.job_id and Job.objects.filter(id=before.job_id, state__in=UNFINISHED).exists():
                raise Conflict("proposals_under_way", _("Questions are being proposed already."))
            before.delete()
        run = ProposalRun(
            id=new_id(),
            workspace_id=collection.workspace_id,
            collection=collection,
            index_id=index_id,
            person_id=person_id,
            wanted=most,
        )
        run.job_id = enqueue(
            PROPOSE_JOB, args={"run_id": str(run.id)}, actor=actor, workspace_id=collection.workspace_id
        )
        run.save(force_insert=True)
        record(
            events.PROPOSALS_BEGUN,
            actor=actor,
            workspace_id=collection.workspace_id,
            target=Target("collection", str(collection_id)),
            details={"run_id": str(run.id), "index_id": str(index_id), "passages": most},
        )
    return run.id


def accept_proposal(proposal_id: UUID, question: str | None = None, *, actor: Actor) -> UUID:
    """Make it a golden question, in other words where `question` says so; gives that one's id.

    Raises NotFound, NotAllowed, and what adding a golden question raises; the proposal stays then.
    """
    with transaction.atomic():
        row = _open_proposal(proposal_id, actor)
        proposed, passage = opened_proposal(row)
        asked = proposed if question is None else question.strip()
        made = add_question(row.collection_id, Golden(asked, row.document_id, passage), actor=actor)
        record(
            events.PROPOSAL_ACCEPTED,
            actor=actor,
            workspace_id=row.workspace_id,
            target=Target("proposal", str(row.id)),
            details={
                "collection_id": str(row.collection_id),
                "question_id": str(made),
                "is_changed": asked != proposed,
            },
        )
        row.delete()
    return made


def reject_proposal(proposal_id: UUID, *, actor: Actor) -> None:
    """Its words go; keyed hashes stay, so that it is not proposed again. Raises NotFound, NotAllowed."""
    with transaction.atomic():
        row = _open_proposal(proposal_id, actor)
        row.state, row.question, row.passage = Proposal.State.REJECTED, b"", b""
        row.save()
        record(
            events.PROPOSAL_REJECTED,
            actor=actor,
            workspace_id=row.workspace_id,
            target=Target("proposal", str(row.id)),
            details={"collection_id": str(row.collection_id)},
        )


def _index_with_room(collection: Collection) -> UUID:
    """The index that answers, where it has passages and people have not left too many proposals unseen."""
    live = collection.live_index_id
    if live is None or not Chunk.objects.filter(index_id=live).exists():
        raise Conflict(
            "proposals_no_passages",
            _("There is nothing to ask about: add a document that can be searched first."),
        )
    if Proposal.objects.filter(collection=collection, state=Proposal.State.OPEN).count() >= MOST_OPEN:
        raise Conflict(
            "proposals_too_many",
            _("Many proposed questions wait already. Accept or reject some of them first."),
        )
    return live


def _open_proposal(proposal_id: UUID, actor: Actor) -> Proposal:
    rows = Proposal.objects.select_for_update(of=("self",)).filter(collection__deleted_at=None)
    row = rows.filter(id=proposal_id, state=Proposal.State.OPEN).first()
    if row is None:
        raise proposal_not_found()
    rights.require_edit(actor, row.collection_id)
    return row


def proposal_not_found() -> NotFound:
    return NotFound(
        "proposal_not_found", _("This proposed question is not there any more, or you may not see it.")
    )

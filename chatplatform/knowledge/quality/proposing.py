"""A model is asked for one question about each of some passages, one after the other.

What came of each is committed at once, so a job that was killed goes on where it stopped. A passage may hold hidden
instructions: the worst that comes of them is a bad proposal, which a person rejects.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Unavailable
from chatplatform.inference import gateway
from chatplatform.inference.gateway import ContextOverflow, EngineUnavailable, Sampling, TextDelta
from chatplatform.jobs.registry import JobLost, RunningJob
from chatplatform.knowledge import rights
from chatplatform.knowledge.chunk_text import chunk_text
from chatplatform.knowledge.models import Chunk, Document
from chatplatform.knowledge.quality.content import PASSAGE_CHARS, likeness, seal_proposal, title_of
from chatplatform.knowledge.quality.models import GoldenQuestion, Proposal, ProposalRun
from chatplatform.knowledge.quality.proposal_choice import chosen_passages
from chatplatform.knowledge.quality.proposal_guards import proposed_in
from chatplatform.knowledge.quality.proposal_wording import request_for
from chatplatform.privacy.clearance import ClearedPrompt, clear
from chatplatform.privacy.subjects import Subject

PURPOSE: Final = "knowledge.propose"
MODEL: Final = "chat"
SAMPLING: Final = Sampling(temperature=0.2, max_tokens=160)


def propose(job: RunningJob) -> None:
    """Raises NotFound or NotAllowed where the person of the run may not change the collection any more, Unavailable
    where no model answers, and what else the gateway raises."""
    run = ProposalRun.objects.filter(id=UUID(job.args["run_id"])).first()
    if run is None or run.done_at is not None:
        return
    person = Actor.person(run.person_id)
    rights.require_edit(person, run.collection_id)
    if run.passages is None:
        chosen = chosen_passages(run.collection_id, run.index_id, run.wanted)
        run.passages = [str(each) for each in chosen]
        ProposalRun.objects.filter(id=run.id).update(passages=run.passages)
    for number in range(run.asked, len(run.passages)):
        job.progress(number / len(run.passages), _("Asking the model"))
        rights.require_edit(person, run.collection_id)
        found = _asked(run, UUID(run.passages[number]), person)
        # or not, if it was called off meanwhile
        job.progress(number / len(run.passages), _("Keeping what it proposes"))
        _keep(run, number, *found, job)
    with job.finishing():
        ProposalRun.objects.filter(id=run.id).update(done_at=now())


def _asked(run: ProposalRun, chunk_id: UUID, person: Actor) -> tuple[Chunk | None, str, str]:
    """The chunk, the question that the model proposes for it, and its words; no question where none is fit."""
    chunk = Chunk.objects.filter(id=chunk_id).select_related("document").first()
    if chunk is None:
        return None, "", ""  # its document was deleted or read anew meanwhile
    said = chunk_text(chunk)
    cleared = clear(
        request_for(title_of(chunk.document), said),
        subject=Subject.workspace(run.workspace_id),
        workspace_id=run.workspace_id,
        actor=person,
        purpose=PURPOSE,
        destination=gateway.destination(MODEL),
    )
    try:
        reply = asyncio.run(_generate(cleared))
    except ContextOverflow:
        reply = ""
    except EngineUnavailable as error:
        raise Unavailable(
            "knowledge.no_model",
            _(
                "The chat model does not answer. See under Models whether it is there and runs, then propose again."
            ),
            retry_after_s=error.retry_after_s,
        ) from error
    # the words of a place are a span of the document: the beginning of one is one too
    return chunk, proposed_in(reply, said.embedded), said.text[:PASSAGE_CHARS]


async def _generate(cleared: ClearedPrompt) -> str:
    stream = gateway.stream(cleared, model=MODEL, sampling=SAMPLING, priority="background")
    async with aclosing(stream) as events:
        return "".join([event.text async for event in events if isinstance(event, TextDelta)])


def _keep(
    run: ProposalRun, number: int, chunk: Chunk | None, question: str, passage: str, job: RunningJob
) -> None:
    """What came of the passage with this number, and that it was asked; `question` is empty where nothing did."""
    with transaction.atomic():
        if not ProposalRun.objects.select_for_update().filter(id=run.id, asked=number).exists():
            raise JobLost(job.id)  # another worker has it, or another run was begun
        is_proposed = False
        if chunk is not None and Document.objects.select_for_update().filter(id=chunk.document_id).exists():
            is_proposed = _write(run, chunk, question, passage)
        counted = "proposed" if is_proposed else "left_out"
        ProposalRun.objects.filter(id=run.id).update(asked=number + 1, **{counted: F(counted) + 1})


def _write(run: ProposalRun, chunk: Chunk, question: str, passage: str) -> bool:
    row = Proposal.objects.filter(document_id=chunk.document_id, chunk_name=chunk.name).first()
    if row is not None and row.state != Proposal.State.LEFT_OUT:
        return False
    row = row or Proposal(
        workspace_id=run.workspace_id,
        collection_id=run.collection_id,
        document_id=chunk.document_id,
        chunk_name=chunk.name,
    )
    row.state = Proposal.State.LEFT_OUT
    if question:
        alike = likeness(run.workspace_id, run.collection_id, question)
        same = {"collection_id": run.collection_id, "likeness": alike}
        if not any(model.objects.filter(**same).exists() for model in (GoldenQuestion, Proposal)):
            row.state, row.likeness, row.created_at = Proposal.State.OPEN, alike, now()
            seal_proposal(row, question, passage)
    row.save()
    return row.state == Proposal.State.OPEN

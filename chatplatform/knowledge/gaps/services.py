"""Filing gaps, closing them, and writing an answer to them. Each act is one transaction, in a workspace scope."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import InvalidInput, NotFound
from chatplatform.common.ids import new_id
from chatplatform.common.scope import all_workspaces, current_workspace_id
from chatplatform.knowledge.documents import add_answers
from chatplatform.knowledge.gaps import audit_events as events
from chatplatform.knowledge.gaps.content import likeness, sealed_question
from chatplatform.knowledge.gaps.models import Gap
from chatplatform.knowledge.gaps.queries import editable_assistants
from chatplatform.knowledge.written import Pair

MOST_OF_A_PERSON: Final = 200
KEPT_SETTLED: Final = timedelta(days=30)
KEPT_OPEN: Final = timedelta(days=365)
ANSWER_CHARS: Final = 20_000


def file_gap(
    question: str,
    *,
    assistant_id: UUID,
    conversation_id: UUID,
    language: str = "",
    confidence: float | None = None,
    cause: Gap.Cause = Gap.Cause.UNANSWERED,
    actor: Actor,
) -> UUID | None:
    """Keep that the actor's question found no passage, or that they judged its answer to be bad; what is asked in vain
    again is counted. Gives the gap's id, or None where the person has so many that this one is left out.

    One that was answered and is asked again in vain is open again; one that was closed stays closed, unless the person
    judges an answer to it.
    """
    owner_id, workspace_id = UUID(actor.id), current_workspace_id()
    alike = likeness(workspace_id, question)
    with transaction.atomic():
        same = Gap.objects.select_for_update().filter(
            owner_id=owner_id, assistant_id=assistant_id, likeness=alike
        )
        found = same.first()
        if found is not None:
            is_judged = cause == Gap.Cause.JUDGED
            if not is_judged:
                found.times = F("times") + 1
                found.cause = cause
            found.asked_at, found.conversation_id = now(), conversation_id
            if found.state == Gap.State.ANSWERED or is_judged:
                found.state, found.settled_at = Gap.State.OPEN, None
            found.save(update_fields=["times", "cause", "asked_at", "conversation_id", "state", "settled_at"])
            return found.id
        if Gap.objects.filter(owner_id=owner_id).count() >= MOST_OF_A_PERSON:
            return None
        gap_id = new_id()
        Gap.objects.bulk_create(
            [
                Gap(
                    id=gap_id,
                    workspace_id=workspace_id,
                    owner_id=owner_id,
                    assistant_id=assistant_id,
                    conversation_id=conversation_id,
                    likeness=alike,
                    question=sealed_question(owner_id, gap_id, question),
                    language=language,
                    confidence=confidence,
                    cause=cause,
                )
            ],
            ignore_conflicts=True,  # of two answers to one question that run at once, one files it
        )
        record(
            events.GAP_FILED,
            actor=actor,
            workspace_id=workspace_id,
            target=Target("gap", str(gap_id)),
            details={"assistant_id": str(assistant_id), "cause": cause},
        )
    return gap_id


def take_back_judged(question: str, *, assistant_id: UUID, actor: Actor) -> None:
    """The actor shows this question no more, where they did so by a verdict alone; inside the caller's transaction."""
    alike = likeness(current_workspace_id(), question)
    Gap.objects.filter(
        owner_id=UUID(actor.id), assistant_id=assistant_id, likeness=alike, cause=Gap.Cause.JUDGED
    ).delete()


def close_gap(gap_id: UUID, *, actor: Actor) -> None:
    """Nothing is to be written to this question: it leaves the list, for everybody who asked it. Raises NotFound."""
    with transaction.atomic():
        people = _settle(gap_id, Gap.State.CLOSED, None, actor)
        record(
            events.GAP_CLOSED,
            actor=actor,
            workspace_id=current_workspace_id(),
            target=Target("gap", str(gap_id)),
            details={"people": people},
        )


def answer_gap(gap_id: UUID, collection_id: UUID, question: str, answer: str, *, actor: Actor) -> UUID:
    """Write an answer to it into a collection, as a document of one question and answer; gives the document's id.

    `question` is as the editor words it: what somebody typed belongs to them, and may say more than the others are to
    read. Raises NotFound, NotAllowed and InvalidInput.
    """
    question, answer = question.strip(), answer.strip()
    if not question or not answer:
        raise InvalidInput("gap_answer_empty", _("Write the question and its answer first."))
    if len(answer) > ANSWER_CHARS:
        raise InvalidInput(
            "gap_answer_too_long", _("An answer has at most %(n)d characters.") % {"n": ANSWER_CHARS}
        )
    require_gap(gap_id, actor=actor)
    kept = add_answers(collection_id, question, [Pair(question, answer)], actor=actor)
    with transaction.atomic():
        people = _settle(gap_id, Gap.State.ANSWERED, kept.document_id, actor)
        record(
            events.GAP_ANSWERED,
            actor=actor,
            workspace_id=current_workspace_id(),
            target=Target("gap", str(gap_id)),
            details={"people": people, "document_id": str(kept.document_id)},
        )
    return kept.document_id


def require_gap(gap_id: UUID, *, actor: Actor) -> Gap:
    """The gap, for whoever may change documents that its assistant answers from; raises NotFound."""
    found = Gap.objects.filter(id=gap_id, assistant_id__in=editable_assistants(UUID(actor.id))).first()
    if found is None:
        raise NotFound(
            "gap_not_found", _("This question is not there any more, or it is not yours to answer.")
        )
    return found


def forget_conversation(conversation_ids: list[UUID]) -> None:
    """The conversations were deleted: what was asked in them goes too; inside the caller's transaction."""
    Gap.objects.filter(conversation_id__in=conversation_ids).delete()


def forget_old() -> int:
    """Remove what was settled long ago, and what nobody has asked for a year; how many."""
    with all_workspaces("gaps end in every workspace"):
        settled = Gap.objects.filter(settled_at__lt=now() - KEPT_SETTLED)
        stale = Gap.objects.filter(asked_at__lt=now() - KEPT_OPEN)
        return settled.delete()[0] + stale.delete()[0]


def _settle(gap_id: UUID, state: Gap.State, document_id: UUID | None, actor: Actor) -> int:
    gap = require_gap(gap_id, actor=actor)
    alike: QuerySet[Gap] = Gap.objects.filter(assistant_id=gap.assistant_id, likeness=gap.likeness)
    return alike.filter(state=Gap.State.OPEN).update(state=state, document_id=document_id, settled_at=now())

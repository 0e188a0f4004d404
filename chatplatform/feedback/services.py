"""Giving a verdict on an answer, changing it, taking it back. Inside a workspace scope; others' turns are not found."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from chatplatform.audit.services import Target, record
from chatplatform.chat.content import text_of
from chatplatform.chat.models import Turn
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput, NotFound
from chatplatform.common.ids import new_id
from chatplatform.feedback import audit_events as events
from chatplatform.feedback.content import sealed_comment
from chatplatform.feedback.models import REASONS_OF, Feedback, Reason, Verdict
from chatplatform.knowledge.gaps.models import Gap
from chatplatform.knowledge.gaps.services import file_gap, take_back_judged
from chatplatform.knowledge.models import AssistantCollection
from chatplatform.privacy.subjects import Subject

COMMENT_CHARS = 2_000


def give_feedback(
    turn_id: UUID,
    *,
    verdict: str,
    reasons: Collection[str] = (),
    comment: str = "",
    shows_question: bool = False,
    actor: Actor,
) -> None:
    """Keep what the person thinks of an answer of theirs; it replaces what they said before.

    With `shows_question`, those who look after the assistant's documents see the question, without a name, until the
    verdict is taken back. Raises NotFound for a turn that is not the actor's, Conflict while it is being answered and
    where no documents are behind the assistant, and InvalidInput for a verdict or reason that there is not, and for too
    long a comment.
    """
    chosen = _reasons(verdict, reasons)
    comment = _comment(comment)
    person_id = UUID(actor.id)
    with transaction.atomic():
        # the turn's row is held, so that of two tabs the later one wins as a whole
        turn = Turn.objects.select_for_update().filter(id=turn_id, owner_id=person_id).first()
        if turn is None:
            raise _not_found()
        if turn.state in Turn.UNFINISHED:
            raise Conflict("answer_running", _("Wait for the answer to end; then say what you think of it."))
        earlier = Feedback.objects.filter(turn_id=turn.id).first()
        row = earlier or Feedback(id=new_id(), workspace_id=turn.workspace_id, turn=turn, author_id=person_id)
        row.verdict = verdict
        row.reasons = f",{','.join(chosen)}," if chosen else ""
        row.comment = sealed_comment(person_id, row.id, comment)
        row.assistant_id = turn.assistant_id
        row.prompt_version_id = turn.prompt_version_id
        row.model = turn.model
        row.changed_at = now()
        row.save(force_insert=earlier is None)
        record(
            events.FEEDBACK_GIVEN,
            actor=actor,
            workspace_id=turn.workspace_id,
            target=Target("turn", str(turn.id)),
            details={"verdict": verdict, "reasons": " ".join(chosen), "with_comment": bool(comment)},
        )
        if shows_question:
            _show_question(turn, actor)


def withdraw_feedback(turn_id: UUID, *, actor: Actor) -> None:
    """Take it back, comment and all. Where there is none, nothing changes. Raises NotFound."""
    with transaction.atomic():
        turn = Turn.objects.filter(id=turn_id, owner_id=UUID(actor.id)).first()
        if turn is None:
            raise _not_found()
        deleted, _rows = Feedback.objects.filter(turn_id=turn.id, author_id=UUID(actor.id)).delete()
        if deleted:
            if turn.assistant_id is not None:
                take_back_judged(_question_of(turn), assistant_id=turn.assistant_id, actor=actor)
            record(
                events.FEEDBACK_WITHDRAWN,
                actor=actor,
                workspace_id=turn.workspace_id,
                target=Target("turn", str(turn.id)),
            )


def _show_question(turn: Turn, actor: Actor) -> None:
    assistant_id = turn.assistant_id
    if assistant_id is None or not _has_documents(assistant_id):
        raise Conflict(
            "feedback.no_documents",
            _("This assistant answers from no documents: nobody would see your question."),
        )
    file_gap(
        _question_of(turn),
        assistant_id=assistant_id,
        conversation_id=turn.conversation_id,
        cause=Gap.Cause.JUDGED,
        actor=actor,
    )


def _has_documents(assistant_id: UUID) -> bool:
    linked = AssistantCollection.objects.filter(assistant_id=assistant_id, collection__deleted_at=None)
    return linked.exists()


def _question_of(turn: Turn) -> str:
    return text_of(turn.question, Subject.person(turn.owner_id))


def _reasons(verdict: str, reasons: Collection[str]) -> list[str]:
    if verdict not in Verdict.values:
        raise InvalidInput("feedback.bad_verdict", _("An answer is judged as good or bad."))
    offered = REASONS_OF[Verdict(verdict)]
    if not set(reasons) <= set(offered):
        raise InvalidInput("feedback.bad_reason", _("This reason does not go with the verdict."))
    return [reason.value for reason in Reason if reason in set(reasons)]


def _comment(comment: str) -> str:
    comment = comment.replace("\x00", "").strip()
    if len(comment) > COMMENT_CHARS:
        raise InvalidInput(
            "feedback.comment_too_long",
            _("A comment has at most %(n)d characters. Shorten it.") % {"n": COMMENT_CHARS},
        )
    return comment


def _not_found() -> NotFound:
    return NotFound("turn_not_found", _("This answer does not exist, or it is not yours."))

"""What is read of conversations, inside a workspace scope and for one person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from chatplatform.chat import limits, tree
from chatplatform.chat.attachments.views import attachments_of, attachments_of_queued
from chatplatform.chat.models import Conversation, Message, QueuedMessage, Turn
from chatplatform.chat.presentation import answer_view, conversation_view, question_view, queued_view
from chatplatform.chat.protocol import Accepted, ConversationView, MessageView, QueuedView, Snapshot
from chatplatform.chat.sources.queries import sources_of_turns
from chatplatform.chat.summaries.queries import summarised_messages
from chatplatform.common.errors import NotFound
from chatplatform.privacy.outbound.queries import left_for
from chatplatform.privacy.subjects import Subject


@dataclass(frozen=True, slots=True)
class MessagePage:
    messages: list[MessageView]
    has_older: bool


def conversation_of(person_id: UUID, conversation_id: UUID) -> ConversationView:
    """Raises NotFound when it does not exist or is another person's."""
    conversation = _own(person_id, conversation_id)
    running = Turn.objects.filter(conversation=conversation, state__in=Turn.UNFINISHED)
    return conversation_view(conversation).model_copy(update={"answering": running.exists()})


def snapshot(person_id: UUID, conversation_id: UUID, *, back_to: UUID | None = None) -> Snapshot:
    """The conversation with its last messages, back to `back_to` if that is not too far. Raises NotFound."""
    conversation = _own(person_id, conversation_id)
    page = _page(conversation, before=None, back_to=back_to)
    running = Turn.objects.filter(conversation=conversation, state__in=Turn.UNFINISHED)
    turn_id, answer_id = running.values_list("id", "answer_id").first() or (None, None)
    return Snapshot(
        conversation=conversation_view(conversation),
        messages=page.messages,
        has_older=page.has_older,
        queued=_queued(conversation),
        running_turn_id=turn_id,
        running_message_id=answer_id,
        outbound=left_for(conversation.id),
    )


def answering(person_id: UUID) -> list[UUID]:
    """The person's conversations that are being answered now."""
    running = Turn.objects.filter(owner_id=person_id, state__in=Turn.UNFINISHED)
    return list(running.values_list("conversation_id", flat=True))


def queued_messages(person_id: UUID, conversation_id: UUID) -> list[QueuedView]:
    """The messages that wait for the running answer, in their order. Raises NotFound."""
    return _queued(_own(person_id, conversation_id))


def message_of(person_id: UUID, message_id: UUID) -> MessageView | None:
    """One message as a socket is shown it; None when it is gone."""
    row = (
        Message.objects.filter(id=message_id, conversation__owner_id=person_id).select_related("turn").first()
    )
    return next(iter(_views([row], Subject.person(person_id))), None) if row is not None else None


def older_messages(person_id: UUID, conversation_id: UUID, before_message_id: UUID) -> MessagePage:
    """The page before a message. Raises NotFound."""
    conversation = _own(person_id, conversation_id)
    before = Message.objects.filter(conversation=conversation, id=before_message_id).first()
    if before is None:
        raise NotFound("message_not_found", _("This message does not exist any more. Reload the page."))
    return _page(conversation, before=before.number)


def accepted(turn: Turn, *, client_id: UUID, replaces_message_id: UUID | None = None) -> Accepted:
    """The frame that tells of a new turn."""
    owner = Subject.person(turn.owner_id)
    # the first child of its parent comes right after it: only others can have versions beside them
    later = [row for row in (turn.question, turn.answer) if row.number != _number(row.parent) + 1]
    versions = tree.versions(later)
    return Accepted(
        client_id=client_id,
        conversation=conversation_view(turn.conversation),
        question=question_view(
            turn.question,
            owner,
            versions.get(turn.question.id, ()),
            attachments_of(owner.id, [turn.question.id]).get(turn.question.id, ()),
        ),
        answer=answer_view(turn.answer, turn, owner, versions.get(turn.answer.id, ())),
        replaces_message_id=replaces_message_id,
    )


def finished_answer(turn_id: UUID) -> MessageView | None:
    """The answer of a turn that is over; None while it runs or when it was deleted."""
    turn = Turn.objects.select_related("answer").filter(id=turn_id).first()
    if turn is None or turn.state in Turn.UNFINISHED:
        return None
    versions = tree.versions([turn.answer]).get(turn.answer.id, ())
    sources = sources_of_turns(turn.owner_id, [turn.id]).get(turn.id, ())
    return answer_view(turn.answer, turn, Subject.person(turn.owner_id), versions, sources)


def _number(message: Message | None) -> int:
    return message.number if message is not None else 0


def _queued(conversation: Conversation) -> list[QueuedView]:
    rows = list(QueuedMessage.objects.filter(conversation=conversation).order_by("number"))
    files = attachments_of_queued(conversation.owner_id, [row.id for row in rows]) if rows else {}
    return [queued_view(row, files.get(row.id, ())) for row in rows]


def _own(person_id: UUID, conversation_id: UUID) -> Conversation:
    conversation = Conversation.objects.filter(id=conversation_id, owner_id=person_id).first()
    if conversation is None:
        raise NotFound("conversation_not_found", _("This conversation does not exist, or it is not yours."))
    return conversation


def _page(conversation: Conversation, *, before: int | None, back_to: UUID | None = None) -> MessagePage:
    path = Message.objects.filter(conversation=conversation, on_path=True).order_by("-number")
    if before is not None:
        path = path.filter(number__lt=before)
    size = limits.PAGE_MESSAGES
    if back_to is not None:
        first = Message.objects.filter(conversation=conversation, id=back_to, on_path=True).first()
        reach = path.filter(number__gte=first.number).count() + 1 if first is not None else 0
        size = max(size, reach) if reach <= limits.REACH_MESSAGES else size
    rows = list(
        path.select_related("turn").defer("thinking")[: size + 1]
    )  # it is read when somebody opens it
    shown = rows[:size]
    return MessagePage(
        list(_views(reversed(shown), Subject.person(conversation.owner_id))),
        has_older=len(rows) > limits.PAGE_MESSAGES,
    )


def _views(rows: Iterable[Message], owner: Subject) -> Iterable[MessageView]:
    rows = list(rows)
    versions = tree.versions(rows)
    asked = {row.id: turn for row in rows if (turn := getattr(row, "turn", None)) is not None}
    sources = sources_of_turns(owner.id, [turn.id for turn in asked.values()])
    files = attachments_of(owner.id, [row.id for row in rows if row.role == Message.Role.USER])
    summaries = summarised_messages([row.id for row in rows])
    for row in rows:
        beside = versions.get(row.id, ())
        if row.role == Message.Role.USER:
            view = question_view(row, owner, beside, files.get(row.id, ()))
        else:
            turn = asked.get(row.id)
            view = answer_view(row, turn, owner, beside, sources.get(turn.id, ()) if turn else ())
        summary = summaries.get(row.id)
        yield view.model_copy(update={"summary": summary}) if summary is not None else view

"""What is read of conversations, inside a workspace scope and for one person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from chatplatform.chat import limits
from chatplatform.chat.models import Conversation, Message, Turn
from chatplatform.chat.presentation import answer_view, conversation_view, question_view
from chatplatform.chat.protocol import Accepted, ConversationView, MessageView, Snapshot
from chatplatform.common.errors import NotFound
from chatplatform.privacy.subjects import Subject


@dataclass(frozen=True, slots=True)
class MessagePage:
    messages: list[MessageView]
    has_older: bool


def conversation_page(
    person_id: UUID, *, before: datetime | None = None, limit: int = 50
) -> list[ConversationView]:
    """The person's conversations, last changed first; `before` pages on from the last one's `updated_at`."""
    rows = Conversation.objects.filter(owner_id=person_id).order_by("-updated_at")
    if before is not None:
        rows = rows.filter(updated_at__lt=before)
    return [conversation_view(row) for row in rows[:limit]]


def conversation_of(person_id: UUID, conversation_id: UUID) -> ConversationView:
    """Raises NotFound when it does not exist or is another person's."""
    return conversation_view(_own(person_id, conversation_id))


def snapshot(person_id: UUID, conversation_id: UUID) -> Snapshot:
    """The conversation with its last messages. Raises NotFound."""
    conversation = _own(person_id, conversation_id)
    page = _page(conversation, before=None)
    return Snapshot(
        conversation=conversation_view(conversation), messages=page.messages, has_older=page.has_older
    )


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
    return Accepted(
        client_id=client_id,
        conversation=conversation_view(turn.conversation),
        question=question_view(turn.question, owner),
        answer=answer_view(turn.answer, turn, owner),
        replaces_message_id=replaces_message_id,
    )


def finished_answer(turn_id: UUID) -> MessageView | None:
    """The answer of a turn that is over; None while it runs or when it was deleted."""
    turn = Turn.objects.select_related("answer").filter(id=turn_id).first()
    if turn is None or turn.state in Turn.UNFINISHED:
        return None
    return answer_view(turn.answer, turn, Subject.person(turn.owner_id))


def _own(person_id: UUID, conversation_id: UUID) -> Conversation:
    conversation = Conversation.objects.filter(id=conversation_id, owner_id=person_id).first()
    if conversation is None:
        raise NotFound("conversation_not_found", _("This conversation does not exist, or it is not yours."))
    return conversation


def _page(conversation: Conversation, *, before: int | None) -> MessagePage:
    path = Message.objects.filter(conversation=conversation, on_path=True).order_by("-number")
    if before is not None:
        path = path.filter(number__lt=before)
    rows = list(path.select_related("turn")[: limits.PAGE_MESSAGES + 1])
    shown = rows[: limits.PAGE_MESSAGES]
    return MessagePage(
        list(_views(reversed(shown), Subject.person(conversation.owner_id))),
        has_older=len(rows) > limits.PAGE_MESSAGES,
    )


def _views(rows: Iterable[Message], owner: Subject) -> Iterable[MessageView]:
    for row in rows:
        if row.role == Message.Role.USER:
            yield question_view(row, owner)
        else:
            yield answer_view(row, getattr(row, "turn", None), owner)

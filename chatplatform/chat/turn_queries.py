"""Turns and messages for programs: plain text, without the HTML that pages need. One person, in a workspace scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, cast
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from chatplatform.chat.attachments.views import attachments_of
from chatplatform.chat.content import text_of, thinking_of, title_of
from chatplatform.chat.models import Conversation, Message, Turn
from chatplatform.chat.presentation import error_of, left_out_of
from chatplatform.chat.protocol import AttachmentView, ErrorInfo, LeftOutView, TurnState
from chatplatform.chat.segments import joined_text, said_so_far
from chatplatform.chat.thinking import ThinkingClock
from chatplatform.chat.tree import versions
from chatplatform.common.errors import NotFound
from chatplatform.privacy.subjects import Subject


@dataclass(frozen=True, slots=True)
class ConversationDetails:
    """`title` is empty while there is none."""

    id: UUID
    title: str
    assistant_id: UUID | None
    created_at: datetime
    updated_at: datetime
    folder_id: UUID | None = None
    tag_ids: tuple[UUID, ...] = ()
    pinned: bool = False
    archived: bool = False
    model: str = ""


@dataclass(frozen=True, slots=True)
class Which:
    """Which conversations are meant; None leaves it open."""

    folder_id: UUID | None = None
    tag_id: UUID | None = None
    pinned: bool | None = None
    archived: bool | None = None

    def of(self, rows: QuerySet[Conversation]) -> QuerySet[Conversation]:
        if self.folder_id is not None:
            rows = rows.filter(folder_id=self.folder_id)
        if self.tag_id is not None:
            rows = rows.filter(conversation_tags__tag_id=self.tag_id)
        if self.pinned is not None:
            rows = rows.filter(pinned_at__isnull=not self.pinned)
        if self.archived is not None:
            rows = rows.filter(archived_at__isnull=not self.archived)
        return rows


@dataclass(frozen=True, slots=True)
class TurnDetails:
    """A turn as its rows say. `text` is the answer so far, or the whole of it; counts are in tokens, times in
    seconds, and known when the turn is over."""

    id: UUID
    conversation_id: UUID
    question_id: UUID
    answer_id: UUID
    state: TurnState
    text: str = field(repr=False)
    error: ErrorInfo | None
    created_at: datetime
    finished_at: datetime | None
    prompt_version_id: UUID | None
    model: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cut_at_limit: bool
    left_out: LeftOutView | None
    thought_s: float | None = None

    @property
    def is_over(self) -> bool:
        return self.state not in Turn.UNFINISHED


@dataclass(frozen=True, slots=True)
class MessageDetails:
    """A message; `parent_id` is the one that it follows; `turn_id` and `turn_state` belong to an assistant's."""

    id: UUID
    number: int
    role: Literal["user", "assistant"]
    text: str = field(repr=False)
    created_at: datetime
    client_id: UUID | None
    parent_id: UUID | None
    turn_id: UUID | None
    turn_state: TurnState | None
    attachments: Sequence[AttachmentView]


def conversation_details(person_id: UUID, conversation_id: UUID) -> ConversationDetails:
    """Raises NotFound when it does not exist or is another person's."""
    return _conversation(_own(person_id, conversation_id))


def conversations_after(
    person_id: UUID, after: tuple[datetime, UUID] | None, *, limit: int, which: Which | None = None
) -> list[ConversationDetails]:
    """The person's conversations, last changed first, past the one that was changed then."""
    rows = Conversation.objects.filter(owner_id=person_id).order_by("-updated_at", "-id")
    rows = (which or Which()).of(rows).prefetch_related("conversation_tags")
    if after is not None:
        moment, last_id = after
        rows = rows.filter(updated_at__lte=moment).exclude(updated_at=moment, id__gte=last_id)
    return [_conversation(row) for row in rows[:limit]]


def messages_after(
    person_id: UUID, conversation_id: UUID, after: int | None, *, limit: int, newest_first: bool = False
) -> list[MessageDetails]:
    """Messages of the shown branch past number `after`. Raises NotFound."""
    conversation = _own(person_id, conversation_id)
    rows = Message.objects.filter(conversation=conversation, on_path=True).select_related("turn")
    if newest_first:
        rows = rows.order_by("-number")
        rows = rows.filter(number__lt=after) if after is not None else rows
    else:
        rows = rows.order_by("number")
        rows = rows.filter(number__gt=after) if after is not None else rows
    owner = Subject.person(conversation.owner_id)
    found = list(rows[:limit])
    files = attachments_of(person_id, [row.id for row in found])
    return [_message(row, owner, files.get(row.id, ())) for row in found]


def message_details(person_id: UUID, message_id: UUID) -> MessageDetails:
    """Raises NotFound when it does not exist or is in another person's conversation."""
    row = (
        Message.objects.filter(id=message_id, conversation__owner_id=person_id).select_related("turn").first()
    )
    if row is None:
        raise NotFound("message_not_found", _("This message does not exist, or it is not yours."))
    return _message(row, Subject.person(person_id), attachments_of(person_id, [row.id]).get(row.id, ()))


def versions_of(person_id: UUID, message_id: UUID) -> list[MessageDetails]:
    """All messages that stand in the place of this one, itself among them, oldest first. Raises NotFound."""
    row = Message.objects.filter(id=message_id, conversation__owner_id=person_id).first()
    if row is None:
        raise NotFound("message_not_found", _("This message does not exist, or it is not yours."))
    ids = versions([row]).get(row.id, [row.id])
    found = Message.objects.filter(id__in=ids).select_related("turn").in_bulk()
    files = attachments_of(person_id, ids)
    owner = Subject.person(person_id)
    return [_message(found[each], owner, files.get(each, ())) for each in ids if each in found]


def turn_details(person_id: UUID, turn_id: UUID) -> TurnDetails:
    """Raises NotFound when it does not exist or is another person's."""
    row = Turn.objects.filter(id=turn_id, owner_id=person_id).select_related("answer").first()
    if row is None:
        raise NotFound("turn_not_found", _("This answer does not exist, or it is not yours."))
    return TurnDetails(
        id=row.id,
        conversation_id=row.conversation_id,
        question_id=row.question_id,
        answer_id=row.answer_id,
        state=cast(TurnState, row.state),
        text=_answer(row.answer, row, Subject.person(person_id)),
        error=error_of(row.error_code) if row.state == Turn.State.FAILED else None,
        created_at=row.created_at,
        finished_at=row.finished_at,
        prompt_version_id=row.prompt_version_id,
        model=row.model,
        prompt_tokens=row.prompt_tokens,
        cached_tokens=row.cached_tokens,
        completion_tokens=row.completion_tokens,
        cut_at_limit=row.cut_at_limit,
        left_out=left_out_of(row),
        thought_s=ThinkingClock(row.thought_s, row.thinking_since).thought_s,
    )


@dataclass(frozen=True, slots=True)
class Thought:
    """What a model thought before an answer, so far or all of it; empty where none of it is kept. `thought_s` is how
    long, None where it did not think."""

    text: str = field(repr=False)
    thought_s: float | None
    is_over: bool


def thinking_of_turn(person_id: UUID, turn_id: UUID) -> Thought:
    """Raises NotFound when it does not exist or is another person's."""
    row = Turn.objects.filter(id=turn_id, owner_id=person_id).select_related("answer").first()
    if row is None:
        raise NotFound("turn_not_found", _("This answer does not exist, or it is not yours."))
    owner = Subject.person(person_id)
    is_over = row.state in (Turn.State.FINISHED, Turn.State.STOPPED)
    text = thinking_of(row.answer, owner) if is_over else said_so_far(row, owner).thinking
    return Thought(
        text, ThinkingClock(row.thought_s, row.thinking_since).thought_s, row.state not in Turn.UNFINISHED
    )


def _conversation(row: Conversation) -> ConversationDetails:
    return ConversationDetails(
        row.id,
        title_of(row),
        row.assistant_id,
        row.created_at,
        row.updated_at,
        folder_id=row.folder_id,
        tag_ids=tuple(mark.tag_id for mark in row.conversation_tags.all()),
        pinned=row.pinned_at is not None,
        archived=row.archived_at is not None,
        model=row.model,
    )


def _message(row: Message, owner: Subject, attachments: Sequence[AttachmentView]) -> MessageDetails:
    turn: Turn | None = getattr(row, "turn", None)
    is_question = row.role == Message.Role.USER
    return MessageDetails(
        id=row.id,
        number=row.number,
        role="user" if is_question else "assistant",
        text=text_of(row, owner) if is_question or turn is None else _answer(row, turn, owner),
        created_at=row.created_at,
        client_id=row.client_id,
        parent_id=row.parent_id,
        turn_id=turn.id if turn else None,
        turn_state=cast(TurnState, turn.state) if turn else None,
        attachments=attachments,
    )


def _answer(message: Message, turn: Turn, owner: Subject) -> str:
    """While it runs, and after it failed, the text is in the turn's segments."""
    if turn.state in (Turn.State.FINISHED, Turn.State.STOPPED):
        return text_of(message, owner)
    text, _last = joined_text(turn, owner)
    return text


def _own(person_id: UUID, conversation_id: UUID) -> Conversation:
    conversation = Conversation.objects.filter(id=conversation_id, owner_id=person_id).first()
    if conversation is None:
        raise NotFound("conversation_not_found", _("This conversation does not exist, or it is not yours."))
    return conversation

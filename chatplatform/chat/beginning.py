"""How a turn begins: whose conversation it is, what limits hold, and the rows that it is made of.

What people do (services.py, versions.py, queueing.py) is put together from this, inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Max, Q
from django.utils.translation import gettext as _

from chatplatform.audit.services import Target, record
from chatplatform.chat import audit_events as events
from chatplatform.chat import limits
from chatplatform.chat.announcements import announce
from chatplatform.chat.content import first_title, sealed_message, sealed_title
from chatplatform.chat.leases import this_process
from chatplatform.chat.models import Announcement, Conversation, Message, Turn
from chatplatform.chat.organising.folders import own_folder
from chatplatform.chat.protocol import MAX_MESSAGE_CHARS
from chatplatform.chat.searchable import make_findable
from chatplatform.chat.temporary.policy import require_may_keep
from chatplatform.chat.tree import moment_beside
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput, NotFound, TooMany
from chatplatform.common.ids import new_id
from chatplatform.common.scope import current_workspace_id
from chatplatform.privacy.subjects import Subject
from chatplatform.prompts.queries import may_use
from chatplatform.usage.services import QuotaExceeded, admit, note_refusal


@dataclass(frozen=True, slots=True)
class Submitted:
    """A turn that was made, or made earlier by the same client id (`is_new` false), with all that it belongs to.

    `replaced_message_id` is the message whose place on the path was taken; what stood behind it left the path as well.
    """

    turn: Turn
    is_new: bool
    conversation_is_new: bool = False
    replaced_message_id: UUID | None = None

    @property
    def turn_id(self) -> UUID:
        return self.turn.id

    @property
    def conversation_id(self) -> UUID:
        return self.turn.conversation_id


# ---------------------------------------------------------------- whose it is


def own(conversation_id: UUID, person_id: UUID, *, lock: bool = False) -> Conversation:
    """Raises NotFound for one that does not exist or is another person's."""
    rows = Conversation.objects.select_for_update() if lock else Conversation.objects.all()
    conversation = rows.filter(id=conversation_id, owner_id=person_id).first()
    if conversation is None:
        raise NotFound("conversation_not_found", _("This conversation does not exist, or it is not yours."))
    return conversation


def own_turn(turn_id: UUID, person_id: UUID) -> Turn:
    """Raises NotFound for one that does not exist or is another person's."""
    turn = Turn.objects.filter(id=turn_id, owner_id=person_id).first()
    if turn is None:
        raise NotFound("turn_not_found", _("This answer does not exist, or it is not yours."))
    return turn


def own_message(message_id: UUID, person_id: UUID) -> Message:
    """Raises NotFound for one that does not exist or is in another person's conversation."""
    message = Message.objects.filter(id=message_id, conversation__owner_id=person_id).first()
    if message is None:
        raise NotFound("message_not_found", _("This message does not exist, or it is not yours."))
    return message


# ---------------------------------------------------------------- what is allowed


def checked_text(text: str) -> str:
    """The text as it is kept. Raises InvalidInput when nothing is left of it, or too much."""
    text = text.replace("\x00", "").strip()
    if not text:
        raise InvalidInput("message_empty", _("Type a message first."))
    if len(text) > MAX_MESSAGE_CHARS:
        raise InvalidInput(
            "message_too_long",
            _("This message has %(n)d characters; the limit is %(limit)d. Shorten it or send it in parts.")
            % {"n": len(text), "limit": MAX_MESSAGE_CHARS},
        )
    return text


def not_answering(conversation: Conversation) -> None:
    """Raises Conflict while an answer runs."""
    if Turn.objects.filter(conversation=conversation, state__in=Turn.UNFINISHED).exists():
        raise answer_running()


def answer_running() -> Conflict:
    return Conflict(
        "answer_running", _("Wait for the answer to end, or stop it; then send your message again.")
    )


def within_limits(person_id: UUID) -> None:
    """Every message and every regeneration makes a turn, so turns are what is counted."""
    moment = now()
    # what was said before the clock was set back is not to count until it has come again
    is_recent = Q(created_at__gt=moment - timedelta(minutes=1), created_at__lte=moment)
    counts = Turn.objects.filter(is_recent | Q(state__in=Turn.UNFINISHED), owner_id=person_id).aggregate(
        recent=Count("id", filter=is_recent),
        running=Count("id", filter=Q(state__in=Turn.UNFINISHED)),
    )
    if counts["recent"] >= limits.MESSAGES_A_MINUTE:
        raise TooMany(
            "too_many_messages",
            _("That was more than %(n)d messages in a minute. Wait a little and send it again.")
            % {"n": limits.MESSAGES_A_MINUTE},
            retry_after_s=20,
        )
    if counts["running"] >= limits.RUNNING_TURNS_A_PERSON:
        raise TooMany(
            "too_many_answers",
            _("%(n)d of your questions are being answered. Wait for one or stop one, then send this again.")
            % {"n": limits.RUNNING_TURNS_A_PERSON},
            retry_after_s=5,
        )


@contextmanager
def noted_at_quota(actor: Actor) -> Iterator[None]:
    """A refusal at a quota is recorded once the transaction that it ended is rolled back."""
    try:
        yield
    except QuotaExceeded as refusal:
        note_refusal(refusal, actor=actor)
        raise


# ---------------------------------------------------------------- the rows


def begin_conversation(
    person_id: UUID, text: str, assistant_id: UUID | None, folder_id: UUID | None = None
) -> Conversation:
    require_assistant(assistant_id, person_id)
    folder = own_folder(folder_id, person_id) if folder_id is not None else None
    conversation_id = new_id()
    conversation = Conversation.objects.create(
        id=conversation_id,
        workspace_id=current_workspace_id(),
        owner_id=person_id,
        assistant_id=assistant_id,
        folder=folder,
        title=sealed_title(Subject.person(person_id), conversation_id, first_title(text)),
    )
    make_findable(conversation, with_title=True)
    return conversation


def require_assistant(assistant_id: UUID | None, person_id: UUID) -> None:
    """Raises NotFound for an assistant that this person may not use; None is the default one."""
    if assistant_id is not None and not may_use(assistant_id, reader_id=person_id):
        raise NotFound("assistant_unknown", _("This assistant is no longer here. Choose another one."))


def next_number(conversation: Conversation) -> int:
    last = Message.objects.filter(conversation=conversation).aggregate(last=Max("number"))["last"]
    return (last or 0) + 1


def add_question(
    conversation: Conversation,
    parent: Message | None,
    text: str,
    *,
    number: int,
    client_id: UUID | None,
    created_at: datetime | None = None,
) -> Message:
    question_id = new_id()
    question = Message.objects.create(
        id=question_id,
        workspace_id=conversation.workspace_id,
        conversation=conversation,
        parent=parent,
        number=number,
        role=Message.Role.USER,
        author_id=conversation.owner_id,
        client_id=client_id,
        content=sealed_message(Subject.person(conversation.owner_id), question_id, text),
        created_at=created_at or now(),
    )
    make_findable(conversation, question)
    return question


def begin_turn(
    conversation: Conversation,
    question: Message,
    actor: Actor,
    *,
    number: int,
    client_id: UUID | None = None,
    kind: str = "",
    characters: int = 0,
) -> Turn:
    """The empty answer and the turn that writes it, leased to this process. `kind` is for the record: `regenerated`,
    `edited` or `queued`. Last in the transaction, for it counts. Raises QuotaExceeded, and NotAllowed where every chat
    is temporary."""
    require_may_keep(conversation.owner_id)
    answer = Message.objects.create(
        workspace_id=conversation.workspace_id,
        conversation=conversation,
        parent=question,
        number=number,
        role=Message.Role.ASSISTANT,
        created_at=moment_beside(conversation, question) if kind == "regenerated" else now(),
    )
    turn = Turn.objects.create(
        workspace_id=conversation.workspace_id,
        conversation=conversation,
        owner_id=conversation.owner_id,
        question=question,
        answer=answer,
        client_id=client_id,
        asked_assistant_id=conversation.assistant_id,
        asked_model=conversation.model,
        token_id=actor.token_id,
        lease_owner=this_process(),
        lease_expires_at=now() + timedelta(seconds=limits.LEASE_S),
    )
    if number > 2:  # a conversation that has just begun carries the time already
        conversation.updated_at = turn.created_at
        conversation.save(update_fields=["updated_at"])
    record(
        events.TURN_STARTED,
        actor=actor,
        workspace_id=conversation.workspace_id,
        target=Target("turn", str(turn.id)),
        details={
            "conversation_id": str(conversation.id),
            "question_id": str(question.id),
            "characters": characters,
            "regenerated": kind == "regenerated",
            "edited": kind == "edited",
            "queued": kind == "queued",
            "begins_conversation": number == 2,
        },
    )
    announce(Announcement.Kind.TURN, conversation, turn_id=turn.id)
    count(turn, actor)
    return turn


def take_up_again(turn: Turn) -> None:
    """Let a turn that is over run once more, leased to this process."""
    turn.state = Turn.State.QUEUED
    turn.error_code = ""
    turn.stop_requested_at = turn.finished_at = None
    turn.lease_owner = this_process()
    turn.lease_expires_at = now() + timedelta(seconds=limits.LEASE_S)
    turn.save()


def count(turn: Turn, actor: Actor) -> None:
    """Pass the person's limits, last in the transaction; without limits the turn is counted when it is over."""
    if admit(user_id=turn.owner_id, token_id=actor.token_id, turns=1):
        turn.counted_at = now()
        turn.save(update_fields=["counted_at"])


def turn_of(question: Message | None) -> Turn | None:
    """The first turn that answered this message."""
    turns = Turn.objects.filter(question=question).select_related("conversation", "question", "answer")
    return turns.order_by("created_at").first() if question else None

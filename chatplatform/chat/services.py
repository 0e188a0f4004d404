"""What a person does in a chat. Each act is one transaction: rows, audit event, job and announcement.

All run inside a workspace scope; another person's object is not found.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, Max, Q
from django.utils.translation import gettext as _

from chatplatform.audit.services import Target, record
from chatplatform.chat import audit_events as events
from chatplatform.chat import limits
from chatplatform.chat.announcements import announce
from chatplatform.chat.content import first_title, sealed_message, sealed_title
from chatplatform.chat.leases import this_process
from chatplatform.chat.message_length import require_readable
from chatplatform.chat.models import Announcement, Conversation, Message, Turn
from chatplatform.chat.protocol import MAX_MESSAGE_CHARS
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
    """A turn that was made, or made earlier by the same client id (`is_new` false), with all that it belongs to."""

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


def submit_message(
    *,
    client_id: UUID,
    text: str,
    conversation_id: UUID | None,
    assistant_id: UUID | None,
    actor: Actor,
) -> Submitted:
    """Keep what a person said and begin the turn that answers it, leased to this process.

    Sending the same `client_id` again gives the first one's turn. Raises InvalidInput for an empty text and for one
    that is too long, for us or for the model; NotFound for a conversation that is not the actor's, Conflict while
    another answer is running and TooMany at a limit: QuotaExceeded where a quota is used up.
    """
    text = _checked(text)
    require_readable(
        text, conversation_id=conversation_id, assistant_id=assistant_id, person_id=UUID(actor.id)
    )
    try:
        with transaction.atomic():
            return _submit(client_id, text, conversation_id, assistant_id, actor)
    except (IntegrityError, Conflict, TooMany) as refusal:
        # asked afterwards, because it is rare: was this very message sent before, perhaps a moment ago?
        earlier = _turn_of(Message.objects.filter(author_id=UUID(actor.id), client_id=client_id).first())
        if earlier is not None:
            return Submitted(earlier, is_new=False)
        if isinstance(refusal, IntegrityError):
            raise _answer_running() from refusal
        if isinstance(refusal, QuotaExceeded):
            note_refusal(refusal, actor=actor)
        raise


def regenerate(*, client_id: UUID, turn_id: UUID, actor: Actor) -> Submitted:
    """Answer a turn's question again; the new answer takes the old one's place on the path, the old one stays.

    Raises NotFound, Conflict while an answer is running or when the conversation has gone on since, and TooMany at
    a limit.
    """
    person_id = UUID(actor.id)
    with _noted_at_quota(actor), transaction.atomic():
        turn = _own_turn(turn_id, person_id)
        question = turn.question
        if earlier := Turn.objects.filter(question=question, client_id=client_id).first():
            return Submitted(earlier, is_new=False)
        _within_limits(person_id)
        conversation = _own(turn.conversation_id, person_id, lock=True)
        _not_answering(conversation)
        shown = Message.objects.filter(conversation=conversation, on_path=True).order_by("-number").first()
        if shown is None or shown.parent_id != question.id:
            raise Conflict("not_the_last_answer", _("Only the last answer can be written again."))
        Message.objects.filter(id=shown.id).update(on_path=False)
        new = _begin_turn(
            conversation,
            question,
            actor,
            number=_next_number(conversation),
            client_id=client_id,
            regenerated=True,
        )
    return Submitted(new, is_new=True, replaced_message_id=shown.id)


def retry_turn(turn_id: UUID, *, actor: Actor) -> Submitted:
    """Take a failed turn up again, from the text that it has. Raises NotFound, Conflict and QuotaExceeded."""
    with _noted_at_quota(actor), transaction.atomic():
        turn = _own_turn(turn_id, UUID(actor.id))
        conversation = _own(turn.conversation_id, UUID(actor.id), lock=True)
        _not_answering(conversation)
        turn = Turn.objects.select_for_update().get(id=turn.id)
        if turn.state != Turn.State.FAILED:
            raise Conflict("not_failed", _("This answer did not fail, so there is nothing to retry."))
        if not Message.objects.filter(id=turn.answer_id, on_path=True).exists():
            raise Conflict("not_the_last_answer", _("Only the last answer can be written again."))
        turn.state = Turn.State.QUEUED
        turn.error_code = ""
        turn.stop_requested_at = turn.finished_at = None
        turn.lease_owner = this_process()
        turn.lease_expires_at = now() + timedelta(seconds=limits.LEASE_S)
        turn.save()
        record(
            events.TURN_RETRIED,
            actor=actor,
            workspace_id=turn.workspace_id,
            target=Target("turn", str(turn.id)),
        )
        announce(Announcement.Kind.TURN, conversation, turn_id=turn.id)
        _count(turn, actor)
    return Submitted(turn, is_new=True)


def request_stop(turn_id: UUID, *, actor: Actor) -> None:
    """Ask whoever runs the turn to end it. Stopping what is over changes nothing. Raises NotFound."""
    with transaction.atomic():
        turn = _own_turn(turn_id, UUID(actor.id))
        changed = Turn.objects.filter(
            id=turn.id, state__in=Turn.UNFINISHED, stop_requested_at__isnull=True
        ).update(stop_requested_at=now())
        if changed:
            record(
                events.TURN_STOP_REQUESTED,
                actor=actor,
                workspace_id=turn.workspace_id,
                target=Target("turn", str(turn.id)),
            )
            announce(Announcement.Kind.STOP, turn.conversation, turn_id=turn.id)


def rename_conversation(conversation_id: UUID, title: str, *, actor: Actor) -> None:
    """Give a title of the person's own. Raises InvalidInput when it is empty or too long, NotFound."""
    title = " ".join(title.replace("\x00", "").split())
    if not title:
        raise InvalidInput("title_empty", _("Type a title first."))
    if len(title) > limits.TITLE_CHARS:
        raise InvalidInput(
            "title_too_long", _("A title has at most %(n)d characters.") % {"n": limits.TITLE_CHARS}
        )
    with transaction.atomic():
        conversation = _own(conversation_id, UUID(actor.id), lock=True)
        set_title(conversation, title, origin=Conversation.TitleOrigin.PERSON, actor=actor)


def set_title(
    conversation: Conversation, title: str, *, origin: Conversation.TitleOrigin, actor: Actor
) -> None:
    """Write a title inside the caller's transaction."""
    conversation.title = sealed_title(Subject.person(conversation.owner_id), conversation.id, title)
    conversation.title_origin = origin
    conversation.save(update_fields=["title", "title_origin"])
    record(
        events.CONVERSATION_RENAMED,
        actor=actor,
        workspace_id=conversation.workspace_id,
        target=Target("conversation", str(conversation.id)),
        details={"origin": str(origin)},
    )
    announce(Announcement.Kind.CONVERSATION, conversation)


def delete_conversation(conversation_id: UUID, *, actor: Actor) -> None:
    """Delete a conversation with all its messages; a running answer loses its lease and ends. Raises NotFound."""
    with transaction.atomic():
        conversation = _own(conversation_id, UUID(actor.id), lock=True)
        record(
            events.CONVERSATION_DELETED,
            actor=actor,
            workspace_id=conversation.workspace_id,
            target=Target("conversation", str(conversation.id)),
            details={"messages": Message.objects.filter(conversation=conversation).count()},
        )
        announce(Announcement.Kind.REMOVED, conversation)
        # a running answer writes no more from here on: on PostgreSQL its segment could slip in between
        list(Turn.objects.select_for_update().filter(conversation=conversation).values_list("id"))
        conversation.delete()


# ---------------------------------------------------------------- parts of the acts


def _checked(text: str) -> str:
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


def _submit(
    client_id: UUID, text: str, conversation_id: UUID | None, assistant_id: UUID | None, actor: Actor
) -> Submitted:
    person_id = UUID(actor.id)
    _within_limits(person_id)
    if conversation_id is None:
        conversation = _begin(person_id, text, assistant_id)
        parent, number = None, 1
    else:
        conversation = _own(conversation_id, person_id, lock=True)
        _not_answering(conversation)
        parent = Message.objects.filter(conversation=conversation, on_path=True).order_by("-number").first()
        number = _next_number(conversation)
    question_id = new_id()
    question = Message.objects.create(
        id=question_id,
        workspace_id=conversation.workspace_id,
        conversation=conversation,
        parent=parent,
        number=number,
        role=Message.Role.USER,
        author_id=person_id,
        client_id=client_id,
        content=sealed_message(Subject.person(person_id), question_id, text),
    )
    turn = _begin_turn(conversation, question, actor, number=number + 1, characters=len(text))
    return Submitted(turn, is_new=True, conversation_is_new=conversation_id is None)


def _answer_running() -> Conflict:
    return Conflict(
        "answer_running", _("Wait for the answer to end, or stop it; then send your message again.")
    )


def _within_limits(person_id: UUID) -> None:
    """Every message and every regeneration makes a turn, so turns are what is counted."""
    minute_ago = now() - timedelta(minutes=1)
    counts = Turn.objects.filter(
        Q(created_at__gt=minute_ago) | Q(state__in=Turn.UNFINISHED), owner_id=person_id
    ).aggregate(
        recent=Count("id", filter=Q(created_at__gt=minute_ago)),
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


def _begin(person_id: UUID, text: str, assistant_id: UUID | None) -> Conversation:
    if assistant_id is not None and not may_use(assistant_id, reader_id=person_id):
        raise NotFound("assistant_unknown", _("This assistant is no longer here. Choose another one."))
    conversation_id = new_id()
    return Conversation.objects.create(
        id=conversation_id,
        workspace_id=current_workspace_id(),
        owner_id=person_id,
        assistant_id=assistant_id,
        title=sealed_title(Subject.person(person_id), conversation_id, first_title(text)),
    )


def _begin_turn(
    conversation: Conversation,
    question: Message,
    actor: Actor,
    *,
    number: int,
    client_id: UUID | None = None,
    regenerated: bool = False,
    characters: int = 0,
) -> Turn:
    answer = Message.objects.create(
        workspace_id=conversation.workspace_id,
        conversation=conversation,
        parent=question,
        number=number,
        role=Message.Role.ASSISTANT,
    )
    turn = Turn.objects.create(
        workspace_id=conversation.workspace_id,
        conversation=conversation,
        owner_id=conversation.owner_id,
        question=question,
        answer=answer,
        client_id=client_id,
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
            "regenerated": regenerated,
            "begins_conversation": number == 2,
        },
    )
    announce(Announcement.Kind.TURN, conversation, turn_id=turn.id)
    _count(turn, actor)
    return turn


def _count(turn: Turn, actor: Actor) -> None:
    """Pass the person's limits, last in the transaction; without limits the turn is counted when it is over."""
    if admit(user_id=turn.owner_id, token_id=actor.token_id, turns=1):
        turn.counted_at = now()
        turn.save(update_fields=["counted_at"])


@contextmanager
def _noted_at_quota(actor: Actor) -> Iterator[None]:
    """A refusal at a quota is recorded once the transaction that it ended is rolled back."""
    try:
        yield
    except QuotaExceeded as refusal:
        note_refusal(refusal, actor=actor)
        raise


def _own(conversation_id: UUID, person_id: UUID, *, lock: bool = False) -> Conversation:
    rows = Conversation.objects.select_for_update() if lock else Conversation.objects.all()
    conversation = rows.filter(id=conversation_id, owner_id=person_id).first()
    if conversation is None:
        raise NotFound("conversation_not_found", _("This conversation does not exist, or it is not yours."))
    return conversation


def _own_turn(turn_id: UUID, person_id: UUID) -> Turn:
    turn = Turn.objects.filter(id=turn_id, owner_id=person_id).first()
    if turn is None:
        raise NotFound("turn_not_found", _("This answer does not exist, or it is not yours."))
    return turn


def _not_answering(conversation: Conversation) -> None:
    if Turn.objects.filter(conversation=conversation, state__in=Turn.UNFINISHED).exists():
        raise _answer_running()


def _next_number(conversation: Conversation) -> int:
    last = Message.objects.filter(conversation=conversation).aggregate(last=Max("number"))["last"]
    return (last or 0) + 1


def _turn_of(question: Message | None) -> Turn | None:
    turns = Turn.objects.filter(question=question).select_related("conversation", "question", "answer")
    return turns.order_by("created_at").first() if question else None

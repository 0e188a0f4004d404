"""Messages that were said while an answer ran: kept in rows, and sent in their order when their turn comes.

Nobody's browser has to be open for it. Whoever ends a turn begins the next one (runner.py), and the sweep that takes
over what a dead process left does it too; the conversation's lock, the row that goes in the transaction in which its
turn begins, and the one running turn of a conversation let it happen exactly once.

A stopped answer makes way for the next message. After one that failed they wait: its retry goes first, or the person
sends them on. One that is refused (a quota is used up, the assistant is gone) waits with the reason, and those behind
it wait with it, so that their order stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, Max, OuterRef, Subquery
from django.utils.translation import gettext as _

from chatplatform.accounts.models import ApiToken
from chatplatform.accounts.permissions import Permission, may
from chatplatform.accounts.queries import membership_of
from chatplatform.audit.catalogue import AuditEventType
from chatplatform.audit.services import Detail, Outcome, Target, record
from chatplatform.chat import audit_events as events
from chatplatform.chat import limits
from chatplatform.chat.announcements import announce
from chatplatform.chat.attachments.links import attach, send_queued_files
from chatplatform.chat.attachments.views import attachments_of_queued
from chatplatform.chat.beginning import (
    Submitted,
    add_question,
    begin_turn,
    checked_text,
    next_number,
    own,
    turn_of,
    within_limits,
)
from chatplatform.chat.content import queued_text, sealed_queued
from chatplatform.chat.message_length import require_readable
from chatplatform.chat.models import Announcement, Conversation, Message, QueuedMessage, Turn
from chatplatform.chat.protocol import AttachmentView
from chatplatform.chat.services import submit_message
from chatplatform.chat.temporary.policy import require_may_keep
from chatplatform.chat.tree import make_room, shown_end
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, NotAllowed, NotFound, PlatformError, TooMany
from chatplatform.common.ids import new_id
from chatplatform.common.scope import all_workspaces
from chatplatform.privacy.subjects import Subject
from chatplatform.usage.services import QuotaExceeded, note_refusal


@dataclass(frozen=True, slots=True)
class Queued:
    """A message that waits, or waited already under the same client id (`is_new` false)."""

    message: QueuedMessage
    is_new: bool


@dataclass(frozen=True, slots=True)
class TakenBack:
    conversation_id: UUID
    text: str
    attachments: tuple[AttachmentView, ...] = ()


@dataclass(frozen=True, slots=True)
class WaitingQueue:
    """A conversation whose first queued message may be sent now."""

    conversation_id: UUID
    workspace_id: UUID
    owner_id: UUID


def say_or_queue(
    *,
    client_id: UUID,
    text: str,
    conversation_id: UUID | None,
    assistant_id: UUID | None = None,
    folder_id: UUID | None = None,
    attachment_ids: Sequence[UUID] = (),
    actor: Actor,
) -> Submitted | Queued:
    """Say something, at once or, while an answer runs or others wait, after them.

    Sending the same `client_id` again gives what was made of it. Raises as `submit_message` does, and TooMany when
    enough is waiting.
    """
    person_id = UUID(actor.id)
    if conversation_id is not None:
        checked = checked_text(text)
        earlier = QueuedMessage.objects.filter(owner_id=person_id, client_id=client_id).first()
        if earlier is not None:
            return Queued(earlier, is_new=False)
        if _must_wait(own(conversation_id, person_id)):
            require_readable(checked, conversation_id=conversation_id, assistant_id=None, person_id=person_id)
            queued = _queue(client_id, checked, conversation_id, attachment_ids, actor)
            if queued is not None:
                return queued
    try:
        return submit_message(
            client_id=client_id,
            text=text,
            conversation_id=conversation_id,
            assistant_id=assistant_id,
            folder_id=folder_id,
            attachment_ids=attachment_ids,
            actor=actor,
        )
    except Conflict as refusal:
        # another tab was quicker: then it waits
        if refusal.code != "answer_running" or conversation_id is None:
            raise
        queued = _queue(client_id, checked_text(text), conversation_id, attachment_ids, actor)
        if queued is None:
            raise
        return queued


def _must_wait(conversation: Conversation) -> bool:
    """Whether an answer runs, or an earlier message waits that is not held up."""
    if Turn.objects.filter(conversation=conversation, state__in=Turn.UNFINISHED).exists():
        return True
    first = QueuedMessage.objects.filter(conversation=conversation).order_by("number").first()
    return first is not None and not first.refusal and not _last_failed(conversation)


def _queue(
    client_id: UUID, text: str, conversation_id: UUID, attachment_ids: Sequence[UUID], actor: Actor
) -> Queued | None:
    """Keep the message; None when there is nothing to wait for any more, or it was sent before."""
    person_id = UUID(actor.id)
    try:
        with transaction.atomic():
            conversation = own(conversation_id, person_id, lock=True)
            if Message.objects.filter(author_id=person_id, client_id=client_id).exists():
                return None
            if not _must_wait(conversation):
                return None
            waiting = QueuedMessage.objects.filter(conversation=conversation)
            if waiting.count() >= limits.QUEUED_MESSAGES:
                raise TooMany(
                    "queue_full",
                    _("%(n)d messages are waiting already. Take one back, or wait until one is answered.")
                    % {"n": limits.QUEUED_MESSAGES},
                    retry_after_s=20,
                )
            queued_id = new_id()
            require_may_keep(UUID(actor.id))
            message = QueuedMessage.objects.create(
                id=queued_id,
                workspace_id=conversation.workspace_id,
                conversation=conversation,
                owner_id=person_id,
                client_id=client_id,
                number=(waiting.aggregate(last=Max("number"))["last"] or 0) + 1,
                content=sealed_queued(Subject.person(person_id), queued_id, text),
                token_id=actor.token_id,
            )
            attach(attachment_ids, owner_id=person_id, queued_id=message.id)
            _record(events.MESSAGE_QUEUED, message, actor, {"characters": len(text)})
            announce(Announcement.Kind.QUEUE, conversation)
    except IntegrityError:
        earlier = QueuedMessage.objects.filter(owner_id=person_id, client_id=client_id).first()
        if earlier is None:
            raise
        return Queued(earlier, is_new=False)
    return Queued(message, is_new=True)


def take_back(queued_id: UUID, *, actor: Actor) -> TakenBack:
    """Take a waiting message out of the queue, with its words. Raises NotFound when it is not waiting (any more)."""
    person_id = UUID(actor.id)
    with transaction.atomic():
        message = _own_queued(queued_id, person_id)
        conversation = own(message.conversation_id, person_id, lock=True)
        # asked again behind the lock: it may have been sent meanwhile
        message = _own_queued(queued_id, person_id)
        text = queued_text(message)
        files = attachments_of_queued(person_id, [message.id]).get(message.id, ())
        _record(events.MESSAGE_TAKEN_BACK, message, actor, {})
        announce(Announcement.Kind.QUEUE, conversation)
        message.delete()
    return TakenBack(conversation.id, text, tuple(files))


def send_queued(conversation_id: UUID, *, actor: Actor) -> Submitted:
    """Send the first waiting message now, though it was refused before or an answer failed.

    Raises NotFound when none waits, Conflict while an answer runs, and whatever refuses it again.
    """
    person_id = UUID(actor.id)
    own(conversation_id, person_id)
    try:
        submitted = _begin_first(conversation_id, actor=actor)
    except PlatformError as refusal:
        _refuse(conversation_id, refusal)
        raise
    if submitted is None:
        if Turn.objects.filter(conversation_id=conversation_id, state__in=Turn.UNFINISHED).exists():
            raise Conflict("answer_running", _("It is sent by itself when the answer is over."))
        raise NotFound("nothing_queued", _("No message is waiting here any more."))
    return submitted


def begin_next(conversation_id: UUID, *, after_turn_id: UUID | None = None) -> Submitted | None:
    """Send the first waiting message, if its time has come; None when there is nothing to do (now).

    `after_turn_id` is the turn that has just ended, if that is known; else it is the newest one.
    """
    if not QueuedMessage.objects.filter(conversation_id=conversation_id).exists():
        return None
    try:
        return _begin_first(conversation_id, after_turn_id=after_turn_id)
    except QuotaExceeded as refusal:
        _refuse(conversation_id, refusal)
    except TooMany:
        return None  # too much at once: the sweep asks again soon
    except IntegrityError:
        return None  # another process was quicker
    except PlatformError as refusal:
        _refuse(conversation_id, refusal)
    return None


def waiting_queues() -> list[WaitingQueue]:
    """Conversations with a message that could be sent now, all workspaces. One query, and mostly of no rows."""
    with all_workspaces("any web process sends what waits"):
        turns = Turn.objects.filter(conversation_id=OuterRef("conversation_id"))
        ahead = QueuedMessage.objects.filter(
            conversation_id=OuterRef("conversation_id"), number__lt=OuterRef("number")
        )
        rows = (
            QueuedMessage.objects.filter(refusal="")
            .exclude(Exists(ahead))
            .exclude(Exists(turns.filter(state__in=Turn.UNFINISHED)))
            .annotate(last_state=Subquery(turns.order_by("-answer__number").values("state")[:1]))
            .exclude(last_state=Turn.State.FAILED)
        )
        return [WaitingQueue(*row) for row in rows.values_list("conversation_id", "workspace_id", "owner_id")]


# ---------------------------------------------------------------- parts of the acts


def _begin_first(
    conversation_id: UUID, *, actor: Actor | None = None, after_turn_id: UUID | None = None
) -> Submitted | None:
    with transaction.atomic():
        conversation = Conversation.objects.select_for_update().filter(id=conversation_id).first()
        if conversation is None:
            return None
        if Turn.objects.filter(conversation=conversation, state__in=Turn.UNFINISHED).exists():
            return None
        first = QueuedMessage.objects.filter(conversation=conversation).order_by("number").first()
        if first is None:
            return None
        last = _last_turn(conversation, after_turn_id)
        if actor is None and (first.refusal or (last is not None and last.state == Turn.State.FAILED)):
            return None
        sender = actor or Actor.person(first.owner_id, token_id=first.token_id)
        earlier = turn_of(Message.objects.filter(author_id=first.owner_id, client_id=first.client_id).first())
        if earlier is not None:  # said already, by a repetition that overtook it
            first.delete()
            return Submitted(earlier, is_new=False)
        if actor is None:
            _require_place(first)
        within_limits(first.owner_id)
        # by itself it goes behind the answer that it waited for, though another branch is shown meanwhile
        parent = last.answer if actor is None and last is not None else shown_end(conversation)
        make_room(conversation, parent)
        number = next_number(conversation)
        text = queued_text(first)
        question = add_question(conversation, parent, text, number=number, client_id=first.client_id)
        send_queued_files(first.id, question.id)
        first.delete()
        announce(Announcement.Kind.QUEUE, conversation)
        turn = begin_turn(
            conversation, question, sender, number=number + 1, kind="queued", characters=len(text)
        )
    return Submitted(turn, is_new=True)


def _require_place(message: QueuedMessage) -> None:
    """Whoever said it must still be allowed to: they may be gone, and their token revoked."""
    place = membership_of(message.owner_id, message.workspace_id)
    allowed = place is not None and place.is_active and may(place.role, Permission.CHAT)
    if allowed and message.token_id is not None:
        tokens = ApiToken.objects.filter(id=message.token_id, revoked_at=None)
        allowed = tokens.exclude(expires_at__lte=now()).exists()
    if not allowed:
        raise NotAllowed("place_lost", _("You had no access when its turn came."))


def _last_failed(conversation: Conversation) -> bool:
    last = _last_turn(conversation)
    return last is not None and last.state == Turn.State.FAILED


def _last_turn(conversation: Conversation, turn_id: UUID | None = None) -> Turn | None:
    """The turn with this id, else the newest by the order of messages: clocks jump."""
    rows = Turn.objects.filter(conversation=conversation).select_related("answer")
    ended = rows.filter(id=turn_id).first() if turn_id is not None else None
    return ended or rows.order_by("-answer__number").first()


def _refuse(conversation_id: UUID, refusal: PlatformError) -> None:
    """Note at the first waiting message why it could not be sent; in a transaction of its own."""
    with transaction.atomic():
        conversation = Conversation.objects.select_for_update().filter(id=conversation_id).first()
        first = (
            QueuedMessage.objects.filter(conversation=conversation).order_by("number").first()
            if conversation is not None
            else None
        )
        if conversation is None or first is None or first.refusal == refusal.code:
            return
        first.refusal = refusal.code
        first.save(update_fields=["refusal"])
        actor = Actor.person(first.owner_id, token_id=first.token_id)
        _record(events.MESSAGE_REFUSED, first, actor, {"code": refusal.code}, outcome="refused")
        announce(Announcement.Kind.QUEUE, conversation)
    if isinstance(refusal, QuotaExceeded):
        note_refusal(refusal, actor=actor)


def _own_queued(queued_id: UUID, person_id: UUID) -> QueuedMessage:
    message = QueuedMessage.objects.filter(id=queued_id, owner_id=person_id).first()
    if message is None:
        raise NotFound("queued_gone", _("This message is not waiting any more: it was sent or taken back."))
    return message


def _record(
    event: AuditEventType,
    message: QueuedMessage,
    actor: Actor,
    details: dict[str, Detail],
    outcome: Outcome = "ok",
) -> None:
    record(
        event,
        actor=actor,
        workspace_id=message.workspace_id,
        target=Target("queued_message", str(message.id)),
        details={"conversation_id": str(message.conversation_id), **details},
        outcome=outcome,
    )

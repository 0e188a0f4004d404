"""What a person does in a chat. Each act is one transaction: rows, audit event, job and announcement.

All run inside a workspace scope; another person's object is not found. What changes the tree stands in versions.py,
what waits while an answer runs in queueing.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from chatplatform.audit.services import Target, record
from chatplatform.chat import audit_events as events
from chatplatform.chat import limits
from chatplatform.chat.announcements import announce
from chatplatform.chat.attachments.links import attach
from chatplatform.chat.beginning import (
    Submitted,
    add_question,
    answer_running,
    begin_conversation,
    begin_turn,
    checked_text,
    count,
    next_number,
    not_answering,
    noted_at_quota,
    own,
    own_message,
    own_turn,
    take_up_again,
    turn_of,
    within_limits,
)
from chatplatform.chat.content import sealed_title
from chatplatform.chat.message_length import require_readable
from chatplatform.chat.models import Announcement, Conversation, Message, Turn
from chatplatform.chat.searchable import forget_conversations, title_findable
from chatplatform.chat.tree import make_room, shown_end
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput, TooMany
from chatplatform.inference.cache_owners import forget_soon
from chatplatform.privacy.subjects import Subject
from chatplatform.usage.services import QuotaExceeded, note_refusal

__all__ = [
    "Submitted",
    "delete_conversation",
    "regenerate",
    "rename_conversation",
    "request_stop",
    "retry_turn",
    "set_title",
    "submit_message",
]


def submit_message(
    *,
    client_id: UUID,
    text: str,
    conversation_id: UUID | None,
    assistant_id: UUID | None,
    folder_id: UUID | None = None,
    attachment_ids: Sequence[UUID] = (),
    actor: Actor,
) -> Submitted:
    """Keep what a person said and begin the turn that answers it, leased to this process.

    Sending the same `client_id` again gives the first one's turn. Raises InvalidInput for an empty text and for one
    that is too long, for us or for the model, and for files that cannot be sent; NotFound for a conversation that is
    not the actor's, Conflict while another answer is running and TooMany at a limit: QuotaExceeded where a quota is
    used up.
    """
    text = checked_text(text)
    require_readable(
        text, conversation_id=conversation_id, assistant_id=assistant_id, person_id=UUID(actor.id)
    )
    try:
        with transaction.atomic():
            return _submit(client_id, text, conversation_id, assistant_id, folder_id, attachment_ids, actor)
    except (IntegrityError, Conflict, TooMany) as refusal:
        # asked afterwards, because it is rare: was this very message sent before, perhaps a moment ago?
        earlier = turn_of(Message.objects.filter(author_id=UUID(actor.id), client_id=client_id).first())
        if earlier is not None:
            return Submitted(earlier, is_new=False)
        if isinstance(refusal, IntegrityError):
            raise answer_running() from refusal
        if isinstance(refusal, QuotaExceeded):
            note_refusal(refusal, actor=actor)
        raise


def regenerate(
    *, client_id: UUID, turn_id: UUID | None = None, message_id: UUID | None = None, actor: Actor
) -> Submitted:
    """Answer a question again; the new answer takes the old one's place on the path, the old one stays beside it.

    The question is that of the turn, or the message itself or, where it is an answer, what it answers: one without
    any answer is answered for the first time. Raises NotFound, InvalidInput unless exactly one of the two is named,
    Conflict while an answer is running and TooMany at a limit.
    """
    person_id = UUID(actor.id)
    with noted_at_quota(actor), transaction.atomic():
        question = _question(turn_id, message_id, person_id)
        if earlier := Turn.objects.filter(question=question, client_id=client_id).first():
            return Submitted(earlier, is_new=False)
        within_limits(person_id)
        conversation = own(question.conversation_id, person_id, lock=True)
        not_answering(conversation)
        question = Message.objects.get(id=question.id)
        shown = (
            Message.objects.filter(conversation=conversation, parent=question, on_path=True)
            .order_by("-number")
            .first()
        )
        make_room(conversation, question)
        turn = begin_turn(
            conversation,
            question,
            actor,
            number=next_number(conversation),
            client_id=client_id,
            kind="regenerated",
        )
    return Submitted(turn, is_new=True, replaced_message_id=shown.id if shown else None)


def _question(turn_id: UUID | None, message_id: UUID | None, person_id: UUID) -> Message:
    if turn_id is not None and message_id is None:
        return own_turn(turn_id, person_id).question
    if message_id is None or turn_id is not None:
        raise InvalidInput("one_of_two", _("Name the turn or the message, one of the two."))
    message = own_message(message_id, person_id)
    if message.role == Message.Role.ASSISTANT and message.parent is not None:
        return message.parent
    if message.role == Message.Role.ASSISTANT:
        raise Conflict("nothing_to_answer", _("There is no question before this message."))
    return message


def retry_turn(turn_id: UUID, *, actor: Actor) -> Submitted:
    """Take a failed turn up again, from the text that it has. Raises NotFound, Conflict and QuotaExceeded."""
    with noted_at_quota(actor), transaction.atomic():
        turn = own_turn(turn_id, UUID(actor.id))
        conversation = own(turn.conversation_id, UUID(actor.id), lock=True)
        not_answering(conversation)
        turn = Turn.objects.select_for_update().get(id=turn.id)
        if turn.state != Turn.State.FAILED:
            raise Conflict("not_failed", _("This answer did not fail, so there is nothing to retry."))
        if not Message.objects.filter(id=turn.answer_id, on_path=True).exists():
            raise Conflict("not_the_last_answer", _("Only the last answer can be written again."))
        turn.asked_assistant_id, turn.asked_model = conversation.assistant_id, conversation.model
        take_up_again(turn)
        record(
            events.TURN_RETRIED,
            actor=actor,
            workspace_id=turn.workspace_id,
            target=Target("turn", str(turn.id)),
        )
        announce(Announcement.Kind.TURN, conversation, turn_id=turn.id)
        count(turn, actor)
    return Submitted(turn, is_new=True)


def request_stop(turn_id: UUID, *, actor: Actor) -> None:
    """Ask whoever runs the turn to end it. Stopping what is over changes nothing. Raises NotFound."""
    with transaction.atomic():
        turn = own_turn(turn_id, UUID(actor.id))
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
        conversation = own(conversation_id, UUID(actor.id), lock=True)
        set_title(conversation, title, origin=Conversation.TitleOrigin.PERSON, actor=actor)


def set_title(
    conversation: Conversation, title: str, *, origin: Conversation.TitleOrigin, actor: Actor
) -> None:
    """Write a title inside the caller's transaction."""
    conversation.title = sealed_title(Subject.person(conversation.owner_id), conversation.id, title)
    conversation.title_origin = origin
    conversation.save(update_fields=["title", "title_origin"])
    title_findable(conversation)
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
        conversation = own(conversation_id, UUID(actor.id), lock=True)
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
        forget_soon(Subject.person(conversation.owner_id), actor=actor)
        forget_conversations([conversation.id])
        conversation.delete()


def _submit(
    client_id: UUID,
    text: str,
    conversation_id: UUID | None,
    assistant_id: UUID | None,
    folder_id: UUID | None,
    attachment_ids: Sequence[UUID],
    actor: Actor,
) -> Submitted:
    person_id = UUID(actor.id)
    within_limits(person_id)
    if conversation_id is None:
        conversation = begin_conversation(person_id, text, assistant_id, folder_id)
        parent, number = None, 1
    else:
        conversation = own(conversation_id, person_id, lock=True)
        not_answering(conversation)
        parent, number = shown_end(conversation), next_number(conversation)
    question = add_question(conversation, parent, text, number=number, client_id=client_id)
    attach(attachment_ids, owner_id=person_id, message_id=question.id)
    turn = begin_turn(conversation, question, actor, number=number + 1, characters=len(text))
    return Submitted(turn, is_new=True, conversation_is_new=conversation_id is None)

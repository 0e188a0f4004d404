"""What a person does to the tree of a conversation: other versions of messages, other branches, other assistants.

Each act is one transaction: rows, audit event and announcement. All run inside a workspace scope; another person's
object is not found.
"""

from __future__ import annotations

from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from chatplatform.audit.services import Target, record
from chatplatform.chat import audit_events as events
from chatplatform.chat.announcements import announce
from chatplatform.chat.attachments.links import attach_again
from chatplatform.chat.beginning import (
    Submitted,
    add_question,
    answer_running,
    begin_turn,
    checked_text,
    count,
    next_number,
    not_answering,
    noted_at_quota,
    own,
    own_message,
    own_turn,
    require_assistant,
    take_up_again,
    turn_of,
    within_limits,
)
from chatplatform.chat.content import sealed_message, text_of, thinking_of
from chatplatform.chat.message_length import require_readable
from chatplatform.chat.models import Announcement, Conversation, Message, Segment, Turn
from chatplatform.chat.presentation import can_continue
from chatplatform.chat.searchable import find_anew, make_findable
from chatplatform.chat.segments import segment_context
from chatplatform.chat.temporary.policy import require_may_keep
from chatplatform.chat.tree import make_room, moment_beside, show_branch, shown_end
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, InvalidInput, TooMany
from chatplatform.common.ids import new_id
from chatplatform.inference import gateway
from chatplatform.privacy.content import encrypt_text
from chatplatform.privacy.subjects import Subject
from chatplatform.usage.services import QuotaExceeded, note_refusal


def edit_and_answer(*, client_id: UUID, message_id: UUID, text: str, actor: Actor) -> Submitted:
    """Say a message in other words and have it answered: a new branch beside the old one, which stays.

    Sending the same `client_id` again gives the first one's turn. Raises as `submit_message` does, and Conflict for
    an answer of the assistant.
    """
    person_id = UUID(actor.id)
    text = checked_text(text)
    before = _own_question(message_id, person_id)
    require_readable(text, conversation_id=before.conversation_id, assistant_id=None, person_id=person_id)
    try:
        with transaction.atomic():
            within_limits(person_id)
            conversation = own(before.conversation_id, person_id, lock=True)
            not_answering(conversation)
            parent = Message.objects.filter(id=before.parent_id).first() if before.parent_id else None
            shown = Message.objects.filter(conversation=conversation, parent=parent, on_path=True).first()
            make_room(conversation, parent)
            number = next_number(conversation)
            question = add_question(
                conversation,
                parent,
                text,
                number=number,
                client_id=client_id,
                created_at=moment_beside(conversation, parent),
            )
            attach_again(before.id, question.id, owner_id=person_id)
            _record_edit(before, question, conversation, actor, is_answered=True)
            turn = begin_turn(
                conversation, question, actor, number=number + 1, kind="edited", characters=len(text)
            )
    except (IntegrityError, Conflict, TooMany) as refusal:
        earlier = turn_of(Message.objects.filter(author_id=person_id, client_id=client_id).first())
        if earlier is not None:
            return Submitted(earlier, is_new=False)
        if isinstance(refusal, IntegrityError):
            raise answer_running() from refusal
        if isinstance(refusal, QuotaExceeded):
            note_refusal(refusal, actor=actor)
        raise
    return Submitted(turn, is_new=True, replaced_message_id=shown.id if shown else None)


def edit_text(*, message_id: UUID, text: str, actor: Actor) -> Message:
    """Change the words of a message where it stands, without answering anew; what followed it stays.

    The words that it had are kept beside it as an earlier version, so of two edits at once none is lost. Raises
    InvalidInput, NotFound, NotAllowed where every chat is temporary, and Conflict for an answer of the assistant.
    """
    person_id = UUID(actor.id)
    text = checked_text(text)
    require_may_keep(person_id)
    owner = Subject.person(person_id)
    with transaction.atomic():
        conversation = own(_own_question(message_id, person_id).conversation_id, person_id, lock=True)
        message = Message.objects.select_for_update().get(id=message_id)
        words = text_of(message, owner)
        if words == text:
            return message
        earlier_id = new_id()
        earlier = Message.objects.create(
            id=earlier_id,
            workspace_id=message.workspace_id,
            conversation=conversation,
            parent_id=message.parent_id,
            number=next_number(conversation),
            on_path=False,
            chosen=False,
            role=message.role,
            author_id=message.author_id,
            content=sealed_message(owner, earlier_id, words),
            tokens=message.tokens,
            tokens_of=message.tokens_of,
            created_at=message.created_at,
        )
        attach_again(message.id, earlier_id, owner_id=person_id, with_given=True)
        message.content = sealed_message(owner, message.id, text)
        message.tokens, message.tokens_of = None, ""
        message.created_at = moment_beside(conversation, message.parent)
        message.save(update_fields=["content", "tokens", "tokens_of", "created_at"])
        make_findable(conversation, earlier)
        find_anew(conversation, message)
        _record_edit(earlier, message, conversation, actor, is_answered=False)
        announce(Announcement.Kind.MESSAGE, conversation, message_id=message.id)
    return message


def show_version(message_id: UUID, *, actor: Actor) -> Message:
    """Show the branch through this message, in every open view and on every device. Raises NotFound."""
    with transaction.atomic():
        message = own_message(message_id, UUID(actor.id))
        conversation = own(message.conversation_id, UUID(actor.id), lock=True)
        message.refresh_from_db()
        if show_branch(conversation, message):
            record(
                events.BRANCH_SHOWN,
                actor=actor,
                workspace_id=conversation.workspace_id,
                target=Target("conversation", str(conversation.id)),
                details={"message_id": str(message.id)},
            )
            announce(Announcement.Kind.PATH, conversation)
    return message


def continue_answer(turn_id: UUID, *, actor: Actor) -> Submitted:
    """Go on with an answer that was stopped or cut at its greatest length, in the same message.

    Raises NotFound, Conflict while an answer runs, when the answer came to its own end or the conversation has gone
    on since, and TooMany at a limit.
    """
    person_id = UUID(actor.id)
    with noted_at_quota(actor), transaction.atomic():
        turn = own_turn(turn_id, person_id)
        conversation = own(turn.conversation_id, person_id, lock=True)
        not_answering(conversation)
        within_limits(person_id)
        turn = Turn.objects.select_for_update().get(id=turn.id)
        if not can_continue(turn):
            raise Conflict(
                "not_cut", _("This answer came to its end by itself, so there is nothing to continue.")
            )
        end = shown_end(conversation)
        if end is None or end.id != turn.answer_id:
            raise Conflict("not_the_last_answer", _("Only the last answer can be continued."))
        owner = Subject.person(person_id)
        text, thinking = text_of(end, owner), thinking_of(end, owner)
        _back_to_segments(turn, owner, thinking, text)
        Message.objects.filter(id=end.id).update(content=b"", thinking=None, tokens=None, tokens_of="")
        turn.cut_at_limit = False
        turn.continued_from = len(text) + len(thinking)
        turn.counted_at = None
        turn.token_id = actor.token_id
        take_up_again(turn)
        record(
            events.ANSWER_CONTINUED,
            actor=actor,
            workspace_id=turn.workspace_id,
            target=Target("turn", str(turn.id)),
            details={"characters": len(text)},
        )
        announce(Announcement.Kind.TURN, conversation, turn_id=turn.id)
        count(turn, actor)
    return Submitted(turn, is_new=True)


def _back_to_segments(turn: Turn, owner: Subject, thinking: str, text: str) -> None:
    """Have the turn go on from what it thought and said."""
    Segment.objects.filter(turn=turn).delete()
    pieces = [
        (kind, piece)
        for kind, piece in ((Segment.Kind.THINKING, thinking), (Segment.Kind.ANSWER, text))
        if piece
    ]
    Segment.objects.bulk_create(
        [
            Segment(
                workspace_id=turn.workspace_id,
                turn=turn,
                sequence=number,
                kind=kind,
                content=encrypt_text(owner, piece, context=segment_context(turn.id, number)),
            )
            for number, (kind, piece) in enumerate(pieces, start=1)
        ]
    )


def choose_assistant(
    conversation_id: UUID, *, assistant_id: UUID | None, model: str = "", actor: Actor
) -> Conversation:
    """Let another assistant (None: the default one), or another model than its own, answer from the next turn on.

    Raises NotFound for a conversation or an assistant that is not there for this person, InvalidInput for a model
    that is not served.
    """
    person_id = UUID(actor.id)
    if model and model not in served_models():
        raise InvalidInput("model_unknown", _("This model is not served now. Choose one from the list."))
    with transaction.atomic():
        conversation = own(conversation_id, person_id, lock=True)
        if assistant_id != conversation.assistant_id:
            require_assistant(assistant_id, person_id)
        if (conversation.assistant_id, conversation.model) != (assistant_id, model):
            conversation.assistant_id, conversation.model = assistant_id, model
            conversation.save(update_fields=["assistant_id", "model"])
            record(
                events.ASSISTANT_CHOSEN,
                actor=actor,
                workspace_id=conversation.workspace_id,
                target=Target("conversation", str(conversation.id)),
                details={"assistant_id": str(assistant_id or ""), "model": model},
            )
            announce(Announcement.Kind.CONVERSATION, conversation)
    return conversation


def served_models() -> list[str]:
    """The models for answers that the engine serves now, by name; none while it is away."""
    status = async_to_sync(gateway.engine_status)("llm")
    return [model.id for model in status.models if set(model.aliases) != {"embedding"}]


def _own_question(message_id: UUID, person_id: UUID) -> Message:
    message = own_message(message_id, person_id)
    if message.role != Message.Role.USER:
        raise Conflict("not_your_words", _("Only your own messages can be edited."))
    return message


def _record_edit(
    before: Message, after: Message, conversation: Conversation, actor: Actor, *, is_answered: bool
) -> None:
    record(
        events.MESSAGE_EDITED,
        actor=actor,
        workspace_id=conversation.workspace_id,
        target=Target("message", str(after.id)),
        details={
            "conversation_id": str(conversation.id),
            "before_id": str(before.id),
            "answered": is_answered,
        },
    )

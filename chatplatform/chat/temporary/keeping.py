"""A temporary chat becomes a conversation: all of it, or nothing."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from chatplatform.audit.services import Target, record
from chatplatform.chat.announcements import announce
from chatplatform.chat.beginning import answer_running
from chatplatform.chat.content import first_title, sealed_message, sealed_thinking, sealed_title
from chatplatform.chat.models import Announcement, Conversation, Message, Segment, Turn
from chatplatform.chat.searchable import make_findable
from chatplatform.chat.segments import segment_context
from chatplatform.chat.temporary import audit_events as events
from chatplatform.chat.temporary.memory import (
    TemporaryChat,
    TemporaryChats,
    TemporaryMessage,
    TemporaryTurn,
    gone,
)
from chatplatform.chat.temporary.policy import require_may_keep
from chatplatform.chat.turns import Passport
from chatplatform.common.actors import Actor
from chatplatform.common.ids import new_id
from chatplatform.inference.cache_owners import forget_soon
from chatplatform.jobs.services import enqueue
from chatplatform.privacy.content import encrypt_text
from chatplatform.privacy.subjects import Subject


def keep(chats: TemporaryChats, chat: TemporaryChat, *, actor: Actor) -> UUID:
    """Write the chat down as an ordinary conversation, with answers that were replaced; its id.

    Nothing of it is lost if that fails. Raises NotFound when it ended meanwhile, Conflict while an answer runs,
    NotAllowed where every chat is temporary.
    """
    with chat.lock:
        if chat.has_ended:
            raise gone(chat.id)
        require_may_keep(chat.person_id)
        if chat.running is not None:
            raise answer_running()
        with transaction.atomic():
            conversation, messages = _written(chat)
            record(
                events.KEPT,
                actor=actor,
                workspace_id=chat.workspace_id,
                target=Target("temporary_chat", str(chat.id)),
                details={"conversation_id": str(conversation.id), "messages": len(chat.messages)},
            )
            announce(Announcement.Kind.CONVERSATION, conversation)
            make_findable(conversation, *messages, with_title=True)
            enqueue(
                "chat.title",
                args={"conversation_id": str(conversation.id)},
                actor=actor,
                workspace_id=chat.workspace_id,
                dedupe_key=f"chat.title:{conversation.id}",
            )
            forget_soon(Subject.person(chat.person_id), actor=actor, apart=chat.id)
        chats.note_kept(chat, conversation.id)
        chats.remove(chat)
        chat.forget()
    return conversation.id


def _written(chat: TemporaryChat) -> tuple[Conversation, list[Message]]:
    owner = Subject.person(chat.person_id)
    conversation_id = new_id()
    conversation = Conversation.objects.create(
        id=conversation_id,
        workspace_id=chat.workspace_id,
        owner_id=chat.person_id,
        assistant_id=chat.assistant_id,
        title=sealed_title(owner, conversation_id, first_title(chat.messages[0].text)),
        created_at=chat.created_at,
        updated_at=chat.updated_at,
    )
    sent = [message.client_id for message in chat.messages if message.client_id is not None]
    taken = set(
        Message.objects.filter(author_id=chat.person_id, client_id__in=sent).values_list(
            "client_id", flat=True
        )
    )
    # parents first: they have the lower numbers
    messages = [_message(each, conversation, owner, taken) for each in chat.messages]
    Message.objects.bulk_create(messages)
    Turn.objects.bulk_create([_turn(turn, conversation) for turn in chat.turns])
    Segment.objects.bulk_create(
        [
            Segment(
                workspace_id=chat.workspace_id,
                turn_id=turn.id,
                sequence=number,
                kind=kind,
                content=encrypt_text(owner, piece, context=segment_context(turn.id, number)),
            )
            for turn in chat.turns
            for number, (kind, piece) in enumerate(turn.pieces, start=1)
        ]
    )
    return conversation, messages


def _message(
    message: TemporaryMessage, conversation: Conversation, owner: Subject, taken: set[UUID | None]
) -> Message:
    is_question = message.turn is None
    return Message(
        id=message.id,
        workspace_id=conversation.workspace_id,
        conversation=conversation,
        parent_id=message.parent.id if message.parent is not None else None,
        number=message.number,
        on_path=message.on_path,
        chosen=message.on_path,
        role=message.role,
        author_id=conversation.owner_id if is_question else None,
        client_id=message.client_id if message.client_id not in taken else None,
        content=sealed_message(owner, message.id, message.text) if message.text else b"",
        thinking=sealed_thinking(owner, message.id, message.thinking),
        tokens=message.tokens,
        tokens_of=message.tokens_of,
        created_at=message.created_at,
    )


def _turn(turn: TemporaryTurn, conversation: Conversation) -> Turn:
    columns = {field.name for field in Turn._meta.concrete_fields}
    return Turn(
        id=turn.id,
        workspace_id=conversation.workspace_id,
        conversation=conversation,
        owner_id=conversation.owner_id,
        question_id=turn.question.id,
        answer_id=turn.answer.id,
        client_id=turn.client_id,
        state=turn.state,
        error_code=turn.error_code,
        created_at=turn.created_at,
        finished_at=turn.finished_at,
        counted_at=turn.counted_at,
        asked_assistant_id=conversation.assistant_id,
        has_thinking=bool(turn.answer.thinking or turn.joined(Segment.Kind.THINKING)),
        **{name: getattr(turn.passport, name) for name in Passport.__dataclass_fields__ if name in columns},
    )

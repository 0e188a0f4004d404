"""Temporary chats as frames: what a socket is shown of them is what it is shown of any other."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext as _

from chatplatform.chat.markdown import render
from chatplatform.chat.models import Segment, Turn
from chatplatform.chat.presentation import error_of
from chatplatform.chat.protocol import (
    Accepted,
    ConversationView,
    LeftOutView,
    MessageView,
    Snapshot,
    TurnView,
)
from chatplatform.chat.temporary.memory import TemporaryChat, TemporaryMessage, TemporaryTurn


def chat_view(chat: TemporaryChat) -> ConversationView:
    return ConversationView(
        id=chat.id,
        title=_("Temporary chat"),
        assistant_id=chat.assistant_id,
        updated_at=chat.updated_at,
        temporary=True,
    )


def snapshot_of(chat: TemporaryChat) -> Snapshot:
    return Snapshot(conversation=chat_view(chat), messages=[message_view(each) for each in chat.path])


def accepted(
    chat: TemporaryChat,
    turn: TemporaryTurn,
    *,
    client_id: UUID,
    replaces_message_id: UUID | None = None,
) -> Accepted:
    return Accepted(
        client_id=client_id,
        conversation=chat_view(chat),
        question=message_view(turn.question),
        answer=message_view(turn.answer),
        replaces_message_id=replaces_message_id,
    )


def message_view(message: TemporaryMessage) -> MessageView:
    parent_id = message.parent.id if message.parent is not None else None
    if message.turn is None:
        return MessageView(
            id=message.id,
            parent_id=parent_id,
            role="user",
            text=message.text,
            created_at=message.created_at,
            client_id=message.client_id,
        )
    text = text_of(message)
    return MessageView(
        id=message.id,
        parent_id=parent_id,
        role="assistant",
        text=text,
        html=render(text) if text else "",
        created_at=message.created_at,
        turn=turn_view(message.turn),
    )


def text_of(message: TemporaryMessage) -> str:
    """A message's words; of an answer that runs nothing, as its blocks are what there is to show."""
    turn = message.turn
    if turn is not None and turn.state == Turn.State.FAILED:
        return turn.joined(Segment.Kind.ANSWER)
    return message.text


def turn_view(turn: TemporaryTurn) -> TurnView:
    failed = turn.state == Turn.State.FAILED
    left_out = None
    if turn.is_over and turn.passport.messages_left_out:
        left_out = LeftOutView.model_validate(
            {
                "messages": turn.passport.messages_left_out,
                "reason": turn.passport.left_out_reason or "context",
            }
        )
    thinking = turn.joined(Segment.Kind.THINKING) if failed else turn.answer.thinking
    return TurnView(
        id=turn.id,
        state=turn.state.value,
        error=error_of(turn.error_code) if failed else None,
        can_retry=failed,
        left_out=left_out,
        thinking=thinking,
        thought_s=turn.passport.thought_s,
        has_thinking=bool(thinking),
    )

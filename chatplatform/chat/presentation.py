"""Rows as frames: what a socket is shown of a conversation."""

from __future__ import annotations

from typing import cast

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatplatform.chat.content import text_of, title_of
from chatplatform.chat.markdown import render
from chatplatform.chat.models import Conversation, Message, Turn
from chatplatform.chat.protocol import ConversationView, ErrorInfo, LeftOutView, MessageView, TurnView
from chatplatform.chat.segments import joined_text
from chatplatform.privacy.prompt import LeftOutReason
from chatplatform.privacy.subjects import Subject

ERRORS: dict[str, str | Promise] = {
    "engine_unavailable": _(
        "The model did not come back in time. Your question and the text so far are kept: try again."
    ),
    "context_overflow": _(
        "This message is too long for the model's context window. Shorten it, or begin a new chat."
    ),
    "privacy_refused": _("A privacy rule does not allow this model to read the conversation."),
    "engine_refused": _("The model refused the request. An administrator finds the reason in the log."),
    "engine_model_unknown": _(
        "The model that this assistant asks for is not here now. An administrator has to choose another one."
    ),
    "answer_not_continued": _(
        "The model was lost half-way, and nobody could go on with its answer. The text so far is kept: try again."
    ),
    "assistant_unknown": _("This assistant is no longer here. Begin a new chat with another one."),
    "assistant_not_released": _(
        "This assistant has no released prompt yet. An administrator has to release one."
    ),
    "internal": _("Something went wrong on our side. Your question and the text so far are kept: try again."),
}


def error_of(code: str) -> ErrorInfo:
    return ErrorInfo(code=code, message=str(ERRORS.get(code) or ERRORS["internal"]))


def conversation_view(conversation: Conversation) -> ConversationView:
    return ConversationView(
        id=conversation.id,
        title=title_of(conversation) or gettext("New chat"),
        assistant_id=conversation.assistant_id,
        updated_at=conversation.updated_at,
    )


def question_view(message: Message, owner: Subject) -> MessageView:
    return MessageView(
        id=message.id,
        role="user",
        text=text_of(message, owner),
        created_at=message.created_at,
        client_id=message.client_id,
    )


def answer_view(message: Message, turn: Turn | None, owner: Subject) -> MessageView:
    """An answer: whole when it is over, with the text so far when it failed, empty while it runs."""
    text = text_of(message, owner)
    if turn is not None and turn.state == Turn.State.FAILED:
        text, _last = joined_text(turn, owner)
    return MessageView(
        id=message.id,
        role="assistant",
        text=text,
        html=render(text) if text else "",
        created_at=message.created_at,
        turn=turn_view(turn) if turn is not None else None,
    )


def turn_view(turn: Turn) -> TurnView:
    """The turn as its row says; the live one knows more while it runs."""
    failed = turn.state == Turn.State.FAILED
    return TurnView(
        id=turn.id,
        state=Turn.State(turn.state).value,
        error=error_of(turn.error_code) if failed else None,
        can_retry=failed,
        left_out=left_out_of(turn),
    )


def left_out_of(turn: Turn) -> LeftOutView | None:
    """What of the conversation the model did not get, for a turn that is over."""
    if not turn.messages_left_out or turn.state in Turn.UNFINISHED:
        return None
    reason = cast(LeftOutReason, turn.left_out_reason or "context")
    return LeftOutView(messages=turn.messages_left_out, reason=reason)

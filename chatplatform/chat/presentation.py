"""Rows as frames: what a socket is shown of a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatplatform.chat.content import queued_text, text_of, title_of
from chatplatform.chat.markdown import render
from chatplatform.chat.models import Conversation, Message, QueuedMessage, Turn
from chatplatform.chat.protocol import (
    AttachmentView,
    ConversationView,
    ErrorInfo,
    LeftOutView,
    MessageView,
    QueuedView,
    SourceView,
    TurnView,
)
from chatplatform.chat.segments import joined_text
from chatplatform.chat.sources.passages import Source
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
    "files_unread": _(
        "The attached files are still being read. Your question is kept: try again in a moment."
    ),
    "internal": _("Something went wrong on our side. Your question and the text so far are kept: try again."),
}


# why a queued message could not be sent
REFUSALS: dict[str, str | Promise] = {
    "quota_exceeded": _("Your limit is used up. Send it again later, or take it back."),
    "place_lost": _("You had no access when its turn came. Send it again, or take it back."),
    "internal": _("It could not be sent. Send it again, or take it back."),
}


def error_of(code: str) -> ErrorInfo:
    return ErrorInfo(code=code, message=str(ERRORS.get(code) or ERRORS["internal"]))


def conversation_view(conversation: Conversation) -> ConversationView:
    return ConversationView(
        id=conversation.id,
        title=title_of(conversation) or gettext("New chat"),
        assistant_id=conversation.assistant_id,
        model=conversation.model,
        updated_at=conversation.updated_at,
        folder_id=conversation.folder_id,
        tag_ids=[mark.tag_id for mark in conversation.conversation_tags.all()],
        pinned=conversation.pinned_at is not None,
        archived=conversation.archived_at is not None,
    )


def queued_view(message: QueuedMessage, attachments: Sequence[AttachmentView] = ()) -> QueuedView:
    refusal = None
    if message.refusal:
        words = str(REFUSALS.get(message.refusal) or REFUSALS["internal"])
        refusal = ErrorInfo(code=message.refusal, message=words)
    return QueuedView(
        id=message.id,
        client_id=message.client_id,
        text=queued_text(message),
        created_at=message.created_at,
        refusal=refusal,
        attachments=list(attachments),
    )


def question_view(
    message: Message,
    owner: Subject,
    versions: Sequence[UUID] = (),
    attachments: Sequence[AttachmentView] = (),
) -> MessageView:
    return MessageView(
        id=message.id,
        role="user",
        text=text_of(message, owner),
        created_at=message.created_at,
        client_id=message.client_id,
        parent_id=message.parent_id,
        versions=list(versions),
        attachments=list(attachments),
    )


def answer_view(
    message: Message,
    turn: Turn | None,
    owner: Subject,
    versions: Sequence[UUID] = (),
    sources: Sequence[Source] = (),
) -> MessageView:
    """An answer: whole when it is over, with the text so far when it failed, empty while it runs."""
    text = text_of(message, owner)
    if turn is not None and turn.state == Turn.State.FAILED:
        text, _last = joined_text(turn, owner)
    return MessageView(
        id=message.id,
        role="assistant",
        text=text,
        html=render(text, [source.number for source in sources]) if text else "",
        created_at=message.created_at,
        turn=turn_view(turn) if turn is not None else None,
        parent_id=message.parent_id,
        versions=list(versions),
        sources=[source_view(source) for source in sources],
    )


def source_view(source: Source) -> SourceView:
    return SourceView(
        number=source.number,
        title=source.title,
        kind=source.kind,
        document_id=source.document_id,
        page=source.page,
        url=source.url,
    )


def turn_view(turn: Turn) -> TurnView:
    """The turn as its row says; the live one knows more while it runs."""
    failed = turn.state == Turn.State.FAILED
    is_over = turn.state not in Turn.UNFINISHED
    return TurnView(
        id=turn.id,
        state=Turn.State(turn.state).value,
        error=error_of(turn.error_code) if failed else None,
        can_retry=failed,
        can_continue=can_continue(turn),
        cut_at_limit=is_over and turn.cut_at_limit,
        assistant_id=turn.assistant_id if is_over else None,
        model=turn.model if is_over else "",
        left_out=left_out_of(turn),
        used_tokens=turn.prompt_tokens + turn.completion_tokens if turn.window_tokens else 0,
        window_tokens=turn.window_tokens,
        thought_s=turn.thought_s if is_over else None,
        has_thinking=is_over and turn.has_thinking,
    )


def can_continue(turn: Turn) -> bool:
    """Whether the answer ended before it was at its end."""
    return turn.state == Turn.State.STOPPED or (turn.state == Turn.State.FINISHED and turn.cut_at_limit)


def left_out_of(turn: Turn) -> LeftOutView | None:
    """What of the conversation the model did not get, for a turn that is over."""
    if not turn.messages_left_out or turn.state in Turn.UNFINISHED:
        return None
    reason = cast(LeftOutReason, turn.left_out_reason or "context")
    return LeftOutView(messages=turn.messages_left_out, reason=reason)

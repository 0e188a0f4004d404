"""Frames to the browser."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from chatplatform.chat.protocol.frame import MAX_MESSAGE_CHARS, PROTOCOL_VERSION, Frame
from chatplatform.chat.protocol.views import (
    AttachmentView,
    ConversationView,
    MessageView,
    QueuedView,
    Tail,
    TurnState,
)


class Welcome(Frame):
    """First frame of every connection. `limits` are what the server refuses beyond."""

    type: Literal["welcome"] = "welcome"
    version: int = PROTOCOL_VERSION
    max_message_chars: int = MAX_MESSAGE_CHARS


class Snapshot(Frame):
    """The state of the watched conversation, oldest message first; replaces whatever the client shows.

    `has_older` tells that `older` would bring more; `queued` are the messages that wait, in their order;
    `running_turn_id` is the turn that runs, `running_message_id` its answer, though that may be on another branch than
    the one shown. `outbound` is how many requests left this machine for it."""

    type: Literal["snapshot"] = "snapshot"
    conversation: ConversationView | None
    messages: list[MessageView] = []
    has_older: bool = False
    queued: list[QueuedView] = []
    running_turn_id: UUID | None = None
    running_message_id: UUID | None = None
    outbound: int = 0


class OlderMessages(Frame):
    type: Literal["older"] = "older"
    conversation_id: UUID
    messages: list[MessageView]
    has_older: bool


class Accepted(Frame):
    """The question and the (still empty) answer are rows now. After `regenerate` and `edit`, they take the place of
    the message `replaces_message_id` and of all that was shown behind it. If the question then does not follow
    (`parent_id`) what is shown, another branch is shown now: send `open` again. A queued message with the same
    `client_id` waits no more. A sender without a conversation is now watching the new one."""

    type: Literal["accepted"] = "accepted"
    client_id: UUID
    conversation: ConversationView
    question: MessageView
    answer: MessageView
    replaces_message_id: UUID | None = None


class MessageQueued(Frame):
    """The message waits: it is sent by itself when its turn comes."""

    type: Literal["queued"] = "queued"
    client_id: UUID
    conversation_id: UUID
    message: QueuedView


class MessageTakenBack(Frame):
    """The message does not wait any more: its text is the client's again, and so are its files."""

    type: Literal["taken_back"] = "taken_back"
    conversation_id: UUID
    queued_id: UUID
    text: str
    attachments: list[AttachmentView] = []


class MessageChanged(Frame):
    """A message was put into other words where it stands: it replaces the one that is shown."""

    type: Literal["message"] = "message"
    conversation_id: UUID
    message: MessageView


class Forked(Frame):
    """The conversation that was begun from a message of another."""

    type: Literal["forked"] = "forked"
    client_id: UUID
    conversation: ConversationView


class Delta(Frame):
    """More of an answer. Apply in order: append `blocks`; then, if `tail` is set, it replaces the open tail,
    else `tail_add` is appended to the tail's text. If `sequence` is not the last one + 1, send `open` again.
    `thinking_add` is appended to the turn's `thinking`; `thought_s` and `is_thinking` replace the turn's."""

    type: Literal["delta"] = "delta"
    turn_id: UUID
    sequence: int
    blocks: list[str] = []
    tail: Tail | None = None
    tail_add: str = ""
    thinking_add: str = ""
    thought_s: float | None = None
    is_thinking: bool = False


class TurnChanged(Frame):
    """The turn's state changed without more text: queued, running, waiting for the engine."""

    type: Literal["turn"] = "turn"
    turn_id: UUID
    state: TurnState
    queue_position: int | None = None
    queue_wait_s: float | None = None


class Finished(Frame):
    """The turn is over: `message` replaces everything shown for it."""

    type: Literal["finished"] = "finished"
    turn_id: UUID
    message: MessageView


class ConversationChanged(Frame):
    """A conversation of this person is new, was renamed or moved up. Sent to every socket of the person."""

    type: Literal["conversation"] = "conversation"
    conversation: ConversationView


class Kept(Frame):
    """The temporary conversation is an ordinary one now, by another id; its messages kept theirs."""

    type: Literal["kept"] = "kept"
    conversation_id: UUID
    kept_id: UUID


class ConversationRemoved(Frame):
    type: Literal["removed"] = "removed"
    conversation_id: UUID


class Error(Frame):
    """A frame was refused; nothing of it happened. `client_id`, `turn_id`, `message_id` and `queued_id` name what it
    was about.

    The text of a refused `send` stays with the client, which shows the message beside it."""

    type: Literal["error"] = "error"
    code: str
    message: str
    client_id: UUID | None = None
    turn_id: UUID | None = None
    message_id: UUID | None = None
    queued_id: UUID | None = None
    retry_after_s: float | None = None


class Pong(Frame):
    type: Literal["pong"] = "pong"


ServerFrame = (
    Welcome
    | Snapshot
    | OlderMessages
    | Accepted
    | MessageQueued
    | MessageTakenBack
    | MessageChanged
    | Forked
    | Delta
    | TurnChanged
    | Finished
    | ConversationChanged
    | Kept
    | ConversationRemoved
    | Error
    | Pong
)

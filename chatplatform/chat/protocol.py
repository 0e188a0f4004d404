"""The websocket protocol, version 1: every frame that may cross `/ws/chat/`, as a typed union.

One socket serves one browser tab. It watches at most one conversation at a time (`open`). Frames are JSON
objects with a `type`; unknown types and fields are refused with an `error` frame, never ignored. The rows are
the truth: what a `delta` shows was committed before. Described for client authors in docs/websocket.md.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

PROTOCOL_VERSION = 1
MAX_FRAME_BYTES = 256 * 1024
MAX_MESSAGE_CHARS = 32_000


class Frame(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# ------------------------------------------------------------------ from the browser


class Open(Frame):
    """Watch a conversation: answered by `snapshot`. `conversation_id` null watches nothing (a new chat)."""

    type: Literal["open"]
    conversation_id: UUID | None


class Send(Frame):
    """Say something. `client_id` is the client's own id for the message: sending it again changes nothing.

    Without `conversation_id` a new conversation begins, with `assistant_id` or the default assistant.
    Answered by `accepted` to every socket that watches, and by `accepted` (the same) to a repetition.
    """

    type: Literal["send"]
    client_id: UUID
    conversation_id: UUID | None = None
    assistant_id: UUID | None = None
    text: str


class Stop(Frame):
    """End the running answer and keep what it has said."""

    type: Literal["stop"]
    turn_id: UUID


class Regenerate(Frame):
    """Answer the same question again; the earlier answer is kept beside it."""

    type: Literal["regenerate"]
    client_id: UUID
    turn_id: UUID


class Retry(Frame):
    """Go on with a turn that failed, from the text that it has."""

    type: Literal["retry"]
    turn_id: UUID


class Older(Frame):
    """Ask for the messages before `before_message_id`: answered by `older`."""

    type: Literal["older"]
    conversation_id: UUID
    before_message_id: UUID


class Ping(Frame):
    type: Literal["ping"]


ClientFrame = Annotated[Open | Send | Stop | Regenerate | Retry | Older | Ping, Field(discriminator="type")]
client_frame: TypeAdapter[ClientFrame] = TypeAdapter(ClientFrame)


# ------------------------------------------------------------------ to the browser

TurnState = Literal["queued", "running", "waiting", "finished", "stopped", "failed"]


class Welcome(Frame):
    """First frame of every connection. `limits` are what the server refuses beyond."""

    type: Literal["welcome"] = "welcome"
    version: int = PROTOCOL_VERSION
    max_message_chars: int = MAX_MESSAGE_CHARS


class Tail(Frame):
    """The open end of a streaming answer: markdown that is not finished, shown as text.

    `kind` tells how to show it: running text, or the inside of a code block in `language`.
    """

    kind: Literal["text", "code"] = "text"
    language: str = ""
    text: str = ""


class ErrorInfo(Frame):
    """`message` is in the reader's language and says what to do; `code` is stable, for programs."""

    code: str
    message: str


class LeftOutView(Frame):
    """How many older messages were not put to the model. `reason`: `context`, they do not fit into what it can read at
    once; `first_word`, to read them would have taken longer than the wished time to the first word; `long_chat`, there
    are more messages than are looked at."""

    messages: int
    reason: Literal["context", "first_word", "long_chat"]


class TurnView(Frame):
    """A turn as a socket sees it. `blocks` are finished HTML blocks (sanitised), `tail` the open end.

    `sequence` numbers the deltas of the turn: the next `delta` carries `sequence + 1`.
    `queue_position` counts from 1 while `queued`, `queue_wait_s` is the engine's guess; `error` is set when `failed`;
    `can_retry` says whether `retry` makes sense. `left_out` is set when it is over and the model did not get the whole
    conversation. While `waiting`, the engine is being restarted and the turn goes on by itself.
    """

    id: UUID
    state: TurnState
    sequence: int = 0
    blocks: list[str] = []
    tail: Tail = Tail()
    queue_position: int | None = None
    queue_wait_s: float | None = None
    left_out: LeftOutView | None = None
    error: ErrorInfo | None = None
    can_retry: bool = False


class MessageView(Frame):
    """A message. A person's is plain text in `text`; an assistant's is sanitised `html`, with the source in
    `text` for copying. `turn` is set on an assistant's message: while it runs, `html` is empty and the turn's
    blocks and tail are what there is to show."""

    id: UUID
    role: Literal["user", "assistant"]
    text: str
    html: str = ""
    created_at: datetime
    client_id: UUID | None = None
    turn: TurnView | None = None


class ConversationView(Frame):
    id: UUID
    title: str
    assistant_id: UUID | None
    updated_at: datetime


class Snapshot(Frame):
    """The state of the watched conversation, oldest message first; replaces whatever the client shows.

    `has_older` tells that `older` would bring more.
    """

    type: Literal["snapshot"] = "snapshot"
    conversation: ConversationView | None
    messages: list[MessageView] = []
    has_older: bool = False


class OlderMessages(Frame):
    type: Literal["older"] = "older"
    conversation_id: UUID
    messages: list[MessageView]
    has_older: bool


class Accepted(Frame):
    """The question and the (still empty) answer are rows now. After `regenerate`, `answer` takes the place of
    the message `replaces_message_id`. A sender without a conversation is now watching the new one."""

    type: Literal["accepted"] = "accepted"
    client_id: UUID
    conversation: ConversationView
    question: MessageView
    answer: MessageView
    replaces_message_id: UUID | None = None


class Delta(Frame):
    """More of an answer. Apply in order: append `blocks`; then, if `tail` is set, it replaces the open tail,
    else `tail_add` is appended to the tail's text. If `sequence` is not the last one + 1, send `open` again."""

    type: Literal["delta"] = "delta"
    turn_id: UUID
    sequence: int
    blocks: list[str] = []
    tail: Tail | None = None
    tail_add: str = ""


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


class ConversationRemoved(Frame):
    type: Literal["removed"] = "removed"
    conversation_id: UUID


class Error(Frame):
    """A frame was refused; nothing of it happened. `client_id` and `turn_id` name what it was about.

    The text of a refused `send` stays with the client, which shows the message beside it."""

    type: Literal["error"] = "error"
    code: str
    message: str
    client_id: UUID | None = None
    turn_id: UUID | None = None
    retry_after_s: float | None = None


class Pong(Frame):
    type: Literal["pong"] = "pong"


ServerFrame = (
    Welcome
    | Snapshot
    | OlderMessages
    | Accepted
    | Delta
    | TurnChanged
    | Finished
    | ConversationChanged
    | ConversationRemoved
    | Error
    | Pong
)

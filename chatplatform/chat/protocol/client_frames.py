"""Frames from the browser."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, TypeAdapter

from chatplatform.chat.protocol.frame import Frame


class Open(Frame):
    """Watch a conversation: answered by `snapshot`. `conversation_id` null watches nothing (a new chat). With
    `message_id` the snapshot reaches back to that message of the shown branch."""

    type: Literal["open"]
    conversation_id: UUID | None
    message_id: UUID | None = None


class Send(Frame):
    """Say something. `client_id` is the client's own id for the message: sending it again changes nothing.

    Without `conversation_id` a new conversation begins, with `assistant_id` or the default assistant, in the folder
    `folder_id` or in none. Answered by `accepted` to every socket that watches, and by `accepted` (the same) to a
    repetition. While an answer runs it is refused, or with `if_busy` `queue` kept until that is over: answered by
    `queued`.
    `attachment_ids` are files that were uploaded before (docs/files.md); the answer waits until they are read.
    A conversation that begins with `temporary` lives in the memory of one server process alone; in a workspace where
    all do, so does one without it.
    """

    type: Literal["send"]
    client_id: UUID
    conversation_id: UUID | None = None
    assistant_id: UUID | None = None
    text: str
    folder_id: UUID | None = None
    attachment_ids: list[UUID] = Field([], max_length=50)
    if_busy: Literal["refuse", "queue"] = "refuse"
    temporary: bool = False


class Stop(Frame):
    """End the running answer and keep what it has said."""

    type: Literal["stop"]
    turn_id: UUID


class Regenerate(Frame):
    """Answer the same question again; the earlier answer is kept beside it. Names the turn, or one of its messages: a
    question without an answer is answered for the first time."""

    type: Literal["regenerate"]
    client_id: UUID
    turn_id: UUID | None = None
    message_id: UUID | None = None


class Edit(Frame):
    """Put a message of one's own into other words. With `answer` it begins a branch beside the old one, answered by
    `accepted`; without, the words change where they stand, told by `message`. What it said before is kept."""

    type: Literal["edit"]
    client_id: UUID
    message_id: UUID
    text: str
    answer: bool = True


class Switch(Frame):
    """Show the branch through this message, in every open view: answered by `snapshot`."""

    type: Literal["switch"]
    message_id: UUID


class Continue(Frame):
    """Go on with an answer that was stopped or cut at its greatest length, in the same message."""

    type: Literal["continue"]
    turn_id: UUID


class Fork(Frame):
    """Begin a conversation with all that led to this message: answered by `forked`."""

    type: Literal["fork"]
    client_id: UUID
    message_id: UUID


class Choose(Frame):
    """Let another assistant (null: the default one), or another model than its own (empty: its own), answer from now
    on: told by `conversation`."""

    type: Literal["choose"]
    conversation_id: UUID
    assistant_id: UUID | None = None
    model: str = Field("", max_length=255)


class TakeBack(Frame):
    """Take a queued message out of the queue: answered by `taken_back`, with its text."""

    type: Literal["take_back"]
    queued_id: UUID


class SendQueued(Frame):
    """Send the first queued message now, though it was refused or an answer failed before it."""

    type: Literal["send_queued"]
    conversation_id: UUID


class Keep(Frame):
    """Make an ordinary conversation of a temporary one: answered by `kept` to every socket that watches it."""

    type: Literal["keep"]
    conversation_id: UUID


class EndTemporary(Frame):
    """Close a temporary conversation: its messages are gone, told by `removed`."""

    type: Literal["end"]
    conversation_id: UUID


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


ClientFrame = Annotated[
    Open
    | Send
    | Stop
    | Regenerate
    | Edit
    | Switch
    | Continue
    | Fork
    | Choose
    | TakeBack
    | SendQueued
    | Keep
    | EndTemporary
    | Retry
    | Older
    | Ping,
    Field(discriminator="type"),
]
client_frame: TypeAdapter[ClientFrame] = TypeAdapter(ClientFrame)

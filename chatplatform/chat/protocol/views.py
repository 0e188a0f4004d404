"""What frames hold: conversations, messages, turns and their parts, as one reader sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from chatplatform.chat.protocol.frame import Frame

TurnState = Literal["queued", "running", "waiting", "finished", "stopped", "failed"]


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
    conversation. While `waiting`, the engine is being restarted and the turn goes on by itself. When it is over,
    `used_tokens` of the model's `window_tokens` are taken (0: not known), `assistant_id` and `model` say who answered,
    and `can_continue` whether `continue` makes sense: the answer was stopped, or cut (`cut_at_limit`).

    `thought_s` is how many seconds the model thought before it answered, so far (null: it did not); `is_thinking` that
    it goes on. `thinking` is plain text: what it thought so far, while the turn runs, and all of it in a temporary
    chat; of any other turn that is over, `has_thinking` says that it is at `/api/turns/<id>/thinking`.
    """

    id: UUID
    state: TurnState
    sequence: int = 0
    blocks: list[str] = []
    tail: Tail = Tail()
    queue_position: int | None = None
    queue_wait_s: float | None = None
    left_out: LeftOutView | None = None
    used_tokens: int = 0
    window_tokens: int = 0
    error: ErrorInfo | None = None
    can_retry: bool = False
    can_continue: bool = False
    cut_at_limit: bool = False
    assistant_id: UUID | None = None
    model: str = ""
    thinking: str = ""
    thought_s: float | None = None
    is_thinking: bool = False
    has_thinking: bool = False


class SourceView(Frame):
    """What an answer cites as `[number]`: `data-citation` of a button in its HTML. Its passage is at
    `/api/turns/<turn>/sources/<number>`. `url` is a whole address of the web, or empty."""

    number: int
    title: str
    kind: Literal["file", "document", "web", "tool"]
    document_id: UUID | None = None
    page: int | None = None
    url: str = ""


class AttachmentView(Frame):
    """A file of a message. `state` is reading, ready or failed, then with words in `problem`. `use` is how questions
    are to get it: auto, whole or passages; `given` how the model got it: whole, `passages` of `of_passages`, or
    nothing; empty until it did."""

    id: UUID
    file_id: UUID
    name: str
    kind: str
    size: int
    state: str
    problem: str = ""
    use: str = "auto"
    given: str = ""
    passages: int = 0
    of_passages: int = 0


class SummaryView(Frame):
    """So many messages, up to and with this one, are summarised. The text is at `/api/summaries/<id>`."""

    id: UUID
    messages: int


class MessageView(Frame):
    """A message. A person's is plain text in `text`; an assistant's is sanitised `html`, with the source in
    `text` for copying. `turn` is set on an assistant's message: while it runs, `html` is empty and the turn's
    blocks and tail are what there is to show. `parent_id` is the message that it follows; `versions` are all messages
    that stand in its place, itself among them, oldest first, and empty where it is the only one. `sources` are what an
    answer may cite, by number; `attachments` are the files of a person's message. `summary` is set where a summary
    of the older messages ends with this one: the model reads it in their place once they do not fit any more."""

    id: UUID
    role: Literal["user", "assistant"]
    text: str
    html: str = ""
    created_at: datetime
    client_id: UUID | None = None
    turn: TurnView | None = None
    parent_id: UUID | None = None
    versions: list[UUID] = []
    sources: list[SourceView] = []
    attachments: list[AttachmentView] = []
    summary: SummaryView | None = None


class ConversationView(Frame):
    """`folder_id` is the folder that it lies in, `tag_ids` what it is marked with. A `temporary` one is in no list, and
    lives in the memory of one server process. `answering` is told when it
    begins or ends to be answered, and false elsewhere."""

    id: UUID
    title: str
    assistant_id: UUID | None
    updated_at: datetime
    folder_id: UUID | None = None
    tag_ids: list[UUID] = []
    pinned: bool = False
    archived: bool = False
    model: str = ""
    temporary: bool = False
    answering: bool = False


class QueuedView(Frame):
    """A message that waits until the running answer is over. With `refusal` it could not be sent: it, and those behind
    it, wait for the person."""

    id: UUID
    client_id: UUID
    text: str
    created_at: datetime
    refusal: ErrorInfo | None = None
    attachments: list[AttachmentView] = []

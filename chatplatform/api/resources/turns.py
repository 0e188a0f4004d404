"""Turns: all that is done to answer one message."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from ninja import Schema

from chatplatform.api.schemas import Moment
from chatplatform.chat.turn_queries import MessageDetails, TurnDetails

State = Literal["queued", "running", "waiting", "finished", "stopped", "failed"]


class ErrorOut(Schema):
    code: str
    message: str


class TokensOut(Schema):
    """In tokens; zero until the turn is over."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


class LeftOutOut(Schema):
    """How many older messages were not put to the model, and why: `context`, they do not fit into what it can read;
    `first_word`, to read them would have taken longer than wished; `long_chat`, there are too many."""

    messages: int
    reason: Literal["context", "first_word", "long_chat"]


class TurnOut(Schema):
    """`error` is set when `failed`: then the turn can be retried. While `waiting` the engine is being restarted
    and the turn goes on by itself. `prompt_version_id` and `model` say what answered. `left_out` is set when it is over
    and the model did not get the whole conversation. `thought_s` is how many seconds the model thought before it
    answered, null where it did not."""

    id: UUID
    conversation_id: UUID
    question_id: UUID
    answer_id: UUID
    state: State
    error: ErrorOut | None
    created_at: Moment
    finished_at: Moment | None
    prompt_version_id: UUID | None
    model: str
    usage: TokensOut
    cut_at_limit: bool
    left_out: LeftOutOut | None = None
    thought_s: float | None = None


class Answer(Schema):
    """A turn with the text of its answer so far."""

    turn: TurnOut
    text: str


class AttachmentOut(Schema):
    """A file of a message. `state` is reading, ready or failed, then with words in `problem`; `use` is how questions
    are to get it: auto, whole or passages; `given` how the model got it: whole, `passages` of `of_passages`, or
    nothing; empty until it did."""

    id: UUID
    file_id: UUID
    name: str
    kind: str
    size: int
    state: str
    problem: str
    use: str
    given: str
    passages: int
    of_passages: int


class MessageOut(Schema):
    """A message; `parent_id` is the one that it follows. An assistant's has a turn; while that runs, `text` is what has
    been said so far (markdown)."""

    id: UUID
    role: Literal["user", "assistant"]
    text: str
    created_at: Moment
    client_id: UUID | None
    parent_id: UUID | None
    turn_id: UUID | None
    turn_state: State | None
    attachments: list[AttachmentOut]


def turn_out(turn: TurnDetails) -> TurnOut:
    return TurnOut(
        id=turn.id,
        conversation_id=turn.conversation_id,
        question_id=turn.question_id,
        answer_id=turn.answer_id,
        state=turn.state,
        error=ErrorOut(code=turn.error.code, message=turn.error.message) if turn.error else None,
        created_at=turn.created_at,
        finished_at=turn.finished_at,
        prompt_version_id=turn.prompt_version_id,
        model=turn.model,
        usage=TokensOut(
            prompt_tokens=turn.prompt_tokens,
            cached_tokens=turn.cached_tokens,
            completion_tokens=turn.completion_tokens,
        ),
        cut_at_limit=turn.cut_at_limit,
        left_out=(
            LeftOutOut(messages=turn.left_out.messages, reason=turn.left_out.reason)
            if turn.left_out
            else None
        ),
        thought_s=turn.thought_s,
    )


def answer_out(turn: TurnDetails) -> Answer:
    return Answer(turn=turn_out(turn), text=turn.text)


def turn_json(turn: TurnDetails) -> dict[str, Any]:
    """The turn as events carry it."""
    return turn_out(turn).model_dump(mode="json")


def message_out(row: MessageDetails) -> MessageOut:
    return MessageOut(
        id=row.id,
        role=row.role,
        text=row.text,
        created_at=row.created_at,
        client_id=row.client_id,
        parent_id=row.parent_id,
        turn_id=row.turn_id,
        turn_state=row.turn_state,
        attachments=[AttachmentOut(**view.model_dump()) for view in row.attachments],
    )

"""Routes of turns and single messages: look, follow, stop, again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema

from chatplatform.accounts.permissions import Permission
from chatplatform.api import turn_stream
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.documentation import CHANGES, EVENT_STREAM, FINDS, answers
from chatplatform.api.resources.begun_turns import BEGINS, Again, begin, client_id_of, go_on, told
from chatplatform.api.resources.turns import Answer, MessageOut, answer_out, message_out
from chatplatform.chat import services
from chatplatform.chat.turn_queries import message_details, thinking_of_turn, turn_details
from chatplatform.common.errors import InvalidInput

router = Router(tags=["Turns"])
ACCESS = Access(Permission.CHAT)

MOST_CHARACTERS = 10_000_000


class ThinkingOut(Schema):
    """`thinking` is plain text, and empty where none is kept; `thought_s` is null where the model did not think."""

    thinking: str
    thought_s: float | None
    is_over: bool


class FromWhere(Schema):
    after: int | None = Field(
        None, ge=0, le=MOST_CHARACTERS, description="Characters that you have; Last-Event-ID does the same."
    )


@router.get(
    "messages/{uuid:message_id}",
    response=answers(MessageOut, errors=FINDS),
    auth=ACCESS,
    summary="Get a message",
)
def get_message(request: ApiRequest, message_id: UUID) -> MessageOut:
    return message_out(message_details(request.caller.id, message_id))


@router.get("turns/{uuid:turn_id}", response=answers(Answer, errors=FINDS), auth=ACCESS, summary="Get a turn")
def get_turn(request: ApiRequest, turn_id: UUID) -> Answer:
    """The turn with its answer so far. Poll it, or follow its events."""
    return answer_out(turn_details(request.caller.id, turn_id))


@router.get(
    "turns/{uuid:turn_id}/thinking",
    response=answers(ThinkingOut, errors=FINDS),
    auth=ACCESS,
    summary="Get what was thought before an answer",
)
def get_thinking(request: ApiRequest, turn_id: UUID) -> ThinkingOut:
    """What the model thought before it answered, so far. It is no part of the answer, and in none of its events."""
    thought = thinking_of_turn(request.caller.id, turn_id)
    return ThinkingOut(thinking=thought.text, thought_s=thought.thought_s, is_over=thought.is_over)


@router.get(
    "turns/{uuid:turn_id}/events",
    response=answers(None, errors=FINDS),
    auth=ACCESS,
    summary="Follow a turn",
    openapi_extra={"responses": {200: EVENT_STREAM}},
)
def follow_turn(request: ApiRequest, turn_id: UUID, place: Query[FromWhere]) -> Any:
    """Server-sent events: `turn` first, `delta` with more text, `state` while it waits, `finished` at the end.
    An event's id is the number of characters told so far: give it as Last-Event-ID to go on from there."""
    already = place.after
    if already is None:
        already = _number(request.headers.get("Last-Event-ID", "0"))
    return told(request.caller, turn_id, mode="stream", already=already)


@router.post(
    "turns/{uuid:turn_id}/stop", response=answers(Answer, errors=CHANGES), auth=ACCESS, summary="Stop a turn"
)
def stop_turn(request: ApiRequest, turn_id: UUID) -> Answer:
    """End the answer and keep what it has said. Stopping what is over changes nothing."""
    services.request_stop(turn_id, actor=request.caller.actor)
    turn_stream.stop_here(turn_id)
    return answer_out(turn_details(request.caller.id, turn_id))


@router.post("turns/{uuid:turn_id}/regenerate", **BEGINS, summary="Answer again")
def regenerate(request: ApiRequest, turn_id: UUID, body: Again) -> Any:
    """Answer the same question again, in a new turn; the earlier answer is kept beside it."""
    client_id = client_id_of(request, body.client_id)
    submitted = services.regenerate(client_id=client_id, turn_id=turn_id, actor=request.caller.actor)
    return begin(request, body, submitted, client_id=client_id)


@router.post("turns/{uuid:turn_id}/retry", **BEGINS, summary="Retry a failed turn")
def retry(request: ApiRequest, turn_id: UUID, body: Again) -> Any:
    """Go on with a turn that failed, from the text that it has."""
    submitted = services.retry_turn(turn_id, actor=request.caller.actor)
    return go_on(request, body, submitted)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 8:
        raise InvalidInput("invalid_last_event_id", _("Last-Event-ID is the id of an event of this stream."))
    return int(text)

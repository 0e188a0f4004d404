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
from chatplatform.api.resources.conversations import BEGUN, STREAMED, message_id_of, mode_of, told
from chatplatform.api.resources.turns import Answer, MessageOut, answer_out, message_out
from chatplatform.api.schemas import Body
from chatplatform.chat import services
from chatplatform.chat.turn_queries import message_details, turn_details
from chatplatform.common.errors import InvalidInput

router = Router(tags=["Turns"])
ACCESS = Access(Permission.CHAT)

MOST_CHARACTERS = 10_000_000


class Again(Body):
    """How to be told; all may be left out."""

    client_id: UUID | None = Field(None, description="Your own id of the wish: sent twice, it is done once.")
    stream: bool = False
    wait: bool = False


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


@router.post(
    "turns/{uuid:turn_id}/regenerate",
    response=BEGUN,
    auth=ACCESS,
    summary="Answer again",
    openapi_extra={"responses": STREAMED["responses"]},
)
def regenerate(request: ApiRequest, turn_id: UUID, body: Again) -> Any:
    """Answer the same question again, in a new turn; the earlier answer is kept beside it."""
    client_id = body.client_id or message_id_of(request, request.caller)
    submitted = services.regenerate(client_id=client_id, turn_id=turn_id, actor=request.caller.actor)
    turn_stream.begin(submitted, client_id=client_id)
    return told(request.caller, submitted.turn_id, mode=mode_of(body.stream, body.wait))


@router.post(
    "turns/{uuid:turn_id}/retry",
    response=BEGUN,
    auth=ACCESS,
    summary="Retry a failed turn",
    openapi_extra={"responses": STREAMED["responses"]},
)
def retry(request: ApiRequest, turn_id: UUID, body: Again) -> Any:
    """Go on with a turn that failed, from the text that it has."""
    submitted = services.retry_turn(turn_id, actor=request.caller.actor)
    turn_stream.take_up(submitted)
    return told(request.caller, submitted.turn_id, mode=mode_of(body.stream, body.wait))


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 8:
        raise InvalidInput("invalid_last_event_id", _("Last-Event-ID is the id of an event of this stream."))
    return int(text)

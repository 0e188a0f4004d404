"""Routes that set a turn going: what they take, and how they tell of it."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID, uuid4, uuid5

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Field, Status

from chatplatform.accounts.permissions import Permission
from chatplatform.api import repetition, turn_stream
from chatplatform.api.callers import Access, ApiRequest, Caller
from chatplatform.api.documentation import CHANGES, EVENT_STREAM, answers, example
from chatplatform.api.limits import WAIT_S
from chatplatform.api.resources.turns import Answer, answer_out, turn_json
from chatplatform.api.schemas import Body
from chatplatform.chat.beginning import Submitted
from chatplatform.chat.turn_queries import turn_details

# The client's id of a message is made from the request's Idempotency-Key where there is one.
_CLIENT_IDS = UUID("5a6f4a5e-6d7c-4e0a-9a53-0c2f6f1d2b11")

BEGINS: dict[str, Any] = {
    "response": answers(Answer, also={202: Answer}, errors=CHANGES),
    "auth": Access(Permission.CHAT),
    "openapi_extra": {"responses": {200: EVENT_STREAM}},
}
"""What a router is told of such a route."""

BEGINS_WITH_TEXT: dict[str, Any] = {
    **BEGINS,
    "openapi_extra": {
        **BEGINS["openapi_extra"],
        **example({"text": "How heavy is the two-person tent?", "wait": True}),
    },
}


class Wish(Body):
    client_id: UUID | None = Field(None, description="Your own id of the wish: sent twice, it is done once.")


class Again(Wish):
    """How to be told; all may be left out."""

    stream: bool = False
    wait: bool = False


class Saying(Body):
    client_id: UUID | None = Field(
        None, description="Your own id of the message: sent twice, it is said once."
    )
    stream: bool = Field(False, description="Answer with server-sent events.")
    wait: bool = Field(False, description="Answer when the assistant has finished.")


def client_id_of(request: ApiRequest, given: UUID | None) -> UUID:
    """The client's own id, or one that the same request gets again."""
    return given or _id_of_repetition(request, request.caller)


def begin(request: ApiRequest, body: Again | Saying, submitted: Submitted, *, client_id: UUID) -> Any:
    """Run a turn that was made, and tell of it as `body` asks."""
    turn_stream.begin(submitted, client_id=client_id)
    return told(request.caller, submitted.turn_id, mode=_mode_of(body))


def go_on(request: ApiRequest, body: Again, submitted: Submitted) -> Any:
    """Run a turn that was over once more, and tell of it as `body` asks."""
    turn_stream.take_up(submitted)
    return told(request.caller, submitted.turn_id, mode=_mode_of(body))


def told(caller: Caller, turn_id: UUID, *, mode: Literal["stream", "wait", "now"], already: int = 0) -> Any:
    """The turn in the way that was asked for."""
    turn = turn_details(caller.id, turn_id)
    if mode == "stream":
        return _event_stream(turn_stream.stream(turn, caller, told=already, shape=turn_json))
    if mode == "wait":
        turn = turn_stream.wait(turn, caller, timeout_s=WAIT_S)
    return Status(200 if turn.is_over else 202, answer_out(turn))


def _id_of_repetition(request: HttpRequest, caller: Caller) -> UUID:
    key = request.headers.get(repetition.HEADER)
    return uuid5(_CLIENT_IDS, f"{caller.id}:{key}") if key else uuid4()


def _mode_of(body: Again | Saying) -> Literal["stream", "wait", "now"]:
    if body.stream:
        return "stream"
    return "wait" if body.wait else "now"


def _event_stream(events: Any) -> StreamingHttpResponse:
    response = StreamingHttpResponse(events, content_type="text/event-stream; charset=utf-8")
    response["X-Accel-Buffering"] = "no"
    return response

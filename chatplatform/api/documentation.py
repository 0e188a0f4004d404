"""What routes say of themselves: which errors they may answer with, and examples."""

from __future__ import annotations

from typing import Any

from chatplatform.api.schemas import Error

# Any route behind the gate: malformed query or body, no caller, no right, too many requests, a part that is down.
_ALWAYS = (400, 401, 403, 422, 429, 503)


def answers(
    success: Any, *, status: int = 200, also: dict[int, Any] | None = None, errors: tuple[int, ...] = ()
) -> dict[int, Any]:
    """The `response` of a route: what it gives, and every error it may answer with."""
    return {status: success, **(also or {}), **dict.fromkeys(sorted({*_ALWAYS, *errors}), Error)}


# what a route needs besides: an object by id; a body; a change that may conflict
FINDS = (404,)
READS_BODY = (409, 413, 415)
CHANGES = (404, 409, 413, 415)


def example(body: object) -> dict[str, Any]:
    """An example of the request's body, for the description."""
    return {"requestBody": {"content": {"application/json": {"example": body}}}}


EVENT_STREAM = {
    "content": {
        "text/event-stream": {
            "schema": {"type": "string"},
            "example": 'id: 5\nevent: delta\ndata: {"text":"Hello"}\n\n',
        }
    }
}

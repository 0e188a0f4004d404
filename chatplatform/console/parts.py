"""Answers to htmx: a part of a page instead of the whole, and a short message beside it."""

from __future__ import annotations

import json
from typing import TypeVar

from django.http import HttpRequest, HttpResponseBase

ResponseT = TypeVar("ResponseT", bound=HttpResponseBase)


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx asks, which puts a part of the page in place; else a browser that wants a whole one."""
    return request.headers.get("HX-Request") == "true"


def with_toast(response: ResponseT, message: str) -> ResponseT:
    """The answer, and a toast with `message` when htmx receives it. Whole pages use Django's messages."""
    return with_events(response, toast=str(message))


def with_events(response: ResponseT, **events: str) -> ResponseT:
    """The answer, and these events where htmx asked from, which bubble: `toast` with a message, or a script's own."""
    response.headers["HX-Trigger"] = json.dumps(events)
    return response


def go_to(response: ResponseT, address: str) -> ResponseT:
    """The answer, and htmx opens `address` as a page of its own."""
    response.headers["HX-Redirect"] = address
    return response

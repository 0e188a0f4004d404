"""Clients that stop in the middle: whoever sends half a body, or takes nothing, is given up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from chatplatform.inference.engines.llamacpp import http
from chatplatform.inference.engines.llamacpp.http import (
    ClientGone,
    EventStream,
    HttpError,
    Message,
    read_json,
)

SCOPE: http.Scope = {"headers": [(b"content-length", b"500")]}


@pytest.fixture(autouse=True)
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_RECEIVE_S", 0.05)
    monkeypatch.setattr(http, "MAX_SEND_S", 0.05)


def receives(*messages: Message) -> http.Receive:
    """What a client sends; afterwards it says nothing more."""
    left: Iterator[Message] = iter(messages)

    async def receive() -> Message:
        for message in left:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    return receive


async def test_a_body_may_come_in_pieces() -> None:
    more = {"type": "http.request", "body": b'{"a"', "more_body": True}
    last = {"type": "http.request", "body": b": 1}"}
    assert await read_json(SCOPE, receives(more, last)) == {"a": 1}


async def test_half_a_body_is_not_waited_for() -> None:
    half = {"type": "http.request", "body": b'{"messages":', "more_body": True}
    with pytest.raises(HttpError) as caught:
        await read_json(SCOPE, receives(half))
    assert (caught.value.status, caught.value.code) == (408, "invalid_request")


async def test_who_leaves_in_the_middle_of_a_body_is_gone() -> None:
    half = {"type": "http.request", "body": b"{", "more_body": True}
    with pytest.raises(ClientGone):
        await read_json(SCOPE, receives(half, {"type": "http.disconnect"}))


async def test_who_takes_nothing_is_given_up() -> None:
    async def send(message: Message) -> None:
        await asyncio.Event().wait()

    with pytest.raises(ClientGone):
        await EventStream(send).write(b"data: {}\n\n")

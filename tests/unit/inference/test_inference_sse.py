"""Server-sent events survive every way of being cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatplatform.inference.protocol.server_sent_events import (
    MAX_EVENT_BYTES,
    EventParser,
    MalformedStream,
    ServerSentEvent,
)

STREAM = (
    ': a comment\n\ndata: {"text": "帐篷 😀"}\n\nevent: queue\r\ndata: {"position": 2}\r\n\r\n'
    "id: 7\ndata: one\ndata:two\n\n\n\ndata: [DONE]\n\n"
).encode()
EVENTS = [
    ServerSentEvent("", '{"text": "帐篷 😀"}'.encode()),
    ServerSentEvent("queue", b'{"position": 2}'),
    ServerSentEvent("", b"one\ntwo"),
    ServerSentEvent("", b"[DONE]"),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_events_are_the_same_wherever_the_bytes_are_cut(cuts: list[int]) -> None:
    parser = EventParser()
    edges = [0, *sorted(cuts), len(STREAM)]
    events = []
    for start, end in itertools.pairwise(edges):
        events += parser.feed(STREAM[start:end])
    assert events == EVENTS


def test_an_event_that_is_not_over_is_kept_back() -> None:
    parser = EventParser()
    assert parser.feed(b"data: one\n") == []
    assert parser.feed(b"\n") == [ServerSentEvent("", b"one")]


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(MalformedStream):
        EventParser().feed(b"x" * (MAX_EVENT_BYTES + 1))


def test_an_event_without_end_is_refused() -> None:
    parser = EventParser()
    line = b"data: " + b"x" * 4096 + b"\n"
    for _ in range(MAX_EVENT_BYTES // 4097):
        assert parser.feed(line) == []
    with pytest.raises(MalformedStream):
        parser.feed(line)


def test_a_long_line_may_come_byte_by_byte() -> None:
    parser = EventParser()
    for _ in range(200_000):
        assert parser.feed(b"x") == []
    assert parser.feed(b"\ndata: 1\n\n") == [ServerSentEvent("", b"1")]

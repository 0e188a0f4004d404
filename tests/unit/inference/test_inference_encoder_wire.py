"""What the encoder takes, and in which words it refuses."""

from __future__ import annotations

import json

import pytest

from chatplatform.inference.engines.encoder.wire import (
    MAX_CHARS,
    MAX_INPUTS,
    Refused,
    parse_embedding_request,
)


def test_one_text_or_many() -> None:
    assert parse_embedding_request(b'{"input": "tent"}').texts == ["tent"]
    request = parse_embedding_request(b'{"input": ["a", "b"], "input_type": "query", "user": "x"}')
    assert (request.texts, request.input_type) == (["a", "b"], "query")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "the body"),
        (b"{}", "input"),
        (b'{"input": 5}', "input"),
        (b'{"input": [1]}', "input"),
        (b'{"input": "a", "input_type": "poem"}', "input_type"),
        (b'{"input": []}', "1 to"),
        (b'{"input": ["a", "  "]}', "Text 1 is empty"),
        (json.dumps({"input": ["a"] * (MAX_INPUTS + 1)}).encode(), str(MAX_INPUTS)),
        (json.dumps({"input": "a" * (MAX_CHARS + 1)}).encode(), str(MAX_CHARS)),
    ],
)
def test_bad_requests_are_refused_in_words(body: bytes, said: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_embedding_request(body)
    assert caught.value.status == 400
    assert said in str(caught.value.body)


def test_a_refusal_does_not_repeat_the_text() -> None:
    with pytest.raises(Refused) as caught:
        parse_embedding_request(b'{"input": ["fine", {"secret": "canary"}]}')
    assert "canary" not in str(caught.value.body)

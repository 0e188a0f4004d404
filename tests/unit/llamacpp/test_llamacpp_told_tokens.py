"""Each token is told with the text that it ends in, and with its probability when that was asked for."""

from __future__ import annotations

import math

from chatplatform.inference.engines.llamacpp.generation import Text
from tests.unit.llamacpp.collecting import Told, desk, request
from tests.unit.llamacpp.fake_context import END, FakeContext


def _says(*tokens: int) -> FakeContext:
    return FakeContext(next_token=lambda held: [*tokens, END][len(held) - 2])


def _texts(told: Told) -> list[Text]:
    return [event for event in told.all() if isinstance(event, Text)]


def test_nothing_is_told_of_probabilities_unless_asked() -> None:
    with desk(_says(*b"Yes")) as at:
        texts = _texts(at.ask(request("Q?", max_tokens=9)))
    assert all(text.tokens == 1 and not text.logprobs for text in texts)


def test_every_token_is_told_with_its_probability_and_the_likeliest() -> None:
    with desk(_says(*b"Yes")) as at:
        texts = _texts(at.ask(request("Q?", max_tokens=9, logprobs=2)))
    told = [logprob for text in texts for logprob in text.logprobs]
    assert [one.token for one in told] == list(b"Yes")
    assert told[0].logprob == math.log(0.5)
    assert told[0].top == ((ord("Y"), math.log(0.5)), (ord("Z"), math.log(0.25)))


def test_the_tokens_of_one_character_are_told_with_it() -> None:
    with desk(_says(*"中a".encode())) as at:
        texts = _texts(at.ask(request("Q?", max_tokens=9, logprobs=0)))
    assert [(text.text, text.tokens, len(text.logprobs)) for text in texts] == [("中", 3, 3), ("a", 1, 1)]


def test_the_tokens_of_a_stop_string_are_not_told() -> None:
    with desk(_says(*b"Yes STOP")) as at:
        texts = _texts(at.ask(request("Q?", max_tokens=20, stop=("STOP",), logprobs=0)))
    told = [logprob.token for text in texts for logprob in text.logprobs]
    assert bytes(told) == b"Yes "


def test_what_was_held_back_is_told_at_the_end() -> None:
    with desk(_says(*b"Yes ST")) as at:
        texts = _texts(at.ask(request("Q?", max_tokens=20, stop=("STOP",), logprobs=0)))
    assert texts[-1].text == "ST"
    assert sum(text.tokens for text in texts) == 6

"""What clients may send."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from chatplatform.inference.engines.llamacpp.limits import DEFAULT_MAX_TOKENS
from chatplatform.inference.engines.llamacpp.wire import ChatRequest, explain
from chatplatform.inference.engines.llamacpp.wire_texts import (
    CompletionRequest,
    DetokenizeRequest,
    TokenizeRequest,
)

HELLO = [{"role": "user", "content": "Hello"}]


def chat(**fields: Any) -> ChatRequest:
    return ChatRequest.model_validate({"messages": HELLO, **fields})


def test_the_least_that_can_be_said() -> None:
    request = chat()
    assert request.model == "chat"
    assert request.answer_tokens == DEFAULT_MAX_TOKENS
    assert request.with_usage
    assert request.priority == "interactive"


def test_unknown_fields_are_dropped() -> None:
    assert not hasattr(chat(user="ann", metadata={"a": 1}), "user")


def test_nulls_mean_defaults() -> None:
    nulls = dict.fromkeys(("temperature", "top_p", "seed", "max_tokens", "stop", "n", "stream_options"))
    assert chat(**nulls).sampling() == chat().sampling()


def test_sampling_is_taken_over() -> None:
    sampling = chat(temperature=0, top_k=5, seed=-1, repeat_penalty=1.1, ignore_eos=True).sampling()
    assert (sampling.temperature, sampling.top_k, sampling.seed) == (0, 5, -1)
    assert sampling.ignore_end


def test_stop_may_be_one_text() -> None:
    assert chat(stop="END").stop == ["END"]
    assert chat(stop=["a", "b"]).stop == ["a", "b"]


def test_content_may_come_in_parts() -> None:
    parts = [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]
    assert chat(messages=[{"role": "user", "content": parts}]).messages[0].content == "Hello"


def test_the_newer_name_of_max_tokens_counts() -> None:
    assert chat(max_completion_tokens=5, max_tokens=7).answer_tokens == 5


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("messages", []),
        ("messages", [{"role": "function", "content": "x"}]),
        ("messages", [{"role": "user", "content": None}]),
        ("messages", [{"role": "user", "content": [{"type": "image_url"}]}]),
        ("temperature", -0.1),
        ("temperature", 2.5),
        ("temperature", "hot"),
        ("top_p", 0),
        ("top_p", 1.5),
        ("top_k", -1),
        ("min_p", 2),
        ("repeat_penalty", 0),
        ("frequency_penalty", 3),
        ("max_tokens", 0),
        ("max_tokens", 10**9),
        ("temperature", float("nan")),
        ("temperature", float("inf")),
        ("top_p", float("nan")),
        ("min_p", float("nan")),
        ("repeat_penalty", float("nan")),
        ("frequency_penalty", float("nan")),
        ("presence_penalty", float("-inf")),
        ("n", 0),
        ("n", 5),
        ("logit_bias", {"x": 1}),
        ("logit_bias", {"-1": 1}),
        ("logit_bias", {"7": 101}),
        ("logit_bias", {"7": float("nan")}),
        ("logit_bias", {str(token): 1 for token in range(301)}),
        ("top_logprobs", 21),
        ("top_logprobs", 2),
        ("stop", ["x"] * 17),
        ("stop", ["x" * 201]),
        ("stop", [""]),
        ("seed", 2**70),
        ("priority", "urgent"),
        ("cache_owner", "x" * 201),
        ("stream", "maybe"),
        ("continue_final_message", True),
    ],
)
def test_known_fields_are_checked_and_the_error_names_them(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        chat(**{field: value})
    assert field in explain(caught.value)


def test_errors_quote_nothing() -> None:
    with pytest.raises(ValidationError) as caught:
        chat(messages=[{"role": "user", "content": {"canary": "canary-3f"}}])
    assert "canary" not in explain(caught.value)
    assert "canary" not in str(caught.value)
    with pytest.raises(ValidationError) as caught:
        chat(logit_bias={"canary-3f": 1})
    assert "canary" not in explain(caught.value)


def test_biases_and_probabilities_are_taken_over() -> None:
    request = chat(logit_bias={"7": -100, "8": 2.5}, logprobs=True, top_logprobs=3)
    assert request.sampling().logit_bias == ((7, -100), (8, 2.5))
    assert request.told_logprobs == 3
    assert chat(logprobs=True).told_logprobs == 0
    assert chat(logprobs=False).told_logprobs is None


def test_choices_of_one_seed_differ() -> None:
    request = chat(n=3, seed=5)
    assert [request.sampling(choice).seed for choice in range(request.choices)] == [5, 6, 7]
    assert chat(n=2).sampling(1).seed is None


def test_tokenize_takes_messages_or_text() -> None:
    assert TokenizeRequest.model_validate({"text": ""}).text == ""
    for body in ({}, {"text": "a", "messages": HELLO}):
        with pytest.raises(ValidationError):
            TokenizeRequest.model_validate(body)


def test_a_text_to_complete_may_be_one_or_several() -> None:
    assert CompletionRequest.model_validate({"prompt": "a"}).prompt == ["a"]
    assert CompletionRequest.model_validate({"prompt": ["a", "b"], "n": 2}).choices == 2
    for body in (
        {},
        {"prompt": ""},
        {"prompt": [1, 2]},
        {"prompt": ["a"] * 5},
        {"prompt": ["a", "b"], "n": 3},
        {"prompt": "a", "echo": True},
        {"prompt": "a", "suffix": "z"},
        {"prompt": "a", "logprobs": 21},
        {"prompt": "a", "temperature": float("nan")},
        {"prompt": "a", "grammar": "x" * 20_000},
        {"prompt": "a", "grammar": "root ::= [a]", "ignore_eos": True},
    ):
        with pytest.raises(ValidationError):
            CompletionRequest.model_validate(body)


def test_tokens_are_numbers_of_tokens() -> None:
    assert DetokenizeRequest.model_validate({"tokens": [1, 2]}).tokens == [1, 2]
    for tokens in ([-1], ["x"], [2**31], 7):
        with pytest.raises(ValidationError):
            DetokenizeRequest.model_validate({"tokens": tokens})


def test_an_answer_has_one_shape_at_most() -> None:
    tool = {"type": "function", "function": {"name": "time"}}
    grammar, wanted = "root ::= [a]", {"type": "json_object"}
    for fields in (
        {"tools": [tool], "grammar": grammar},
        {"response_format": wanted, "grammar": grammar},
        {"tools": [tool], "response_format": wanted},
        {"grammar": grammar, "ignore_eos": True},
        {"tools": [tool], "ignore_eos": True},
    ):
        with pytest.raises(ValidationError):
            chat(**fields)
    assert chat(tools=[tool]).grammar_after == "<tool_call>"
    assert chat(tools=[tool], tool_choice="required").grammar_after == ""
    assert "{0,7}" in chat(tools=[tool], parallel_tool_calls=True).own_grammar()
    assert "{0,7}" not in chat(tools=[tool]).own_grammar()

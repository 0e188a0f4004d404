"""The protocol's finer fields, answered by the real model."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import pytest

from tests.integration.llamacpp.asking import CHAT, body, stream
from tests.integration.llamacpp.engine_process import EngineProcess

pytestmark = [pytest.mark.model, pytest.mark.slow]

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "parameters": {
                "type": "object",
                "properties": {argument: {"type": "string"}, "days": {"type": "integer"}},
                "required": [argument, "days"],
            },
        },
    }
    for name, description, argument in (
        ("weather", "Weather forecast of a city", "city"),
        ("stock", "How many of a product are left", "product"),
    )
]
CAPITAL = "What is the capital of Japan?"


async def _post(engine: EngineProcess, path: str, request: dict[str, Any]) -> dict[str, Any]:
    async with engine.client() as client:
        response = await client.post(path, json=request, timeout=110)
    assert response.status_code == 200, response.text
    parsed: dict[str, Any] = response.json()
    return parsed


async def test_probabilities_agree_streamed_and_whole(engine: EngineProcess) -> None:
    request = body(CAPITAL, max_tokens=8, logprobs=True, top_logprobs=3)
    whole = await _post(engine, CHAT, request)
    content = whole["choices"][0]["logprobs"]["content"]
    assert "".join(one["token"] for one in content) == whole["choices"][0]["message"]["content"]
    for one in content:
        assert one["token"] == one["top_logprobs"][0]["token"], "at temperature 0 the likeliest is taken"
        assert sum(math.exp(top["logprob"]) for top in one["top_logprobs"]) <= 1.001
    async with engine.client() as client:
        told = await stream(client, request)
    streamed = [
        one
        for chunk in told.chunks
        for choice in chunk["choices"]
        for one in (choice["logprobs"] or {}).get("content", ())
    ]
    assert [one["token"] for one in streamed] == [one["token"] for one in content]


async def test_a_bias_forbids_a_token(engine: EngineProcess) -> None:
    free = await _post(engine, CHAT, body(CAPITAL, max_tokens=4, logprobs=True))
    first = free["choices"][0]["logprobs"]["content"][0]["token"]
    found = await _post(engine, "/v1/tokenize", {"content": first})
    bound = await _post(
        engine, CHAT, body(CAPITAL, max_tokens=4, logit_bias={str(token): -100 for token in found["tokens"]})
    )
    assert not bound["choices"][0]["message"]["content"].startswith(first)


async def test_a_bias_of_a_token_that_is_none_is_refused(engine: EngineProcess) -> None:
    async with engine.client() as client:
        response = await client.post(CHAT, json=body("Hi", logit_bias={"999999999": 1}))
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_request")


async def test_several_choices_differ_where_chance_decides(engine: EngineProcess) -> None:
    request = body("Tell a story.", n=3, temperature=1.2, seed=7, max_tokens=16)
    whole = await _post(engine, CHAT, request)
    texts = [choice["message"]["content"] for choice in whole["choices"]]
    assert len(set(texts)) == 3
    assert whole["usage"]["completion_tokens"] == 48


@pytest.mark.parametrize("choice", ["auto", "required"])
async def test_the_smallest_model_never_makes_an_invalid_call(engine: EngineProcess, choice: str) -> None:
    questions = ("Weather in Oslo for 2 days?", "<tool_call>")
    requests = [
        body(question, tools=TOOLS, tool_choice=choice, temperature=1.3, seed=seed, max_tokens=40)
        for seed, question in enumerate(questions)
    ]
    answers = await asyncio.gather(*(_post(engine, CHAT, request) for request in requests))
    for answer in answers:
        told = answer["choices"][0]
        calls = told["message"].get("tool_calls") or ()
        if told["finish_reason"] == "stop":
            assert choice == "auto"
            assert not calls
            assert "<tool_call>" not in told["message"]["content"]
        for call in calls:
            arguments = json.loads(call["function"]["arguments"])
            argument = {"weather": "city", "stock": "product"}[call["function"]["name"]]
            assert isinstance(arguments[argument], str)
            assert isinstance(arguments["days"], int)


async def test_a_text_is_completed_and_control_tokens_in_it_are_letters(engine: EngineProcess) -> None:
    request = {"prompt": ["One, two, three,", "<|im_end|>"], "temperature": 0, "max_tokens": 6, "logprobs": 1}
    whole = await _post(engine, "/v1/completions", request)
    assert [choice["index"] for choice in whole["choices"]] == [0, 1]
    assert "four" in whole["choices"][0]["text"]
    assert len(whole["choices"][0]["logprobs"]["tokens"]) == 6
    assert whole["usage"]["prompt_tokens"] > 10


async def test_tokens_and_text_are_turned_into_each_other(engine: EngineProcess) -> None:
    text = "Zelte für zwei, 两个人的帐篷 😀 <|im_end|>"
    found = await _post(engine, "/v1/tokenize", {"content": text})
    assert (await _post(engine, "/v1/detokenize", {"tokens": found["tokens"]}))["content"] == text
    pieces = await _post(engine, "/v1/tokenize", {"content": text, "with_pieces": True})
    assert [one["id"] for one in pieces["tokens"]] == found["tokens"]
    async with engine.client() as client:
        response = await client.post("/v1/detokenize", json={"tokens": [999_999_999]})
    assert response.json()["error"]["code"] == "invalid_request"


async def test_a_grammar_of_the_clients_binds_the_answer(engine: EngineProcess) -> None:
    grammar = 'root ::= ("red" | "blue") "!"\n'
    whole = await _post(engine, CHAT, body("Which colour?", grammar=grammar, max_tokens=8))
    assert whole["choices"][0]["message"]["content"] in ("red!", "blue!")
    endless = await _post(engine, CHAT, body("Which?", grammar='root ::= "a" "a"*\n', max_tokens=5))
    assert endless["choices"][0]["finish_reason"] == "length"
    text = await _post(
        engine, "/v1/completions", {"prompt": "Roses are", "grammar": grammar, "max_tokens": 8}
    )
    assert text["choices"][0]["text"] in ("red!", "blue!")
    async with engine.client() as client:
        refused = await client.post(CHAT, json=body("Which?", grammar="root ::= root\n"), timeout=110)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "grammar_refused")

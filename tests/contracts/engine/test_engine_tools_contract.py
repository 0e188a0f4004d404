"""Tools and shaped answers: what is demanded is given by every chat engine, however small its model."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.contracts.engine.test_engine_chat_contract import CHAT, body, chunks_of, events_of

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "maxLength": 20},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["city", "unit"],
        },
    },
}
CLOCK: dict[str, Any] = {"type": "function", "function": {"name": "clock"}}
SHAPE: dict[str, Any] = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "green", "蓝"]}, "sure": {"type": "boolean"}},
    "required": ["colour", "sure"],
}


def _is_call(call: dict[str, Any], name: str) -> None:
    assert call["type"] == "function"
    assert call["id"]
    assert call["function"]["name"] == name
    arguments = json.loads(call["function"]["arguments"])
    if name == "weather":
        assert set(arguments) == {"city", "unit"}
        assert arguments["unit"] in {"celsius", "fahrenheit"}
        assert len(arguments["city"]) <= 20


@pytest.mark.parametrize("temperature", [0, 2])
async def test_a_demanded_tool_is_called_with_arguments_of_its_shape(
    chat: httpx.AsyncClient, temperature: float
) -> None:
    asked = body(
        "What is the weather in Paris?",
        tools=[CLOCK, WEATHER],
        tool_choice={"type": "function", "function": {"name": "weather"}},
        max_tokens=200,
        temperature=temperature,
    )
    whole = (await chat.post(CHAT, json=asked)).json()["choices"][0]
    assert whole["finish_reason"] == "tool_calls"
    assert whole["message"]["content"] is None
    (call,) = whole["message"]["tool_calls"]
    _is_call(call, "weather")
    chunks = chunks_of(await events_of(chat, asked))
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    (call,) = [call for delta in deltas for call in delta.get("tool_calls", ())]
    _is_call(call, "weather")
    assert not "".join(delta.get("content") or "" for delta in deltas)
    reasons = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]]
    assert reasons[-1] == "tool_calls"


async def test_any_tool_may_be_demanded_and_none_may_be_forbidden(chat: httpx.AsyncClient) -> None:
    asked = body("Hello", tools=[CLOCK, WEATHER], tool_choice="required", max_tokens=200)
    (call,) = (await chat.post(CHAT, json=asked)).json()["choices"][0]["message"]["tool_calls"]
    _is_call(call, call["function"]["name"])
    free = await chat.post(CHAT, json=body("Hello", tools=[WEATHER], tool_choice="none"))
    assert free.json()["choices"][0]["message"]["content"]


async def test_what_a_tool_gave_is_read(chat: httpx.AsyncClient) -> None:
    messages = [
        {"role": "user", "content": "What is the weather in Paris?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city": "Paris"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "21 degrees"},
    ]
    answer = await chat.post(
        CHAT, json={"model": "chat", "messages": messages, "tools": [WEATHER], "max_tokens": 12}
    )
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize("temperature", [0, 2])
async def test_an_answer_has_the_shape_that_was_asked_for(
    chat: httpx.AsyncClient, temperature: float
) -> None:
    asked = body(
        "Name a colour in JSON.",
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "c", "schema": SHAPE, "strict": True},
        },
        max_tokens=100,
        temperature=temperature,
    )
    answer = json.loads((await chat.post(CHAT, json=asked)).json()["choices"][0]["message"]["content"])
    assert answer["colour"] in {"red", "green", "蓝"}
    assert isinstance(answer["sure"], bool)


async def test_shaped_and_free_answers_run_side_by_side(chat: httpx.AsyncClient) -> None:
    shaped = body(
        "Name a colour in JSON.",
        response_format={"type": "json_schema", "json_schema": {"name": "c", "schema": SHAPE}},
        max_tokens=100,
    )
    answers = await asyncio.gather(
        *(chat.post(CHAT, json=shaped if turn % 2 else body(f"Count to {turn}.")) for turn in range(8))
    )
    assert [answer.status_code for answer in answers] == [200] * 8
    for answer in answers[1::2]:
        assert set(json.loads(answer.json()["choices"][0]["message"]["content"])) == {"colour", "sure"}

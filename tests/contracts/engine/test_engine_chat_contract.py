"""What every chat engine does on the wire. The fake and the real one pass the same tests."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from chatplatform.inference.protocol.server_sent_events import EventParser, ServerSentEvent
from tests.contracts.engine.conftest import EngineAddress

CHAT = "/v1/chat/completions"


def body(question: str = "Name three colours.", **fields: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}]
    return {"model": "chat", "messages": messages, "max_tokens": 12, "temperature": 0, "seed": 1, **fields}


async def events_of(client: httpx.AsyncClient, request: dict[str, Any]) -> list[ServerSentEvent]:
    parser = EventParser()
    events: list[ServerSentEvent] = []
    async with client.stream("POST", CHAT, json={**request, "stream": True}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        async for chunk in response.aiter_bytes():
            events += parser.feed(chunk)
    return events


def chunks_of(events: list[ServerSentEvent]) -> list[dict[str, Any]]:
    return [json.loads(event.data) for event in events if event.name == "" and event.data != b"[DONE]"]


def text_of(chunks: list[dict[str, Any]]) -> str:
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


async def test_health_needs_no_token_and_all_else_does(chat_engine: EngineAddress) -> None:
    async with chat_engine.client(token="wrong") as stranger:
        assert (await stranger.get("/health")).json()["status"] == "ready"
        for method, path in (
            ("GET", "/v1/models"),
            ("POST", CHAT),
            ("POST", "/v1/tokenize"),
            ("GET", "/metrics"),
        ):
            response = await stranger.request(method, path, json=body() if method == "POST" else None)
            assert response.status_code == 401
            assert response.json()["error"]["code"] == "unauthorized"


async def test_models_say_what_they_are(chat: httpx.AsyncClient) -> None:
    entries = (await chat.get("/v1/models")).json()["data"]
    entry = next(entry for entry in entries if "chat" in entry["aliases"])
    assert len(entry["sha256"]) == 64
    assert entry["context_tokens"] > 500
    assert {"reading_tokens_s", "writing_tokens_s"} <= set(entry)


async def test_a_stream_starts_with_counts_and_ends_with_usage(chat: httpx.AsyncClient) -> None:
    events = await events_of(chat, body())
    chunks = chunks_of(events)
    assert events[-1].data == b"[DONE]"
    assert chunks[0]["engine"]["prompt_tokens"] > 4
    assert chunks[0]["engine"]["cached_tokens"] >= 0
    assert chunks[0]["system_fingerprint"].startswith("sha256:")
    assert text_of(chunks)
    reasons = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]]
    assert [reason for reason in reasons if reason] in (["stop"], ["length"])
    usage = chunks[-1]["usage"]
    assert usage["prompt_tokens"] == chunks[0]["engine"]["prompt_tokens"]
    assert 0 < usage["completion_tokens"] <= 12
    assert usage["prompt_tokens_details"]["cached_tokens"] >= 0


async def test_an_answer_in_one_piece_is_the_streamed_one(chat: httpx.AsyncClient) -> None:
    whole = (await chat.post(CHAT, json=body())).json()
    message = whole["choices"][0]["message"]
    assert message["role"] == "assistant"
    assert message["content"] == text_of(chunks_of(await events_of(chat, body())))
    assert whole["usage"]["completion_tokens"] > 0


async def test_the_limit_of_tokens_is_kept(chat: httpx.AsyncClient) -> None:
    whole = (await chat.post(CHAT, json=body(max_tokens=3, ignore_eos=True))).json()
    assert whole["choices"][0]["finish_reason"] == "length"
    assert whole["usage"]["completion_tokens"] == 3


async def test_an_answer_is_continued_and_not_begun_again(chat: httpx.AsyncClient) -> None:
    request = body(max_tokens=10, ignore_eos=True)
    whole = (await chat.post(CHAT, json=request)).json()["choices"][0]["message"]["content"]
    first = (await chat.post(CHAT, json={**request, "max_tokens": 5})).json()["choices"][0]["message"][
        "content"
    ]
    assert whole.startswith(first)
    messages = [*request["messages"], {"role": "assistant", "content": first}]
    continued = {**request, "messages": messages, "max_tokens": 5, "continue_final_message": True}
    rest = (await chat.post(CHAT, json=continued)).json()["choices"][0]["message"]["content"]
    assert first + rest == whole


async def test_what_one_owner_said_is_cached_for_that_owner_alone(chat: httpx.AsyncClient) -> None:
    question = f"I am {uuid4()}. " + "What do you think of tents in the rain? " * 8

    async def cached(owner: str) -> int:
        response = await chat.post(CHAT, json=body(question, max_tokens=2, cache_owner=owner))
        return int(response.json()["usage"]["prompt_tokens_details"]["cached_tokens"])

    await cached("anna")
    system_only = await cached("ben")
    assert await cached("anna") > system_only + 40


async def test_what_is_forgotten_is_read_again_and_nobody_elses(chat: httpx.AsyncClient) -> None:
    async def cached(owner: str, question: str) -> int:
        response = await chat.post(CHAT, json=body(question, max_tokens=2, cache_owner=owner, no_store=True))
        return int(response.json()["usage"]["prompt_tokens_details"]["cached_tokens"])

    anna, ben = (
        f"I am {name} {uuid4()}. " + "What do you think of tents in the rain? " * 8
        for name in ("anna", "ben")
    )
    names = {question: str(uuid4()) for question in (anna, ben)}
    unknown = await cached(names[anna], anna)
    await cached(names[ben], ben)
    assert await cached(names[anna], anna) > unknown + 40
    assert (await chat.post("/v1/forget", json={"cache_owner": names[anna]})).status_code == 200
    assert await cached(names[anna], anna) <= unknown + 20
    assert await cached(names[ben], ben) > unknown + 40


async def test_nobody_is_forgotten_for_want_of_a_name(chat: httpx.AsyncClient) -> None:
    refused = await chat.post("/v1/forget", json={"cache_owner": ""})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_request")


async def test_cancelling_ends_the_answer(chat: httpx.AsyncClient) -> None:
    request_id = str(uuid4())
    question = "Tell a long story. [[tokens=100000 delay_ms=5]]"
    request = body(question, max_tokens=2000, ignore_eos=True, request_id=request_id)
    running = asyncio.create_task(events_of(chat, request))
    await asyncio.sleep(0.5)
    assert (await chat.post("/v1/cancel", json={"request_id": request_id})).status_code == 200
    async with asyncio.timeout(5):
        events = await running
    assert json.loads(events[-1].data)["error"]["code"] == "cancelled"
    # nobody has it any more
    assert (await chat.post("/v1/cancel", json={"request_id": request_id})).status_code == 200


async def test_several_answers_at_once_do_not_mix(chat: httpx.AsyncClient) -> None:
    questions = [f"Count from {number}. [[word=q{number}- tokens=12]]" for number in range(4)]

    async def answer(question: str) -> str:
        return text_of(chunks_of(await events_of(chat, body(question, cache_owner=question))))

    alone = [await answer(question) for question in questions]
    together = await asyncio.gather(*(answer(question) for question in questions))
    assert all(together)
    assert [text[:4] for text in together] == [text[:4] for text in alone]


async def test_tokens_are_counted(chat: httpx.AsyncClient) -> None:
    short = (await chat.post("/v1/tokenize", json={"text": "a tent"})).json()["tokens"]
    long = (await chat.post("/v1/tokenize", json={"text": "a tent " * 50})).json()["tokens"]
    assert 0 < short < 10
    assert long > 50
    counted = (await chat.post("/v1/tokenize", json={"messages": body()["messages"]})).json()["tokens"]
    usage = (await chat.post(CHAT, json=body(max_tokens=1))).json()["usage"]
    assert counted == usage["prompt_tokens"]


async def test_several_texts_are_counted_at_once(chat: httpx.AsyncClient) -> None:
    texts = ["a tent", "", "a tent " * 50]
    counted = (await chat.post("/v1/tokenize", json={"texts": texts})).json()
    alone = [(await chat.post("/v1/tokenize", json={"text": text})).json()["tokens"] for text in texts]
    assert counted == {"tokens": sum(alone), "counts": alone}


async def test_too_long_a_prompt_says_how_much_too_long(chat: httpx.AsyncClient) -> None:
    response = await chat.post(CHAT, json=body("tent " * 20_000))
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, "context_length_exceeded")
    assert error["prompt_tokens"] > error["context_tokens"] > 0


@pytest.mark.parametrize(
    "bad",
    [
        {"messages": []},
        {"messages": "hello"},
        {"messages": [{"role": "robot", "content": "x"}]},
        {"messages": [{"role": "user", "content": 5}]},
        {"messages": [{"role": "user"}]},
        {},
    ],
)
async def test_a_bad_request_is_refused(bad: dict[str, Any], chat: httpx.AsyncClient) -> None:
    response = await chat.post(CHAT, json=bad)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_request")


async def test_what_is_no_json_is_refused(chat: httpx.AsyncClient) -> None:
    for content in (b"", b"{", b"[]", b"\xff\xfe"):
        response = await chat.post(CHAT, content=content, headers={"content-type": "application/json"})
        assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_request")


async def test_a_client_that_goes_away_leaves_room(chat: httpx.AsyncClient) -> None:
    request = body("Tell a long story. [[tokens=100000 delay_ms=5]]", max_tokens=4000, ignore_eos=True)
    for _ in range(3):
        async with chat.stream("POST", CHAT, json={**request, "stream": True}) as response:
            async for _chunk in response.aiter_bytes():
                break
    async with asyncio.timeout(20):
        assert text_of(chunks_of(await events_of(chat, body())))

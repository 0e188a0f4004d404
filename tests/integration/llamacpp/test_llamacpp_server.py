"""The engine's HTTP, as clients see it: shapes, errors, places, cancelling, going away."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from tests.integration.llamacpp.asking import CHAT, body, stream
from tests.integration.llamacpp.engine_process import EngineProcess

pytestmark = [pytest.mark.model, pytest.mark.slow]

LONG = "Tell me everything about tents. " * 200


async def until_calm(engine: EngineProcess, within_s: float) -> float:
    """Seconds until nothing runs and nothing waits."""
    began = time.monotonic()
    while True:
        gauges = await asyncio.to_thread(engine.gauges)
        if not gauges["running"] and not gauges["queued"]:
            return time.monotonic() - began
        assert time.monotonic() - began < within_s, gauges
        await asyncio.sleep(0.005)


async def until_running(engine: EngineProcess, count: int = 1) -> None:
    deadline = time.monotonic() + 10
    while (await asyncio.to_thread(engine.gauges))["running"] < count:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


# ---------------------------------------------------------------------- shapes


async def test_a_stream_has_the_shape_of_openais(engine: EngineProcess) -> None:
    async with engine.client() as client:
        told = await stream(client, body("Say hello.", max_tokens=8))
    first, last, usage = told.chunks[0], told.chunks[-2], told.chunks[-1]
    assert first["object"] == "chat.completion.chunk"
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert first["engine"]["prompt_tokens"] == usage["usage"]["prompt_tokens"]
    assert first["system_fingerprint"].startswith("sha256:")
    assert len({chunk["id"] for chunk in told.chunks}) == 1
    assert last["choices"][0]["finish_reason"] in {"stop", "length"}
    assert usage["choices"] == []
    assert (
        usage["usage"]["total_tokens"]
        == usage["usage"]["prompt_tokens"] + usage["usage"]["completion_tokens"]
    )
    assert told.done


async def test_usage_is_left_out_for_those_who_do_not_want_it(engine: EngineProcess) -> None:
    async with engine.client() as client:
        told = await stream(client, body("Hi", max_tokens=2, stream_options={"include_usage": False}))
    assert all("usage" not in chunk for chunk in told.chunks)


async def test_a_whole_answer_has_the_shape_of_openais(engine: EngineProcess) -> None:
    async with engine.client() as client:
        answer = (await client.post(CHAT, json=body("Say hello.", max_tokens=8))).json()
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["role"] == "assistant"
    assert answer["usage"]["completion_tokens"] <= 8


async def test_models_are_described(engine: EngineProcess) -> None:
    async with engine.client() as client:
        models = (await client.get("/v1/models")).json()["data"]
        (model,) = [one for one in models if one["state"] == "loaded"]
        whole = (await client.post(CHAT, json=body("Hi", max_tokens=1, model=model["id"]))).json()
    assert set(model["aliases"]) == {"chat", "quick"}
    assert len(model["sha256"]) == 64
    assert whole["system_fingerprint"] == f"sha256:{model['sha256']}"
    assert model["context_tokens"] == 2048
    assert model["reading_tokens_s"] > 1
    assert model["writing_tokens_s"] > 1
    assert "/" not in model["id"]


async def test_health_needs_no_token_and_the_rest_does(engine: EngineProcess) -> None:
    async with engine.client() as client:
        for headers in (
            {"Authorization": ""},
            {"Authorization": "Bearer wrong"},
            {"Authorization": "Bearer é"},
        ):
            sent = {key: value.encode() for key, value in headers.items()}
            assert (await client.get("/health", headers=sent)).json()["status"] == "ready"
            for method, path in (
                ("GET", "/v1/models"),
                ("GET", "/metrics"),
                ("POST", CHAT),
                ("GET", "/nowhere"),
            ):
                answer = await client.request(method, path, headers=sent)
                assert answer.status_code == 401
                assert answer.json()["error"]["code"] == "unauthorized"


async def test_tokenize_counts_as_a_request_does(engine: EngineProcess) -> None:
    async with engine.client() as client:
        request = body("How many tokens?", system="Be brief.", max_tokens=1)
        counted = (await client.post("/v1/tokenize", json={"messages": request["messages"]})).json()
        whole = (await client.post(CHAT, json=request)).json()
    assert counted["tokens"] == whole["usage"]["prompt_tokens"]


# ---------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"messages": []}', 400),
        (b'{"messages": "hi"}', 400),
        (b'{"messages": [{"role": "king", "content": "canary"}]}', 400),
        (b'{"messages": [{"role": "user", "content": "canary"}], "temperature": 9}', 400),
        (b"[" * 100_000, 400),
        (b"\xff\xfe", 400),
        (b'"' + b"x" * (4 * 1024 * 1024) + b'"', 413),
    ],
)
async def test_bad_requests_are_refused_in_words(engine: EngineProcess, content: bytes, status: int) -> None:
    async with engine.client() as client:
        answer = await client.post(CHAT, content=content)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["code"] == "invalid_request"
    assert error["message"]
    assert "canary" not in answer.text


async def test_other_addresses_and_methods(engine: EngineProcess) -> None:
    async with engine.client() as client:
        assert (await client.get("/v1/nowhere")).status_code == 404
        assert (await client.get(CHAT)).status_code == 405
        unknown = await client.post(CHAT, json=body("Hi", model="gpt-4"))
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_prompt_that_is_too_long_says_how_long(engine: EngineProcess, streamed: bool) -> None:
    async with engine.client() as client:
        answer = await client.post(CHAT, json=body(LONG * 4, stream=streamed))
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error["code"] == "context_length_exceeded"
    assert error["prompt_tokens"] > error["context_tokens"] == 2048


# ---------------------------------------------------------------------- waiting, cancelling, going away


async def test_those_who_wait_hear_their_place(engine: EngineProcess) -> None:
    async with engine.client() as client:
        told = await asyncio.gather(
            *(
                stream(client, body(f"{n}: {LONG[:2000]}", max_tokens=1, cache_owner=f"q{n}"))
                for n in range(4)
            )
        )
    places = sorted((each.places[0]["position"] if each.places else 0) for each in told)
    assert places[-1] >= 2
    assert all(each.done for each in told)
    for each in told:
        assert all(place["wait_s"] is None or place["wait_s"] >= 0 for place in each.places)


async def test_cancelling_by_id_ends_a_prompt_being_read(engine: EngineProcess) -> None:
    async with engine.client() as client:
        task = asyncio.create_task(stream(client, body(LONG, request_id="r1")))
        await until_running(engine)
        answer = await client.post("/v1/cancel", json={"request_id": "r1"})
        assert answer.json() == {"cancelled": 1}
        told = await task
        await until_calm(engine, within_s=30)
    assert told.error is not None
    assert told.error["code"] == "cancelled"
    assert not told.done
    assert told.texts == [], "it was ended while its prompt was read"
    assert (await _cancel_again(engine)) == {"cancelled": 0}


async def _cancel_again(engine: EngineProcess) -> dict[str, int]:
    async with engine.client() as client:
        found: dict[str, int] = (await client.post("/v1/cancel", json={"request_id": "r1"})).json()
        return found


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_client_that_goes_away_frees_its_sequence(engine: EngineProcess, streamed: bool) -> None:
    request = body("Write a very long story.", max_tokens=1500, ignore_eos=True, stream=streamed)
    async with engine.client() as client:
        call = asyncio.create_task(client.post(CHAT, json=request))
        await until_running(engine)
        call.cancel()
        await asyncio.wait([call])
    await until_calm(engine, within_s=30)


async def test_cancelling_one_leaves_the_others_alone(engine: EngineProcess) -> None:
    async with engine.client() as client:
        request = body("Count from one to ten in words.", max_tokens=30)
        alone = await stream(client, request)
        victim = asyncio.create_task(
            stream(client, body("A story.", max_tokens=1500, ignore_eos=True, request_id="v"))
        )
        await until_running(engine)
        other = asyncio.create_task(stream(client, request))
        await until_running(engine, 2)
        await client.post("/v1/cancel", json={"request_id": "v"})
        assert (await other).text[:20] == alone.text[:20]
        assert (await victim).error is not None


async def test_the_log_holds_no_content(engine: EngineProcess) -> None:
    canary = "canary-8c1f-tents"
    async with engine.client() as client:
        await stream(client, body(f"Say {canary}", system=canary, max_tokens=4, cache_owner=canary))
        await client.post(CHAT, json={"messages": [{"role": canary, "content": canary}]})
        metrics = (await client.get("/metrics")).text
    assert canary not in engine.log.read_text()
    assert canary not in metrics
    assert "requests_total" in metrics


async def test_half_a_request_does_no_harm(engine: EngineProcess) -> None:
    _reader, writer = await asyncio.open_connection("127.0.0.1", engine.port)
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: {engine.headers['Authorization']}\r\n"
    writer.write(f"{head}Content-Length: 500\r\n\r\n{json.dumps({'messages': []})}".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert engine.health()["status"] == "ready"

"""The life of the engine's process: damaged files, better ones that arrive, ports, stopping."""

from __future__ import annotations

import asyncio
import shutil
import socket
import time
from pathlib import Path

import httpx
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from tests.integration.llamacpp.asking import ask, body, stream
from tests.integration.llamacpp.engine_process import EngineProcess, start_engine

pytestmark = [pytest.mark.model, pytest.mark.slow]


async def test_a_damaged_file_is_reported_until_a_whole_one_is_there(smollm2: Path, tmp_path: Path) -> None:
    model = tmp_path / "mine.gguf"
    with smollm2.open("rb") as whole:
        model.write_bytes(whole.read(1_000_000))
    engine = start_engine(tmp_path, models=str(model))
    try:
        health = await asyncio.to_thread(engine.until, "error")
        assert "mine" in health["detail"]
        assert "truncated" in health["detail"]
        async with engine.client() as client:
            answer = await client.post("/v1/chat/completions", json=body("Hi"))
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_loading")
            shutil.copy(smollm2, tmp_path / "whole")
            (tmp_path / "whole").rename(model)
            await asyncio.to_thread(engine.until, "ready")
            assert await ask(client, body("Hi", max_tokens=4))
    finally:
        assert engine.stop() == 0


async def test_a_better_model_takes_over_while_answers_go_on(smollm2: Path, tmp_path: Path) -> None:
    better = tmp_path / "better.gguf"
    engine = start_engine(tmp_path, models=f"{better},{smollm2}", quick=str(smollm2))
    try:
        await asyncio.to_thread(engine.until, "ready")
        async with engine.client() as client:
            long = asyncio.create_task(stream(client, body("A story.", max_tokens=200, ignore_eos=True)))
            shutil.copy(smollm2, tmp_path / "part")
            (tmp_path / "part").rename(better)
            deadline = time.monotonic() + 30
            while "better" not in engine.health()["detail"]:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.1)
            told = await long
            assert told.usage["completion_tokens"] == 200
            names: dict[str, list[str]] = {}
            while names.get("better") != ["chat"]:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.1)
                data = (await client.get("/v1/models")).json()["data"]
                names = {model["id"]: model["aliases"] for model in data}
            assert names[smollm2.stem] == ["quick"]
            assert (await stream(client, body("Hi", max_tokens=2))).chunks[0]["model"] == "better"
            assert (await stream(client, body("Hi", max_tokens=2, model="quick"))).chunks[0][
                "model"
            ] == smollm2.stem
    finally:
        assert engine.stop() == 0


async def test_stopping_ends_answers_with_a_word(smollm2: Path, tmp_path: Path) -> None:
    engine = start_engine(tmp_path, models=str(smollm2), context_tokens=8192)
    await asyncio.to_thread(engine.until, "ready")
    async with engine.client() as client:
        # more than any machine writes in five seconds
        endless = body("A story.", max_tokens=8000, ignore_eos=True)
        task = asyncio.create_task(stream(client, endless))
        await _writes(engine)
        began = time.monotonic()
        engine.process.terminate()
        told = await task
    assert told.error is not None
    assert told.error["code"] == "engine_stopping"
    assert await asyncio.to_thread(engine.process.wait, 10) == 0
    assert 5 <= time.monotonic() - began < 9


async def test_stopping_lets_a_short_answer_end_and_takes_no_new_one(smollm2: Path, tmp_path: Path) -> None:
    engine = start_engine(tmp_path, models=str(smollm2))
    await asyncio.to_thread(engine.until, "ready")
    async with engine.client() as client, engine.client() as other:
        tokens = await _tokens_of_two_seconds(client)
        await other.get("/health")  # its connection is open before the engine stops listening
        task = asyncio.create_task(stream(client, body("A story.", max_tokens=tokens, ignore_eos=True)))
        await _writes(engine)
        engine.process.terminate()
        refused = await other.post("/v1/chat/completions", json=body("Hi", max_tokens=1))
        while refused.status_code == 200:  # the signal has not been seen to yet
            assert not task.done()
            refused = await other.post("/v1/chat/completions", json=body("Hi", max_tokens=1))
        told = await task
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "engine_stopping")
    assert told.error is None
    assert told.usage["completion_tokens"] == tokens
    assert await asyncio.to_thread(engine.process.wait, 10) == 0


async def _tokens_of_two_seconds(client: httpx.AsyncClient) -> int:
    """What this machine writes in some two seconds: within the five that a stopping engine gives."""
    began = time.monotonic()
    told = await stream(client, body("Count.", max_tokens=60, ignore_eos=True))
    seconds = time.monotonic() - began - told.first_text_s
    return min(int(2 * 60 / seconds), 1900)


async def _writes(engine: EngineProcess) -> None:
    """Wait until an answer is being written."""
    deadline = time.monotonic() + 30
    while not (await asyncio.to_thread(engine.gauges))["running"]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


@pytest.mark.django_db
def test_a_taken_port_is_said_with_a_cure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=rf"Port {port}.*--port"):
            call_command("engine_llm", port=port, models="anything")

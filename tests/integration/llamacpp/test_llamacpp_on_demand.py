"""A model that nobody chose is loaded because a request names it, and leaves again."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from tests.integration.llamacpp.asking import CHAT, body
from tests.integration.llamacpp.engine_process import start_engine

pytestmark = [pytest.mark.model, pytest.mark.slow]

NAMED = "smollm2-135m"


async def states(client: httpx.AsyncClient) -> dict[str, str]:
    return {model["id"]: model["state"] for model in (await client.get("/v1/models")).json()["data"]}


async def test_a_model_that_a_request_names_is_loaded_and_leaves_again(smollm2: Path, tmp_path: Path) -> None:
    store = tmp_path / "models" / NAMED
    store.mkdir(parents=True)
    (store / smollm2.name).symlink_to(smollm2)
    chosen = tmp_path / "chosen.gguf"
    chosen.symlink_to(smollm2)
    engine = start_engine(
        tmp_path,
        models=str(chosen),
        CHATPLATFORM_MODELS_DIR=str(tmp_path / "models"),
        CHATPLATFORM_LLM_IDLE_S="2",
    )
    try:
        await asyncio.to_thread(engine.until, "ready")
        async with engine.client() as client:
            assert await states(client) == {"chosen": "loaded", NAMED: "available"}
            request = body("Hi", max_tokens=2, model=NAMED)
            first = await client.post(CHAT, json=request)
            assert (first.status_code, first.json()["error"]["code"]) == (503, "model_loading")
            deadline = time.monotonic() + 60
            while (answer := await client.post(CHAT, json=request)).status_code == 503:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)
            assert answer.json()["model"] == NAMED
            while await states(client) != {"chosen": "loaded", NAMED: "available"}:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.1)
    finally:
        assert engine.stop() == 0

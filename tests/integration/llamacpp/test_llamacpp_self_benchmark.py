"""The self-benchmark and the list of devices with the real library."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from chatplatform.inference.engines.llamacpp.context_settings import ContextSettings
from chatplatform.inference.engines.llamacpp.gpu import devices
from chatplatform.inference.engines.llamacpp.model import LlamaModel
from chatplatform.inference.engines.llamacpp.speed_probe import probe
from tests.integration.llamacpp.asking import ask, body
from tests.integration.llamacpp.engine_process import start_engine

pytestmark = [pytest.mark.model, pytest.mark.slow]


def test_every_setting_can_be_run_and_measured(smollm2: Path) -> None:
    model = LlamaModel(smollm2)
    for settings in (
        ContextSettings(threads=1, flash_attention="off"),
        ContextSettings(flash_attention="on", kv_type="q8_0"),
        ContextSettings(batch=2048),
    ):
        speeds = probe(model, settings)
        assert speeds is not None
        assert speeds.reading > 1
        assert speeds.writing > 1
    model.close()


def test_devices_are_listed_without_harm() -> None:
    assert all(device.name and device.total_bytes for device in devices())


async def test_the_choice_is_made_once_kept_and_shown(smollm2: Path, tmp_path: Path) -> None:
    kept = tmp_path / "self-benchmarks"
    written = []
    for _start in range(2):
        engine = start_engine(
            tmp_path,
            models=str(smollm2),
            CHATPLATFORM_LLM_SELF_BENCHMARK="true",
            CHATPLATFORM_GPU_LAYERS="3",
        )
        try:
            await asyncio.to_thread(engine.until, "ready")
            async with engine.client() as client:
                model = (await client.get("/v1/models")).json()["data"][0]
                health = engine.health()
                assert await ask(client, body("Hi", max_tokens=4))
        finally:
            assert engine.stop() == 0
        assert model["tuned"]["measured"]
        assert model["tuned"]["threads"] >= 1
        files = list(kept.iterdir())
        assert len(files) == 1
        if not devices():
            assert model["gpu_layers"] == 0
            assert "3 layers were wished" in health["notices"][0]
            assert "3 layers were wished" in health["detail"]
            assert "3 layers were wished" in engine.log.read_text()
        written.append(files[0].stat().st_mtime_ns)
    assert written[0] == written[1], "it is not made anew"
    assert json.loads(files[0].read_text())["fingerprint"]["sha256"] == model["sha256"]

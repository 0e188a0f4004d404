"""The self-benchmark and the list of devices with the real library."""

from __future__ import annotations

import asyncio
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


async def test_how_a_model_is_run_is_shown_and_missing_layers_are_told(smollm2: Path, tmp_path: Path) -> None:
    engine = start_engine(tmp_path, models=str(smollm2), CHATPLATFORM_GPU_LAYERS="3")
    try:
        health = await asyncio.to_thread(engine.until, "ready")
        async with engine.client() as client:
            model = (await client.get("/v1/models")).json()["data"][0]
            assert await ask(client, body("Hi", max_tokens=4))
    finally:
        assert engine.stop() == 0
    assert model["tuned"]["threads"] >= 1
    assert model["tuned"]["kv_type"] == "f16"
    assert not model["tuned"]["measured"], "tests are not slowed down by trying"
    assert not (tmp_path / "self-benchmarks").exists()
    if not devices():
        assert model["gpu_layers"] == 0
        assert "3 layers were wished" in health["notices"][0]
        assert "3 layers were wished" in health["detail"]
        assert "3 layers were wished" in engine.log.read_text()

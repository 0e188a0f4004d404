"""An encrypted model in the engine's process: served from memory alone, and named in /health when it cannot be."""

from __future__ import annotations

import asyncio
import base64
import os
import time
from pathlib import Path
from typing import Any

import pytest

from chatplatform.inference.model_files.encrypted_model import encrypt
from tests.integration.llamacpp.asking import ask, body
from tests.integration.llamacpp.engine_process import EngineProcess, start_engine

pytestmark = [pytest.mark.model, pytest.mark.slow]


def said(engine: EngineProcess, words: str) -> None:
    """Wait until /health says these words."""
    deadline = time.monotonic() + 60
    while words not in (detail := str(engine.until("error")["detail"])):
        assert time.monotonic() < deadline, detail
        time.sleep(0.1)


def write(source: Path, target: Path) -> None:
    """An encrypted file, put in the other's place at once."""
    encrypt(source, target.with_name("draft"), lambda fraction: None)
    target.with_name("draft").rename(target)


def assert_in_memory_only(engine: EngineProcess, plain: Path, model: Path) -> None:
    mapped = Path(f"/proc/{engine.process.pid}/maps").read_text()
    assert "memfd:model" in mapped
    assert plain.name not in mapped
    large = [path for path in model.parent.rglob("*") if path.is_file() and path.stat().st_size > 10_000_000]
    assert large == [model]


async def test_it_is_served_from_memory_and_its_troubles_are_named(
    smollm2: Path, tmp_path: Path, settings: Any
) -> None:
    model, right = tmp_path / "mine.encrypted", settings.MASTER_KEY
    settings.MASTER_KEY = base64.b64encode(os.urandom(32)).decode()
    write(smollm2, model)
    settings.MASTER_KEY = right
    engine = start_engine(tmp_path, models=str(model), CHATPLATFORM_MASTER_KEY=right)
    try:
        await asyncio.to_thread(said, engine, "another master key")
        write(smollm2, model)
        whole = model.read_bytes()
        model.write_bytes(whole[:-100_000] + bytes(100_000))
        await asyncio.to_thread(said, engine, "is damaged")
        write(smollm2, model)
        await asyncio.to_thread(engine.until, "ready")
        async with engine.client() as client:
            assert await ask(client, body("Hi", max_tokens=4))
        assert_in_memory_only(engine, smollm2, model)
    finally:
        assert engine.stop() == 0

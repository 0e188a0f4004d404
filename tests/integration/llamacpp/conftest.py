"""A real, small model, and the engine's process serving it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatplatform.common.errors import PlatformError
from chatplatform.inference.model_files import model_store
from tests.integration.llamacpp.engine_process import EngineProcess, start_engine


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """The file of the 135M model: CHATPLATFORM_TEST_MODEL, or from the store, fetched when it can be."""
    if named := os.environ.get("CHATPLATFORM_TEST_MODEL"):
        return Path(named)
    try:
        return model_store.ensure("smollm2-135m")
    except (PlatformError, OSError) as error:
        pytest.skip(f"the small model cannot be had: {getattr(error, 'message', error)}")


@pytest.fixture(scope="session")
def engine(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """The engine with the small model, ready; shared by all tests that leave it as it was."""
    running = start_engine(tmp_path_factory.mktemp("engine"), models=str(smollm2))
    try:
        running.until("ready")
        yield running
    finally:
        running.stop()

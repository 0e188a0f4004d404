"""The engines that the contract holds for: the scripted one, and the real ones where their models are."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from chatplatform.inference.model_files import model_store
from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from tests.contracts.engine import tiny_models

ROOT = Path(__file__).resolve().parents[3]
START_S = 90
CHAT_MODEL = "smollm2-135m"
EMBEDDING_MODEL = "multilingual-e5-small"


@dataclass(frozen=True)
class EngineAddress:
    url: str
    token: str
    is_scripted: bool

    def client(self, *, token: str | None = None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60, trust_env=False)


@contextmanager
def scripted() -> Iterator[EngineAddress]:
    engine = ScriptedEngineProcess()
    yield EngineAddress(engine.url.removesuffix("/v1"), TOKEN, is_scripted=True)
    engine.stop()


@contextmanager
def real(command: str, model: str, *arguments: str) -> Iterator[EngineAddress]:
    """An engine process of the platform with `model`; skips where the model was not fetched."""
    if model_store.model_path(model) is None:
        pytest.skip(f"needs a model: manage.py models pull {model}")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "manage.py", command, "--port", str(port), *arguments],
        cwd=ROOT,
        env={**os.environ, "CHATPLATFORM_ENGINE_TOKEN": settings.ENGINE_TOKEN},
    )
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}/health", process)
        yield EngineAddress(f"http://127.0.0.1:{port}", settings.ENGINE_TOKEN, is_scripted=False)
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def _llama_server(program: str) -> Iterator[EngineAddress]:
    """A real llama-server with the small model, of which the platform knows nothing."""
    model = model_store.model_path(CHAT_MODEL)
    if model is None:
        pytest.fail(f"llama-server needs a model: manage.py models pull {CHAT_MODEL}")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [program, "-m", str(model), "--port", str(port), "--api-key", TOKEN, "-c", "4096"]
    process = subprocess.Popen(
        [*command, "-np", "2", "-t", "1", "--jinja"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}/health", process, said="ok")
        yield EngineAddress(f"http://127.0.0.1:{port}", TOKEN, is_scripted=False)
    finally:
        process.terminate()
        process.wait(timeout=30)


def llama_servers() -> list[Callable[[], AbstractContextManager[EngineAddress]]]:
    """The llama-server that was named, if one was: without it there is no such case, rather than a skipped one."""
    program = os.environ.get("CHATPLATFORM_TEST_LLAMA_SERVER", "")
    return [partial(_llama_server, program)] if program else []


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], *, said: str = "ready") -> None:
    ends = time.monotonic() + START_S
    while time.monotonic() < ends and process.poll() is None:
        try:
            if httpx.get(url, trust_env=False).json().get("status") == said:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    pytest.fail("the engine did not get ready")


REAL = (pytest.mark.model, pytest.mark.slow)


@pytest.fixture(scope="module", params=["scripted", pytest.param("llamacpp", marks=REAL)])
def chat_engine(request: pytest.FixtureRequest) -> Iterator[EngineAddress]:
    """An engine that chats."""
    models = ("--models", CHAT_MODEL, "--quick", CHAT_MODEL)
    with scripted() if request.param == "scripted" else real("engine_llm", CHAT_MODEL, *models) as engine:
        yield engine


@pytest.fixture(scope="module", params=["scripted", pytest.param("encoder", marks=REAL)])
def embedding_engine(request: pytest.FixtureRequest) -> Iterator[EngineAddress]:
    """An engine that embeds."""
    model = ("--model", EMBEDDING_MODEL)
    with (
        scripted() if request.param == "scripted" else real("engine_encoder", EMBEDDING_MODEL, *model)
    ) as engine:
        yield engine


@pytest.fixture(scope="module", params=["scripted", pytest.param("encoder", marks=REAL)])
def reranking_engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EngineAddress]:
    """An engine that reranks. The real one has models of random weights: what they say means nothing, and is theirs."""
    if request.param == "scripted":
        with scripted() as engine:
            yield engine
        return
    folder = tmp_path_factory.mktemp("models")
    tiny_models.make(folder)
    encoder, reranker = str(folder / "encoder"), str(folder / "reranker")
    with real("engine_encoder", encoder, "--model", encoder, "--reranker", reranker) as engine:
        wait_for_reranker(engine)
        yield engine


def wait_for_reranker(engine: EngineAddress) -> None:
    """Until it is ready, or has failed."""
    ends = time.monotonic() + START_S
    while time.monotonic() < ends:
        said = httpx.get(f"{engine.url}/health", trust_env=False).json()["reranker"]
        if said["status"] != "loading":
            assert said == {"status": "ready", "detail": ""}
            return
        time.sleep(0.2)
    pytest.fail("the reranker did not get ready")


@pytest.fixture
async def chat(chat_engine: EngineAddress) -> AsyncIterator[httpx.AsyncClient]:
    async with chat_engine.client() as client:
        yield client


@pytest.fixture
async def embedding(embedding_engine: EngineAddress) -> AsyncIterator[httpx.AsyncClient]:
    async with embedding_engine.client() as client:
        yield client


@pytest.fixture
async def reranking(reranking_engine: EngineAddress) -> AsyncIterator[httpx.AsyncClient]:
    async with reranking_engine.client() as client:
        yield client

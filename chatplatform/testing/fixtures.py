"""Pytest fixtures for the platform's own tests and for those of plugins."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest
from pytest_django.fixtures import Settings

TOKEN = "scripted"  # noqa: S105  # of a fake on loopback
START_TIMEOUT_S = 10


class ScriptedEngineProcess:
    """A scripted engine that runs; see chatplatform.testing.scripted_engine for what it can be told."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self.port = 0
        self._process = self._start()

    @property
    def url(self) -> str:
        """The address to use as LLM_URL and ENCODER_URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def pid(self) -> int:
        return self._process.pid

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "chatplatform.testing.scripted_engine", "--port", str(self.port)]
        process = subprocess.Popen(
            [*command, "--token", TOKEN, *self._arguments], stdout=subprocess.PIPE, text=True
        )
        line = process.stdout.readline() if process.stdout else ""
        if not line.startswith("ready "):
            raise RuntimeError("the scripted engine did not start")
        self.port = int(line.split()[1])
        return process

    def state(self) -> dict[str, Any]:
        """What it has been asked so far."""
        return self._ask("GET", "/test/state")

    def release(self) -> None:
        """Let go of the answers to questions with `[[hold=1]]`."""
        self._ask("POST", "/test/release")

    async def until(self, name: str, value: int, *, timeout_s: float = 5.0) -> dict[str, Any]:
        """Wait until the counter `name` of the state is at least `value`, and return the state."""
        async with asyncio.timeout(timeout_s):
            while True:
                state = await asyncio.to_thread(self.state)
                if (len(state[name]) if isinstance(state[name], list) else state[name]) >= value:
                    return state
                await asyncio.sleep(0.01)

    def _ask(self, method: str, path: str) -> dict[str, Any]:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
            connection.request(method, path)
            parsed: dict[str, Any] = json.loads(connection.getresponse().read())
            return parsed

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self._process.kill()
        self._reap()

    def restart(self) -> None:
        """Start it again on the same port, knowing nothing of before."""
        self.kill()
        self._process = self._start()

    def stop(self) -> None:
        self._process.terminate()
        self._reap()

    def _reap(self) -> None:
        self._process.wait(timeout=START_TIMEOUT_S)
        if self._process.stdout:
            self._process.stdout.close()


@pytest.fixture
def scripted_engine(settings: Settings) -> Iterator[ScriptedEngineProcess]:
    """A scripted engine for this test, which LLM_URL and ENCODER_URL point at."""
    engine = ScriptedEngineProcess()
    settings.LLM_URL = settings.ENCODER_URL = engine.url
    settings.ENGINE_TOKEN = TOKEN
    yield engine
    engine.stop()

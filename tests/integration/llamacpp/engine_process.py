"""The engine's process, for tests and measurements."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx

ROOT = Path(__file__).parents[3]
TOKEN = "engine-token-of-tests"
START_S = 60.0


@dataclass
class EngineProcess:
    """`manage.py engine_llm` as a process of its own. `log` is the path of what it prints."""

    log: Path
    port: int
    process: subprocess.Popen[bytes]
    headers: dict[str, str] = field(default_factory=lambda: {"Authorization": f"Bearer {TOKEN}"})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, headers=self.headers, timeout=60, trust_env=False)

    def health(self) -> dict[str, Any]:
        answer: dict[str, Any] = httpx.get(f"{self.url}/health", timeout=5, trust_env=False).json()
        return answer

    def until(self, status: str) -> dict[str, Any]:
        """Wait until /health says `status`."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                if (health := self.health())["status"] == status:
                    return health
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"the engine is not {status}: {self.log.read_text()}")

    def gauges(self) -> dict[str, float]:
        """The gauges of /metrics, by name."""
        text = httpx.get(f"{self.url}/metrics", headers=self.headers, timeout=5, trust_env=False).text
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        pairs = (line.rsplit(" ", 1) for line in lines)
        return {
            name.partition("{")[0].removeprefix("chatplatform_llm_"): float(value) for name, value in pairs
        }

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_engine(
    folder: Path, *, models: str, quick: str = "", context_tokens: int = 2048, **environment: str
) -> EngineProcess:
    port, log = free_port(), folder / "engine.log"
    command = [
        sys.executable,
        "manage.py",
        "engine_llm",
        "--port",
        str(port),
        "--models",
        models,
        "--quick",
        quick,
    ]
    settings = {
        "CHATPLATFORM_DATA_DIR": str(folder),
        "CHATPLATFORM_ENGINE_TOKEN": TOKEN,
        "CHATPLATFORM_CONTEXT_TOKENS": str(context_tokens),
        "CHATPLATFORM_LLM_SELF_BENCHMARK": "false",
    }
    with log.open("wb") as output:
        process = _popen(command, {**os.environ, **settings, **environment}, output)
    return EngineProcess(log, port, process)


def _popen(command: list[str], environment: dict[str, str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
    )

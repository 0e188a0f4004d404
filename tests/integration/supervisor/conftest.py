"""Tiny children for the supervisor, and what it needs around it."""

from __future__ import annotations

import io
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatplatform.supervisor.keeper_client import Keeper
from chatplatform.supervisor.log_writer import LogWriter
from tests.integration.supervisor.children import Script


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Makes a command line out of Python code."""
    count = 0

    def make(code: str) -> tuple[str, ...]:
        nonlocal count
        count += 1
        path = tmp_path / f"child{count}.py"
        path.write_text(code)
        return (sys.executable, "-I", "-S", "-u", str(path))

    return make


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(output: io.StringIO) -> Iterator[LogWriter]:
    with LogWriter(output) as writer:
        yield writer


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    with Keeper() as running:
        yield running


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])

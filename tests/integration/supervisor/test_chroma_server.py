"""The vector store's own server, the real one: on loopback only, in its folder, and silent towards others."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from django.conf import settings

pytest.importorskip(
    "chromadb_rust_bindings", reason="install it: python -m chatplatform.installation install chroma"
)
pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "chroma"],
        env={
            **os.environ,
            "CHATPLATFORM_DATA_DIR": str(tmp_path / "data"),
            "CHATPLATFORM_CHROMA_PORT": str(port),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    ends_at = time.monotonic() + 30
    while not _beats(port):
        assert process.poll() is None
        assert time.monotonic() < ends_at
        time.sleep(0.05)
    yield process, port
    process.terminate()
    process.communicate(timeout=10)


def _beats(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/api/v2/heartbeat", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_it_listens_on_loopback_only_and_calls_nobody(server: tuple[subprocess.Popen[str], int]) -> None:
    process, port = server
    connections = psutil.Process(process.pid).net_connections("inet")
    assert {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
    assert {c.laddr.port for c in connections if c.status == psutil.CONN_LISTEN} == {port}
    assert all(c.raddr.ip == "127.0.0.1" for c in connections if c.raddr)


def test_vectors_are_kept_in_the_data_folder(
    server: tuple[subprocess.Popen[str], int], tmp_path: Path
) -> None:
    _, port = server
    base = f"http://127.0.0.1:{port}/api/v2/tenants/default_tenant/databases/default_database"
    made = httpx.post(f"{base}/collections", json={"name": "notes"}, trust_env=False)
    assert made.status_code == 200
    assert (tmp_path / "data" / "chroma" / "chroma.sqlite3").is_file()
    assert (tmp_path / "data" / "chroma").stat().st_mode & 0o077 == 0


def test_reset_is_not_offered(server: tuple[subprocess.Popen[str], int]) -> None:
    _, port = server
    assert httpx.post(f"http://127.0.0.1:{port}/api/v2/reset", trust_env=False).status_code >= 400


def test_a_second_server_on_the_same_port_is_refused_in_words(
    server: tuple[subprocess.Popen[str], int], tmp_path: Path
) -> None:
    _, port = server
    second = subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "chroma"],
        env={
            **os.environ,
            "CHATPLATFORM_DATA_DIR": str(tmp_path / "data"),
            "CHATPLATFORM_CHROMA_PORT": str(port),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert "CHATPLATFORM_CHROMA_PORT" in second.stderr
    assert "Traceback" not in second.stderr

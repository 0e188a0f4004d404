"""Chroma's own server for a test: on loopback, in a folder of the test's. Needs the package of its server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from django.conf import settings

START_TIMEOUT_S = 30


class ChromaProcess:
    """A server that runs until `stop`; after `kill`, `start` has it come back on the same port and folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self.start()

    @property
    def url(self) -> str:
        """The address to use as CHROMA_URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "chroma"],
            env={
                **os.environ,
                "CHATPLATFORM_DATA_DIR": str(self._folder),
                "CHATPLATFORM_CHROMA_PORT": str(self.port),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        ends_at = time.monotonic() + START_TIMEOUT_S
        while not self._beats():
            if self._process.poll() is not None or time.monotonic() > ends_at:
                self.kill()
                raise RuntimeError("Chroma did not start")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self._process.kill()
        self._process.wait(timeout=10)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)

    def _beats(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/api/v2/heartbeat")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

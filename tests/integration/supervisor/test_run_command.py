"""`manage.py run` as a person starts it: web and worker on a fresh data folder, engines elsewhere."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

LIMIT_S = 90.0


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Platform:
    """A running `manage.py run` and what it has said."""

    def __init__(self, folder: Path) -> None:
        self.port = unused_port()
        self.data = folder / "data"
        elsewhere = f"http://127.0.0.1:{unused_port()}"
        self.environment = {
            # an installation of its own: on a fresh SQLite database, whatever serves the other tests
            **{name: value for name, value in os.environ.items() if not name.startswith("CHATPLATFORM_")},
            "CHATPLATFORM_DATA_DIR": str(self.data),
            "CHATPLATFORM_PORT": str(self.port),
            "CHATPLATFORM_LLM_URL": f"{elsewhere}/v1",
            "CHATPLATFORM_ENCODER_URL": f"{elsewhere}/v1",
            "CHATPLATFORM_CHROMA_URL": elsewhere,
        }
        self.log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(settings.BASE_DIR / "manage.py"), "run"],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def status(self) -> dict[str, Any]:
        path = self.data / "run" / "status.json"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"phase": ""}
        return found

    def wait_for(self, said: str) -> str:
        ends_at = time.monotonic() + LIMIT_S
        while not (found := re.search(said, self.log.read_text())):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < ends_at, self.log.read_text()
            time.sleep(0.05)
        return found[0]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    running = Platform(tmp_path)
    running.start()
    yield running
    if running.process.poll() is None:
        running.stop()


def test_from_nothing_to_a_page_with_a_link_that_signs_in_once(platform: Platform) -> None:
    platform.wait_for("Everything is ready")
    link = platform.wait_for(rf"{platform.url}/sign-in/\S+")
    with httpx.Client(follow_redirects=True, trust_env=False) as browser:
        page = browser.get(link)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert page.status_code == 200
        assert token is not None, "the link leads to a form, for mail programs open links by themselves"
        signed_in = browser.post(link, data={"csrfmiddlewaretoken": token[1]}, headers={"Referer": link})
        assert signed_in.status_code == 200
        assert "sessionid" in browser.cookies
    platform.wait_for("worker is ready")
    ends_at = time.monotonic() + 10  # the status file follows a moment later
    while (states := {p["name"]: p["state"] for p in platform.status["processes"]}) != {
        "web": "ready",
        "worker": "ready",
    }:
        assert time.monotonic() < ends_at, states
        time.sleep(0.05)
    second = platform.manage("run")
    assert second.returncode == 1
    assert "already runs" in second.stderr
    assert "Traceback" not in second.stderr
    assert platform.stop() == 0
    assert {p["state"] for p in platform.status["processes"]} == {"stopped"}


def test_killed_web_and_supervisor_come_back(platform: Platform) -> None:
    platform.wait_for("Everything is ready")
    web = next(p["pid"] for p in platform.status["processes"] if p["name"] == "web")
    os.kill(web, signal.SIGKILL)
    ends_at = time.monotonic() + 20
    while not _answers(platform.url) or platform.status["processes"][0]["pid"] in {web, None}:
        assert time.monotonic() < ends_at
        time.sleep(0.05)
    platform.process.kill()
    platform.process.wait()
    platform.log.write_text("")
    platform.start()  # at once, while the last run's children are just being killed
    platform.wait_for("Everything is ready")
    assert platform.stop() == 0


def test_a_taken_port_is_refused_in_words(tmp_path: Path) -> None:
    platform = Platform(tmp_path)
    with socket.create_server(("127.0.0.1", platform.port)):
        refused = platform.manage("run")
    assert refused.returncode == 1
    assert f"Port {platform.port} is taken by" in refused.stderr
    assert "CHATPLATFORM_PORT" in refused.stderr
    assert "Traceback" not in refused.stderr


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False

"""The platform as separate processes with a data folder of its own, for tests that kill them and for benchmarks."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import psutil

from chatplatform.environment.secrets import ensure_secrets
from chatplatform.environment.variables import Environment
from chatplatform.testing.migrated import copy_migrated

ROOT = Path(__file__).resolve().parent.parent.parent
START_TIMEOUT_S = 60
DATABASE_FILES = ("db.sqlite3", "keys/keys.sqlite3")

PEOPLE = """
import json, sys
import django
django.setup()
from django.test import Client
from chatplatform.accounts.models import Membership, Role, User, Workspace
from chatplatform.accounts.services import bootstrap_owner
owner = bootstrap_owner()
workspace = Workspace.objects.get(memberships__user=owner)
cookies = []
for number in range(int(sys.argv[1])):
    email = f"person{number}@example.org"
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(email)
        Membership.objects.create(user=user, workspace=workspace, role=Role.MEMBER)
    browser = Client()
    browser.force_login(user)
    cookies.append("sessionid=" + browser.cookies["sessionid"].value)
print(json.dumps(cookies))
"""


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class SiteProcesses:
    """Starts and kills `manage.py` processes over one data folder. Logs are kept in `folder/logs/NAME.log`."""

    def __init__(self, folder: Path, *, engine_url: str, engine_token: str, **environment: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.command = [sys.executable, str(ROOT / "manage.py")]
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CHATPLATFORM_")},
            "DJANGO_SETTINGS_MODULE": "chatplatform.settings",
            "PYTHONPATH": str(ROOT),
            "CHATPLATFORM_DATA_DIR": str(folder / "data"),
            "CHATPLATFORM_PORT": str(self.port),
            "CHATPLATFORM_LLM_URL": engine_url,
            "CHATPLATFORM_ENCODER_URL": engine_url,
            "CHATPLATFORM_ENGINE_TOKEN": engine_token,
            **environment,
        }
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        (folder / "data" / "keys").mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/chat/"

    def migrate(self) -> None:
        """Databases with every table and no row; on SQLite they are copied."""
        if "CHATPLATFORM_DATABASE_URL" in self.environment:
            self._migrate(self.environment)
        else:
            copy_migrated(self.folder / "data", DATABASE_FILES, self._make_databases)
            ensure_secrets(Environment(data_dir=self.folder / "data"))

    def _make_databases(self, folder: Path) -> None:
        (folder / "keys").mkdir()
        self._migrate({**self.environment, "CHATPLATFORM_DATA_DIR": str(folder)})

    def _migrate(self, environment: dict[str, str]) -> None:
        for database in ("default", "keys"):
            command = [*self.command, "migrate", "--database", database, "--verbosity", "0"]
            self._output(command, environment)

    def manage(self, *arguments: str) -> str:
        """Run a management command to its end; gives its output. Raises RuntimeError."""
        return self._output([*self.command, *arguments])

    def script(self, source: str, *arguments: str) -> str:
        """Run Python code over this data folder; gives its output. Raises RuntimeError."""
        return self._output([sys.executable, "-c", source, *arguments])

    def people(self, number: int) -> list[str]:
        """Session cookies of so many members of the first workspace, made when they are missing."""
        cookies: list[str] = json.loads(
            self._output([sys.executable, "-c", PEOPLE, str(number)]).splitlines()[-1]
        )
        return cookies

    def start(self, name: str, *arguments: str, known_as: str = "", **environment: str) -> None:
        """Start `manage.py NAME`; does not wait. A second one of its kind is `known_as` something else."""
        known_as = known_as or name
        with (self.folder / "logs" / f"{known_as}.log").open("ab") as log:
            self._running[known_as] = subprocess.Popen(
                [*self.command, name, *arguments],
                env={**self.environment, **environment},
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )

    def start_web(self) -> None:
        self.start("web")
        self.wait_for_web()

    def wait_for_web(
        self, *, port: int | None = None, known_as: str = "web", timeout_s: float = START_TIMEOUT_S
    ) -> None:
        """Raises TimeoutError with the end of the log when the page does not come up."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with closing(HTTPConnection("127.0.0.1", port or self.port, timeout=1)) as connection:
                try:
                    connection.request("GET", "/healthz")
                    if connection.getresponse().status == 200:
                        return
                except OSError:
                    time.sleep(0.05)
        raise TimeoutError(self.log(known_as)[-3000:])

    def log(self, name: str) -> str:
        return (self.folder / "logs" / f"{name}.log").read_text(errors="replace")

    def pid(self, name: str) -> int:
        return self._running[name].pid

    def memory_mib(self, name: str) -> float:
        """Resident memory of the process."""
        return float(psutil.Process(self.pid(name)).memory_info().rss) / 2**20

    def cpu_s(self, name: str) -> float:
        """Seconds of CPU that the process has used."""
        times = psutil.Process(self.pid(name)).cpu_times()
        return float(times.user + times.system)

    def kill(self, name: str) -> None:
        """End it and its children as `kill -9` does."""
        process = self._running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._running.clear()

    def _output(self, command: list[str], environment: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            command,
            env=environment or self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{command[1:3]} failed:\n{done.stdout}\n{done.stderr}")
        return done.stdout

"""Real processes on a real database and broker, for tests that start, pause and kill them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from chatplatform.environment.secrets import ensure_secrets
from chatplatform.environment.variables import Environment

ROOT = Path(__file__).resolve().parents[3]
CANARY = "canary-7f3a-content"  # stands for words of a person
QUICK = {
    "heartbeat_s": 0.25,
    "lease_s": 1.5,
    "sweep_every_s": 0.25,
    "republish_after_s": 0.5,
    "beat_lease_s": 1.5,
    "retry_base_s": 0.1,
    "max_losses": 1000,
    "stop_limit_s": 1.0,
    "stuck_after_s": 1.0,
}


@dataclass
class Stack:
    """One installation: a data folder, a database, a broker, any number of workers."""

    folder: Path
    database_url: str = ""
    broker_url: str = ""
    options: dict[str, Any] = field(default_factory=lambda: dict(QUICK))
    extra_environment: dict[str, str] = field(default_factory=dict)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _control: subprocess.Popen[str] | None = None

    def set_up(self) -> None:
        self.options.setdefault("queue", f"chatplatform.tests.{uuid4().hex[:8]}")
        ensure_secrets(Environment(data_dir=self.folder))
        (self.folder / "keys").mkdir(exist_ok=True)
        self.manage("migrate", "--run-syncdb", "--verbosity=0")

    def tear_down(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()
        if self._control:
            if self.broker_url:
                self.ask("delete_queue")
            with self._control:  # closes its pipes, which ends it
                pass

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments, "--skip-checks"],
            cwd=ROOT,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start_worker(self, **environment: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "manage.py", "worker"],
                cwd=ROOT,
                env=self._environment() | environment,
                stdout=log,
                stderr=log,
            )
        self.workers.append(worker)
        return worker

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        self.workers.remove(worker)

    def ask(self, act: str, *arguments: Any) -> Any:
        """Let the control process (control.py) do something; its answer."""
        if self._control is None:
            self._control = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.jobs.control"],
                cwd=ROOT,
                env=self._environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._control.stdin is not None
        assert self._control.stdout is not None
        self._control.stdin.write(json.dumps([act, arguments]) + "\n")
        self._control.stdin.flush()
        answer = self._control.stdout.readline()
        assert answer, f"{act} failed; see the control process's traceback"
        return json.loads(answer)

    def enqueue(self, kind: str, count: int = 1, **args: str) -> list[str]:
        found: list[str] = self.ask("enqueue", kind, count, args)
        return found

    def job(self, job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("job", job_id)
        return found

    @property
    def log(self) -> Path:
        return self.folder / "worker.log"

    def _environment(self) -> dict[str, str]:
        chosen = {
            "CHATPLATFORM_DATA_DIR": str(self.folder),
            "CHATPLATFORM_DATABASE_URL": self.database_url,
            "CHATPLATFORM_BROKER_URL": self.broker_url,
            "DJANGO_SETTINGS_MODULE": "tests.integration.jobs.worker_settings",
            "JOB_TESTS_OPTIONS": json.dumps(self.options),
        }
        return environment_of_children() | chosen | self.extra_environment


def environment_of_children() -> dict[str, str]:
    """The environment without the settings of whoever runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CHATPLATFORM_")}


def eventually(what: Callable[[], bool], *, within_s: float, why: str) -> float:
    """Wait until `what()`; how long it took, in seconds."""
    started = time.monotonic()
    while not what():
        assert time.monotonic() - started < within_s, f"{why} did not happen within {within_s} s"
        time.sleep(0.05)
    return time.monotonic() - started

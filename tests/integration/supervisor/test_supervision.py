"""The supervisor as a whole: set-up steps, processes that wait for them, status, stop."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from chatplatform.supervisor.backoff import Backoff
from chatplatform.supervisor.keeper_client import Keeper
from chatplatform.supervisor.log_writer import LogWriter
from chatplatform.supervisor.process import ProcessSpec
from chatplatform.supervisor.steps import Step
from chatplatform.supervisor.supervision import Supervision
from tests.integration.supervisor.children import Script, until

STAY = "import time\nprint('here')\ntime.sleep(600)\n"
DONE = 'print(\'{"fraction": 1, "detail": "installed"}\')\n'


def step(step_id: str, command: tuple[str, ...], **fields: Any) -> Step:
    values: dict[str, Any] = {"title": step_id, "lane": "all", "look": lambda: None, "niceness": 0, **fields}
    return Step(id=step_id, commands=(command,), **values)


class Running:
    """A supervision that runs, and what it has written."""

    def __init__(self, supervision: Supervision, path: Path) -> None:
        self.supervision = supervision
        self._path = path
        self.greeted = 0

    @property
    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._path.read_text()) if self._path.exists() else {"phase": ""}
        return found

    def step(self, step_id: str) -> dict[str, Any]:
        return next(step for step in self.status["steps"] if step["id"] == step_id)

    def process(self, name: str) -> dict[str, Any]:
        return next(process for process in self.status["processes"] if process["name"] == name)


@pytest.fixture
def run(tmp_path: Path, keeper: Keeper, log: LogWriter) -> Any:
    @asynccontextmanager
    async def start(steps: Sequence[Step], processes: Sequence[ProcessSpec]) -> AsyncIterator[Running]:
        path = tmp_path / "status.json"

        async def greet() -> None:
            running.greeted += 1

        supervision = Supervision(
            steps,
            processes,
            status_path=path,
            preferred_model="best",
            log=log,
            keeper=keeper,
            greet=greet,
            backoff=lambda: Backoff(first_s=0.05),
        )
        running = Running(supervision, path)
        task = asyncio.create_task(supervision.run())
        try:
            await until(path.exists)
            yield running
        finally:
            supervision.stop()
            await asyncio.wait_for(task, 10)

    return start


async def test_a_process_waits_for_its_step_and_everything_becomes_ready(run: Any, script: Script) -> None:
    slow = script("import time\ntime.sleep(0.5)\n" + DONE)
    async with run(
        [step("database", slow)], [ProcessSpec("web", script(STAY), needs=(("database",),))]
    ) as running:
        assert running.process("web")["state"] == "waiting"
        assert running.status["phase"] == "installing"
        await until(lambda: running.status["phase"] == "ready")
        assert running.step("database")["state"] == "done"
        assert running.step("database")["detail"] == "installed"
        assert running.process("web")["state"] == "ready"
        assert running.greeted == 1
    assert running.process("web")["state"] == "stopped"


async def test_what_is_done_is_not_done_again(run: Any, script: Script, tmp_path: Path) -> None:
    spoiled = script(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    async with run([step("llm", spoiled, look=lambda: "built for CUDA")], []) as running:
        await until(lambda: running.status["phase"] == "ready")
        assert running.step("llm")["detail"] == "built for CUDA"
    assert not (tmp_path / "ran").exists()


async def test_progress_is_shown_while_it_runs(run: Any, script: Script) -> None:
    slow = script('import time\nprint(\'{"fraction": 0.25, "detail": "10 of 40"}\')\ntime.sleep(600)\n')
    async with run([step("llm", slow)], []) as running:
        await until(lambda: running.step("llm")["fraction"] == 0.25)
        assert running.step("llm")["detail"] == "10 of 40"
        assert running.step("llm")["state"] == "running"


async def test_a_failing_required_step_shows_cause_and_cure(
    run: Any, script: Script, output: io.StringIO
) -> None:
    failing = script(
        'print(\'{"failure": {"cause": "No compiler.", "cure": "Install one.", "is_passing": false}}\')\n'
        "raise SystemExit(1)\n"
    )
    process = ProcessSpec("llm", script(STAY), needs=(("llm",),))
    async with run([step("llm", failing)], [process]) as running:
        await until(lambda: running.status["phase"] == "failed")
        assert running.step("llm")["detail"] == "No compiler."
        assert running.step("llm")["cure"] == "Install one."
        assert running.process("llm")["state"] == "waiting"
        await until(lambda: "Install one." in output.getvalue())


async def test_a_failing_optional_part_does_not_stop_the_rest(run: Any, script: Script) -> None:
    failing = script("import sys\nsys.exit('CommandError: it is broken')\n")
    steps = [
        step("encoder", failing, required=False),
        step("embedding_model", script(DONE), needs=("encoder",), required=False),
        step("chroma", script(DONE), required=False),
    ]
    processes = [
        ProcessSpec("web", script(STAY)),
        ProcessSpec("encoder", script(STAY), needs=(("encoder",),), required=False),
    ]
    async with run(steps, processes) as running:
        await until(lambda: running.status["phase"] == "ready")
        assert running.step("encoder")["state"] == "failed"
        assert running.step("encoder")["detail"] == "it is broken"
        assert running.step("encoder")["cure"]
        assert running.step("chroma")["state"] == "done"
        assert running.process("web")["state"] == "ready"


async def test_a_passing_failure_is_tried_again(
    run: Any, script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatplatform.supervisor.steps.RETRY_FIRST_S", 0.05)
    flaky = script(
        f"from pathlib import Path\nmark = Path({str(tmp_path / 'mark')!r})\n"
        "if mark.exists(): raise SystemExit(0)\nmark.touch()\n"
        'print(\'{"failure": {"cause": "No network.", "cure": "Wait.", "is_passing": true}}\')\nraise SystemExit(1)\n'
    )
    async with run([step("llm", flaky)], []) as running:
        await until(lambda: running.status["phase"] == "ready")
        assert running.step("llm")["cure"] == ""


async def test_one_of_two_models_is_enough_to_start(run: Any, script: Script) -> None:
    steps = [step("quick", script("raise SystemExit(1)"), lane="a"), step("chat", script(DONE), lane="b")]
    async with run(steps, [ProcessSpec("llm", script(STAY), needs=(("quick", "chat"),))]) as running:
        await until(lambda: running.process("llm")["state"] == "ready")


async def test_steps_of_a_lane_never_run_at_once(run: Any, script: Script, tmp_path: Path) -> None:
    lane = str(tmp_path / "lane")
    alone = f"import os, time\nos.mkdir({lane!r})\ntime.sleep(0.2)\nos.rmdir({lane!r})\n"
    async with run([step(name, script(alone)) for name in "abc"], []) as running:
        await until(lambda: running.status["phase"] in {"ready", "failed"})
        assert running.status["phase"] == "ready"


async def test_interrupted_in_the_middle_of_a_step(run: Any, script: Script, output: io.StringIO) -> None:
    slow = script("import os, time\nprint('compiling', os.getpid())\ntime.sleep(600)\n")
    async with run([step("llm", slow)], []):
        await until(lambda: "compiling" in output.getvalue())
        pid = int(output.getvalue().split("compiling")[1].split()[0])
    await until(lambda: not Path(f"/proc/{pid}").exists())


async def test_a_head_start_is_given_but_not_for_ever(
    run: Any, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatplatform.supervisor.supervision.HEAD_START_S", 1.0)
    processes = [
        ProcessSpec("llm", script(STAY), needs=(("database",),)),
        ProcessSpec("late", script(STAY), after="llm"),
        ProcessSpec("never", script(STAY), needs=(("broken",),)),
        ProcessSpec("later", script(STAY), after="never", required=False),
    ]
    steps = [
        step("database", script("import time\ntime.sleep(0.5)\n")),
        step("broken", script("raise SystemExit(1)"), lane="other"),
    ]
    async with run(steps, processes) as running:
        assert running.process("late")["state"] == "waiting"
        await until(lambda: running.process("llm")["state"] == "ready")
        await until(lambda: running.process("late")["state"] == "ready")
        await until(lambda: running.process("later")["state"] == "ready")
        assert running.process("never")["state"] == "waiting"

"""The set-up as steps: what is to be done, what is done, and running it with progress."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_noop

from chatplatform.supervisor.child import Child
from chatplatform.supervisor.keeper_client import Keeper
from chatplatform.supervisor.log_writer import LogWriter
from chatplatform.supervisor.status import StepStatus

RETRY_FIRST_S, RETRY_LIMIT_S = 15.0, 300.0
SHOW_EVERY_S = 10.0
ASK_DOCTOR = gettext_noop("Run `python manage.py doctor`, put right what it names, then start again.")


@dataclass(frozen=True, slots=True)
class Step:
    """`commands` run one after another, unless `look` finds the step done. Steps of one `lane` never run at once.

    `look` gives what is to be said of a step that is done, perhaps nothing, or None when it is not done.

    A command tells its progress as JSON lines: {"fraction", "detail"}, or {"failure": {"cause", "cure",
    "is_passing"}} before it ends with a status other than 0. Its other lines go to the console. `may_pass`: a
    failure that names no cause is taken for a passing one.
    """

    id: str
    title: str
    lane: str
    commands: tuple[tuple[str, ...], ...]
    look: Callable[[], str | None]
    needs: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    niceness: int = 10
    required: bool = True
    may_pass: bool = False


class StepRun:
    """The state of one step."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.state = "waiting"
        self.fraction: float | None = None
        self.detail = ""
        self.cure = ""
        self.is_passing = False
        self.done = asyncio.Event()

    @property
    def has_failed_for_good(self) -> bool:
        return self.state == "failed" and not self.is_passing

    def view(self) -> StepStatus:
        step = self.step
        return StepStatus(step.id, step.title, self.state, self.fraction, self.detail, self.cure)


class StepRunner:
    """Runs steps, each lane in order. A step that fails for a passing cause is tried again later."""

    def __init__(
        self, steps: Sequence[Step], *, keeper: Keeper, log: LogWriter, on_change: Callable[[], None]
    ) -> None:
        self.runs = {step.id: StepRun(step) for step in steps}
        self._keeper = keeper
        self._log = log
        self._on_change = on_change
        self._lanes = {step.lane: asyncio.Lock() for step in steps}

    async def run(self) -> None:
        """Until every step is done or has failed for good."""
        async with asyncio.TaskGroup() as group:
            for run in self.runs.values():
                group.create_task(self._until_done(run))

    async def wait_for(self, needs: Sequence[Sequence[str]]) -> None:
        """Until of each group of step ids one is done. Steps that are not in the plan count as done."""
        for group in needs:
            events = [self.runs[name].done for name in group if name in self.runs]
            if len(events) < len(group):
                continue
            waiting = [asyncio.create_task(event.wait()) for event in events]
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in waiting:
                    task.cancel()

    async def _until_done(self, run: StepRun) -> None:
        # what is there is found at once, whatever else has to be done first
        found = await asyncio.to_thread(run.step.look)
        if found is not None:
            run.detail = found
            self._finish(run)
            return
        await self.wait_for([(name,) for name in run.step.needs])
        pause_s = RETRY_FIRST_S
        while True:
            async with self._lanes[run.step.lane]:
                await self._attempt(run)
            if run.state == "done" or not run.is_passing:
                return
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, RETRY_LIMIT_S)

    async def _attempt(self, run: StepRun) -> None:
        run.state, run.fraction, run.detail, run.cure, run.is_passing = "running", None, "", "", False
        self._on_change()
        began = time.monotonic()
        self._log.notice(f"… {run.step.title}")
        for command in run.step.commands:
            if not await self._command(run, command):
                run.state = "failed"
                again = " It is tried again by itself." if run.is_passing else ""
                self._log.notice(f"✗ {run.step.title}: {run.detail}\n  {run.cure}{again}")
                self._on_change()
                return
        self._finish(run)
        detail = f": {run.detail}" if run.detail else ""
        self._log.notice(f"✓ {run.step.title}{detail} ({time.monotonic() - began:.0f} s)")

    def _finish(self, run: StepRun) -> None:
        run.state, run.fraction = "done", 1.0
        run.done.set()
        self._on_change()

    async def _command(self, run: StepRun, command: tuple[str, ...]) -> bool:
        reader = _ProgressReader(run, self._log, self._on_change)
        try:
            child = await Child.start(
                command,
                keeper=self._keeper,
                on_line=reader.line,
                environment=run.step.environment,
                niceness=run.step.niceness,
            )
        except OSError as error:
            run.detail, run.cure = f"It cannot be started: {error.strerror}.", ASK_DOCTOR
            return False
        returncode = await child.wait()
        if returncode and not run.cure:
            last = reader.last_text.removeprefix("CommandError: ")
            run.detail, run.cure = last[:300] or f"It ended with status {returncode}.", ASK_DOCTOR
            run.is_passing = run.step.may_pass
        return returncode == 0


class _ProgressReader:
    """Reads a command's lines into a StepRun."""

    def __init__(self, run: StepRun, log: LogWriter, on_change: Callable[[], None]) -> None:
        self._run = run
        self._log = log
        self._on_change = on_change
        self._shown_at = time.monotonic()
        self.last_text = ""

    def line(self, text: str) -> None:
        values = _json_object(text)
        if values is None or "line" in values:
            self.last_text = text if values is None else str(values["line"])
            self._log.line(self._run.step.id, self.last_text)
        elif isinstance(failure := values.get("failure"), dict):
            self._run.detail = str(failure.get("cause", ""))
            self._run.cure = str(failure.get("cure", "")) or ASK_DOCTOR
            self._run.is_passing = bool(failure.get("is_passing"))
            self._on_change()
        else:
            self._progress(values)

    def _progress(self, values: dict[str, Any]) -> None:
        fraction = values.get("fraction")
        self._run.fraction = float(fraction) if isinstance(fraction, int | float) else None
        self._run.detail = str(values.get("detail") or "")
        self._on_change()
        if time.monotonic() - self._shown_at >= SHOW_EVERY_S:
            self._shown_at = time.monotonic()
            share = "" if self._run.fraction is None else f"{self._run.fraction:.0%} "
            self._log.line(self._run.step.id, f"{share}{self._run.detail}")


def _json_object(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        values = json.loads(text)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None

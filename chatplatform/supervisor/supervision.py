"""The supervisor: runs the set-up and the processes side by side until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from chatplatform.supervisor.backoff import Backoff
from chatplatform.supervisor.keeper_client import Keeper
from chatplatform.supervisor.log_writer import LogWriter
from chatplatform.supervisor.process import ProcessSpec, State, SupervisedProcess
from chatplatform.supervisor.status import (
    ModelStatus,
    Phase,
    ProcessStatus,
    Status,
    StatusWriter,
)
from chatplatform.supervisor.steps import Step, StepRunner

HEAD_START_S = 30.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervision:
    """One run of the supervisor.

    `greet` is awaited once, when the process "web" is ready for the first time. The first stop signal ends
    everything in order, each process within its limit; a second one kills.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        processes: Sequence[ProcessSpec],
        *,
        status_path: Path,
        preferred_model: str,
        log: LogWriter,
        keeper: Keeper,
        greet: Callable[[], Awaitable[None]],
        backoff: Callable[[], Backoff] = Backoff,
    ) -> None:
        self._began = time.monotonic()
        self._log = log
        self._greet = greet
        self._preferred_model = preferred_model
        self._stop = asyncio.Event()
        self._defect: BaseException | None = None
        self._status = StatusWriter(status_path, self.status)
        self._steps = StepRunner(steps, keeper=keeper, log=log, on_change=self._changed)
        self._processes = [
            SupervisedProcess(spec, keeper=keeper, log=log, on_change=self._changed, backoff=backoff())
            for spec in processes
        ]
        self._said: set[str] = set()

    async def run(self) -> None:
        """Until a stop signal, or `stop`. Every process and step is over when this returns."""
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self.stop)
        background = [
            asyncio.create_task(self._status.run()),
            asyncio.create_task(self._steps.run()),
            asyncio.create_task(self._greet_when_ready()),
        ]
        running = [asyncio.create_task(self._run_when_possible(process)) for process in self._processes]
        for task in (*background, *running):
            task.add_done_callback(self._stop_on_defect)
        try:
            await self._stop.wait()
        finally:
            await self._stop_all([*background, *running])
            for number in STOP_SIGNALS:
                loop.remove_signal_handler(number)
        if self._defect is not None:
            raise self._defect

    def stop(self) -> None:
        """Begin to stop; called again, kill what still runs."""
        if not self._stop.is_set():
            self._log.notice("\nStopping. Once more to stop at once.")
            self._stop.set()
            return
        for process in self._processes:
            process.kill()

    def _stop_on_defect(self, task: asyncio.Task[None]) -> None:
        """A supervisor that goes on with a part of itself dead would be worse than one that ends."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._defect = self._defect or error
            self._stop.set()

    def status(self) -> Status:
        runs = self._steps.runs.values()
        serving = next((p.health.serving for p in self._processes if p.health.serving), None)
        return Status(
            phase=self._phase(),
            steps=tuple(run.view() for run in runs),
            processes=tuple(
                ProcessStatus(p.spec.name, p.pid, p.state.value, p.restarts, p.last_error)
                for p in self._processes
            ),
            model=ModelStatus(serving, self._preferred_model),
        )

    def _phase(self) -> Phase:
        runs = self._steps.runs.values()
        if any(run.has_failed_for_good and run.step.required for run in runs):
            return Phase.FAILED
        if any(run.state in {"waiting", "running"} and run.step.required for run in runs):
            return Phase.INSTALLING
        if any(p.state is not State.READY and p.spec.required for p in self._processes):
            return Phase.STARTING
        if any(self._may_still_come(run.step.id) for run in runs):
            return Phase.INSTALLING
        return Phase.READY

    def _may_still_come(self, step_id: str) -> bool:
        """Whether an optional step is on its way: it and what it needs have not failed."""
        run = self._steps.runs.get(step_id)
        if run is None or run.state in {"done", "failed"}:
            return False
        needs = [self._steps.runs[name] for name in run.step.needs if name in self._steps.runs]
        return all(need.state != "failed" for need in needs)

    async def _run_when_possible(self, process: SupervisedProcess) -> None:
        await self._steps.wait_for(process.spec.needs)
        for other in self._processes:
            if other.spec.name == process.spec.after:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(other.first_ready.wait(), HEAD_START_S)
        await process.run()

    async def _greet_when_ready(self) -> None:
        for process in self._processes:
            if process.spec.name == "web":
                await process.first_ready.wait()
                await self._greet()

    async def _stop_all(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        # what talks to the engines goes first; each pair at once
        asking = [process for process in self._processes if process.spec.name in {"web", "worker"}]
        asked = [process for process in self._processes if process not in asking]
        await asyncio.gather(*(process.stop() for process in asking))
        await asyncio.gather(*(process.stop() for process in asked))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._status.write()

    def _changed(self) -> None:
        self._status.changed()
        for process in self._processes:
            if process.state is State.READY:
                self._say_once(process.spec.name, f"✓ {process.spec.name} is ready")
        status = self.status()
        if status.model.serving:
            self._say_once(f"model {status.model.serving}", f"✓ Chat answers with {status.model.serving}")
        if status.phase is Phase.READY and all(p.state is State.READY for p in self._processes):
            self._say_once("ready", "✓ Everything is ready")

    def _say_once(self, key: str, text: str) -> None:
        if key not in self._said:
            self._said.add(key)
            self._log.notice(f"{text} ({time.monotonic() - self._began:.1f} s)")

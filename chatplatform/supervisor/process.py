"""One supervised process: started when its needs are met, watched, and started again when it dies or hangs."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chatplatform.health import ports
from chatplatform.health.ports import Port
from chatplatform.health.probes import Health, Probe
from chatplatform.supervisor.backoff import Backoff
from chatplatform.supervisor.child import Child
from chatplatform.supervisor.keeper_client import Keeper
from chatplatform.supervisor.log_writer import LogWriter

SILENT_PROBES = 3
HANG_TRACE_S = 1.0
QUICK_PROBE_S, CALM_PROBE_S = 0.1, 2.0
PORT_RETRY_S = 1.0


class State(StrEnum):
    WAITING = "waiting"  # for a step of the set-up
    BLOCKED = "blocked"  # its port is taken
    STARTING = "starting"
    READY = "ready"
    SILENT = "silent"  # it runs, but does not answer
    RESTARTING = "restarting"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What to run and how to watch it. `needs` are groups of steps: of each group one must be done.

    `after` names a process that gets a head start: until it is ready, but not for long.
    `start_limit_s` is the time to the first answer, `hang_after_s` the silence after which it counts as hung.
    """

    name: str
    command: tuple[str, ...]
    needs: tuple[tuple[str, ...], ...] = ()
    after: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    niceness: int = 0
    port: Port | None = None
    probe: Probe | None = None
    required: bool = True
    start_limit_s: float = 60.0
    hang_after_s: float = 30.0
    stop_limit_s: float = 10.0


class SupervisedProcess:
    """Runs a ProcessSpec until it is told to stop. `on_change` is called after every change of what it shows."""

    def __init__(
        self,
        spec: ProcessSpec,
        *,
        keeper: Keeper,
        log: LogWriter,
        on_change: Callable[[], None],
        backoff: Backoff | None = None,
    ) -> None:
        self.spec = spec
        self.state = State.WAITING
        self.pid: int | None = None
        self.restarts = 0
        self.last_error = ""
        self.health = Health(alive=False, ready=False)
        self.first_ready = asyncio.Event()
        self._keeper = keeper
        self._log = log
        self._on_change = on_change
        self._backoff = backoff or Backoff()
        self._stopping = asyncio.Event()
        self._child: Child | None = None
        self._ready_at: float | None = None

    async def run(self) -> None:
        """Start and restart the process until `stop`."""
        while not self._stopping.is_set():
            if not await self._port_is_free():
                continue
            self._ready_at = None
            self._show(State.STARTING)
            try:
                self._child = await self._start()
            except OSError as error:
                self.last_error = f"it cannot be started: {error.strerror}"
            else:
                await self._watch(self._child)
                self._child = None
            if self._stopping.is_set():
                break
            served_for_s = 0.0 if self._ready_at is None else time.monotonic() - self._ready_at
            await self._rest(self._backoff.delay_after(served_for_s))
        self._show(State.STOPPED)

    async def stop(self) -> None:
        """End the process within its limit; `run` then returns."""
        self._stopping.set()
        limit_s = self.spec.stop_limit_s
        if self._child is not None and not await self._child.stop(limit_s):
            self._log.line(self.spec.name, f"it did not end within {limit_s:.0f} seconds and was killed")

    def kill(self) -> None:
        """End the process at once."""
        self._stopping.set()
        if self._child is not None:
            self._child.kill()

    async def _start(self) -> Child:
        return await Child.start(
            self.spec.command,
            keeper=self._keeper,
            on_line=lambda line: self._log.line(self.spec.name, line),
            environment=self.spec.environment,
            niceness=self.spec.niceness,
        )

    async def _port_is_free(self) -> bool:
        port = self.spec.port
        if port is None or ports.is_free(port.number, port.host):
            return True
        cause, cure = await asyncio.to_thread(ports.port_taken, port.number, port.setting)
        error = f"{cause} {cure}"
        if self.state is not State.BLOCKED or error != self.last_error:
            self.last_error = error
            self._log.line(self.spec.name, error)
            self._show(State.BLOCKED)
        await self._wait_or_stop(PORT_RETRY_S)
        return False

    async def _watch(self, child: Child) -> None:
        """Until the child is dead, by itself or because it hung."""
        self._show(State.STARTING, pid=child.pid)
        probing = asyncio.create_task(self._probe(child))
        try:
            returncode = await child.wait()
        finally:
            probing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await probing
        self.health = Health(alive=False, ready=False)
        if not self._stopping.is_set():
            if self.state is not State.SILENT:
                self.last_error = _describe_end(returncode, list(child.last_lines))
            self._log.line(self.spec.name, f"{self.last_error}; it is started again")

    async def _probe(self, child: Child) -> None:
        """Ask for health, often at first. A child that stays silent is made to tell where it is, and killed."""
        if self.spec.probe is None:
            self._became_ready(child)
            return
        answered_at = time.monotonic()
        silent_probes = 0
        has_answered = False
        while True:
            health = await self.spec.probe()
            now = time.monotonic()
            if health.alive:
                answered_at, silent_probes, has_answered = now, 0, True
                self._take_health(health, child)
            else:
                silent_probes += 1
                limit_s = self.spec.hang_after_s if has_answered else self.spec.start_limit_s
                if silent_probes >= SILENT_PROBES and now - answered_at > limit_s:
                    self.last_error = f"it did not answer for {now - answered_at:.0f} seconds"
                    self._show(State.SILENT, pid=child.pid)
                    child.signal(signal.SIGABRT)  # Python's fault handler prints where every thread is
                    await asyncio.sleep(HANG_TRACE_S)
                    child.kill()
                    return
            await asyncio.sleep(CALM_PROBE_S if health.ready else QUICK_PROBE_S)

    def _take_health(self, health: Health, child: Child) -> None:
        changed = health != self.health
        self.health = health
        if health.ready and self.state is not State.READY:
            self._became_ready(child)
        elif not health.ready and self.state is State.READY:
            self._show(State.STARTING, pid=child.pid)
        elif changed:
            self._on_change()

    def _became_ready(self, child: Child) -> None:
        self.first_ready.set()
        self._ready_at = self._ready_at or time.monotonic()
        self._show(State.READY, pid=child.pid)

    async def _rest(self, delay_s: float) -> None:
        self.restarts += 1
        self._show(State.RESTARTING)
        if delay_s:
            await self._wait_or_stop(delay_s)

    async def _wait_or_stop(self, delay_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), delay_s)

    def _show(self, state: State, *, pid: int | None = None) -> None:
        self.state, self.pid = state, pid
        self._on_change()


def _describe_end(returncode: int, last_lines: list[str]) -> str:
    if returncode < 0:
        try:
            how = f"it was killed by {signal.Signals(-returncode).name}"
        except ValueError:
            how = f"it was killed by signal {-returncode}"
    else:
        how = f"it ended with status {returncode}"
    return f"{how}: {last_lines[-1][:300]}" if last_lines and returncode > 0 else how

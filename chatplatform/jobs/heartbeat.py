"""The thread that says for all jobs of this process: they are still being worked on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from time import monotonic

from chatplatform.jobs import claims
from chatplatform.jobs.claims import Claim
from chatplatform.jobs.failures import TIMED_OUT
from chatplatform.jobs.options import job_options
from chatplatform.jobs.thread_database import drop_failed_connections, thread_connections

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Held:
    claim: Claim
    ends_at: float  # monotonic
    lost: Event = field(default_factory=Event)


class Heartbeat:
    """Keeps claims alive, takes them away at their time limit, and notices when they are lost.

    `on_stuck` is called once when a handler is still there long after its time: a thread cannot be killed, but
    its process can be replaced.
    """

    def __init__(self, on_stuck: Callable[[], None]) -> None:
        self._options = job_options()
        self._on_stuck = on_stuck
        self._held: dict[Claim, _Held] = {}
        self._lock = Lock()
        self._stop = Event()
        self._thread = Thread(target=self._keep_beating, name="heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=self._options.heartbeat_s)

    @contextmanager
    def holding(self, claim: Claim, *, timeout_s: float) -> Iterator[Event]:
        """Keep the claim alive for the block, `timeout_s` at most. The event is set when it is lost."""
        held = _Held(claim, monotonic() + timeout_s)
        with self._lock:
            self._held[claim] = held
        try:
            yield held.lost
        finally:
            with self._lock:
                del self._held[claim]

    def beat(self) -> None:
        """One beat for all claims held. Raises DatabaseError."""
        with self._lock:
            held = [one for one in self._held.values() if not one.lost.is_set()]
        overdue = [one for one in held if monotonic() > one.ends_at]
        for one in overdue:
            one.lost.set()
            claims.fail(one.claim, TIMED_OUT)
        lost = claims.beat([one.claim for one in held if one not in overdue])
        for one in held:
            if one.claim in lost:
                one.lost.set()

    def give_back_all(self) -> None:
        """Let other workers have the jobs at once. Raises DatabaseError."""
        with self._lock:
            held = list(self._held.values())
        for one in held:
            one.lost.set()
            claims.give_back(one.claim)

    @thread_connections()
    def _keep_beating(self) -> None:
        reported = False
        while not self._stop.wait(self._options.heartbeat_s):
            try:
                drop_failed_connections()
                self.beat()
            except Exception as error:  # noqa: BLE001 - the claims of all jobs hang on this thread
                log.warning("heartbeat failed (%s); trying again", type(error).__name__)
            if not reported and self._is_stuck():
                reported = True
                self._on_stuck()

    def _is_stuck(self) -> bool:
        with self._lock:
            latest = min((one.ends_at for one in self._held.values()), default=float("inf"))
        return monotonic() > latest + self._options.stuck_after_s

"""The beat: runs the chores on time, in one worker process at a time.

Celery's own beat waits for the broker and keeps a schedule file. Chores must go on without a broker (one of them
repairs what a lost broker does) and survive any kill, so the beat is a lease in the database and a thread for
each chore, which a chore that hangs cannot hold up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from threading import Event, Thread
from time import monotonic
from uuid import uuid4

from django.db.models import Q

from chatplatform.common.clock import now
from chatplatform.common.tracebacks import safe_traceback
from chatplatform.jobs.models import BeatLease
from chatplatform.jobs.options import job_options
from chatplatform.jobs.registry import Chore
from chatplatform.jobs.thread_database import drop_failed_connections, thread_connections

log = logging.getLogger(__name__)

LEASE = "beat"
TICK_S = 0.25


class Beat:
    """Competes for the lease and runs `chores` while it has it. `on_stuck` is called when one of them hangs."""

    def __init__(self, chores: Sequence[Chore], on_stuck: Callable[[], None]) -> None:
        self._lease_s = job_options().beat_lease_s
        self._me = uuid4()
        self._keeps_until = 0.0  # monotonic
        self._stop = Event()
        self._on_stuck = on_stuck
        self._rounds = [_Rounds(one, self._keeps, self._stop) for one in chores]
        self._threads = [
            Thread(target=self._compete, name="beat", daemon=True),
            *(Thread(target=one.run, name=f"chore {one.chore.name}", daemon=True) for one in self._rounds),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop after the chores under way, and let another process have the lease. Raises DatabaseError."""
        self._stop.set()
        for thread in filter(Thread.is_alive, self._threads):
            thread.join(timeout=self._lease_s)
        BeatLease.objects.filter(name=LEASE, holder=self._me).update(until=now())

    def try_to_keep(self) -> bool:
        """Take or renew the lease; whether this process has it now. Raises DatabaseError."""
        started = monotonic()
        moment = now()
        until = moment + timedelta(seconds=self._lease_s)
        free = Q(holder=self._me) | Q(until__lte=moment)
        if not BeatLease.objects.filter(free, name=LEASE).update(holder=self._me, until=until):
            BeatLease.objects.bulk_create(
                [BeatLease(name=LEASE, holder=self._me, until=until)], ignore_conflicts=True
            )
            if not BeatLease.objects.filter(name=LEASE, holder=self._me, until__gt=moment).exists():
                self._keeps_until = 0.0
                return False
        self._keeps_until = started + self._lease_s
        return True

    def _keeps(self) -> bool:
        return monotonic() < self._keeps_until

    @thread_connections()
    def _compete(self) -> None:
        reported = False
        while not self._stop.is_set():
            try:
                drop_failed_connections()
                self.try_to_keep()
            except Exception as error:  # noqa: BLE001 - the beat must outlive any trouble with the database
                log.warning("the beat could not be kept (%s); trying again", type(error).__name__)
            hanging = [one.chore.name for one in self._rounds if one.overruns()]
            if hanging and not reported:
                reported = True
                log.error("these chores hang: %s", ", ".join(hanging))
                self._on_stuck()
            self._stop.wait(self._lease_s / 3)


class _Rounds:
    """One chore, round after round."""

    def __init__(self, chore: Chore, allowed: Callable[[], bool], stop: Event) -> None:
        self.chore = chore
        self._allowed = allowed
        self._stop = stop
        self._began: float | None = None

    def overruns(self) -> bool:
        began = self._began
        return began is not None and monotonic() - began > self.chore.limit_s

    @thread_connections()
    def run(self) -> None:
        due = monotonic()
        pause_s = 0.0
        while not self._stop.wait(pause_s):
            pause_s = TICK_S
            if not self._allowed():
                continue
            if (early_s := due - monotonic()) > 0:
                pause_s = min(early_s, TICK_S)
                continue
            self._began = monotonic()
            due = self._began + self.chore.every_s
            self._once()
            self._began, pause_s = None, 0.0

    def _once(self) -> None:
        drop_failed_connections()
        try:
            self.chore.run()
        except Exception as error:  # noqa: BLE001 - the next round may do better, and others must go on
            log.error("chore %s failed\n%s", self.chore.name, safe_traceback(error))

"""Threads for the jobs that somebody waits for: they take them from their rows, past whatever is queued."""

from __future__ import annotations

import logging
from threading import Event, Thread
from time import monotonic
from uuid import UUID

from django.db import DatabaseError

from chatplatform.common.clock import now
from chatplatform.common.scope import all_workspaces
from chatplatform.common.tracebacks import safe_traceback
from chatplatform.jobs.claims import WORKERS
from chatplatform.jobs.models import Job, JobState
from chatplatform.jobs.options import job_options
from chatplatform.jobs.registry import urgent_kinds
from chatplatform.jobs.runner import Runner
from chatplatform.jobs.thread_database import drop_failed_connections, thread_connections

log = logging.getLogger(__name__)


class UrgentLane:
    """Looks for urgent jobs twice a second and runs them beside the others.

    The broker is told of them as of any job; whoever is first, a thread of the pool or one of these, has the claim.
    So a free worker begins at once, and one with a thousand documents before it within half a second.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._look_every_s = job_options().urgent_look_every_s
        self._stop = Event()
        self._threads = [
            Thread(target=self._serve, name=f"urgent {number}", daemon=True)
            for number in range(job_options().urgent_threads)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begin nothing more."""
        self._stop.set()

    def join(self, timeout_s: float) -> None:
        """Wait until what was begun is over, all in all so long."""
        until = monotonic() + timeout_s
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, until - monotonic()))

    def _serve(self) -> None:
        with thread_connections():
            while not self._stop.wait(self._look_every_s):
                try:
                    while not self._stop.is_set() and (job_id := _next()) is not None:
                        self._runner.run(job_id)
                except DatabaseError as error:
                    log.warning("urgent jobs cannot be looked for (%s)", type(error).__name__)
                except Exception as error:  # noqa: BLE001 - the lane goes on; the message may hold content
                    log.error("an urgent job could not be run\n%s", safe_traceback(error))
                finally:
                    drop_failed_connections()


def _next() -> UUID | None:
    """The urgent job that has waited longest."""
    with all_workspaces(WORKERS):
        waiting = Job.objects.filter(
            state=JobState.WAITING, available_at__lte=now(), kind__in=urgent_kinds()
        ).order_by("available_at")
        return waiting.values_list("id", flat=True).first()

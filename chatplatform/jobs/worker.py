"""The worker process: Celery in threads, the heartbeat of its jobs, and the beat."""

from __future__ import annotations

import logging
import os
import signal
import warnings
from threading import Thread, Timer
from typing import Any
from uuid import UUID

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import setup_logging, worker_shutting_down
from django.db import DatabaseError, close_old_connections

from chatplatform.common.tracebacks import safe_traceback
from chatplatform.jobs.beat import Beat
from chatplatform.jobs.celery_app import TASK, celery_app, uses_folder
from chatplatform.jobs.folder_transport import prepare_broker_folder
from chatplatform.jobs.heartbeat import Heartbeat
from chatplatform.jobs.options import job_options
from chatplatform.jobs.registry import chores
from chatplatform.jobs.runner import Runner
from chatplatform.jobs.sweeper import sweep
from chatplatform.jobs.urgent_lane import UrgentLane

log = logging.getLogger(__name__)

EXIT_STUCK = 75  # the usual status of a failure that passes: start me again
GIVE_BACK_LIMIT_S = 3.0


class WorkerProcess:
    """One worker. `run()` blocks until SIGTERM or SIGINT and returns the exit status.

    The stop is warm: handlers may finish for `stop_limit_s`; then their jobs are given back and the process ends.
    """

    def __init__(self, *, concurrency: int) -> None:
        self._concurrency = concurrency
        self._exit_status = 0
        self._asked_to_stop = False
        self._heartbeat = Heartbeat(on_stuck=self._give_up)
        self._beat = Beat(chores(), on_stuck=self._give_up)
        self._runner = Runner(self._heartbeat)
        self._urgent_lane = UrgentLane(self._runner)

    def run(self) -> int:
        """Raises OSError when the broker's folder cannot be made."""
        if uses_folder():
            prepare_broker_folder()
        app = celery_app()
        _register_task(app, self._runner)
        warnings.simplefilter("ignore", SecurityWarning)  # about root and pickle, which is not accepted
        setup_logging.connect(_leave_logging_alone)
        worker_shutting_down.connect(self._limit_the_stop)
        signal.signal(signal.SIGTERM, self._stop_early)  # until Celery sets its own
        try:
            self._heartbeat.start()
            self._beat.start()
            self._urgent_lane.start()
            Thread(target=_sweep_now, name="first sweep", daemon=True).start()
            self._consume(app)
        except SystemExit:
            log.info("stopped while starting")
        finally:
            self._let_go()
        return self._exit_status if self._asked_to_stop else EXIT_STUCK

    def _consume(self, app: Celery) -> None:
        worker = app.Worker(
            pool="threads",
            concurrency=self._concurrency,
            quiet=True,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        log.info("worker started: %d threads", self._concurrency)
        worker.start()

    def _let_go(self) -> None:
        self._urgent_lane.stop()
        self._urgent_lane.join(job_options().stop_limit_s)
        try:
            self._beat.stop()
        except DatabaseError as error:
            log.warning("the beat's lease ends by itself (%s)", type(error).__name__)
        self._heartbeat.stop()

    def _stop_early(self, *_: object) -> None:
        self._asked_to_stop = True
        raise SystemExit

    def _give_up(self) -> None:
        """Stop as if asked to, and end with a status that says: start me again."""
        log.error("a handler or chore hangs: this worker makes room for a fresh one")
        self._exit_status = EXIT_STUCK
        os.kill(os.getpid(), signal.SIGTERM)

    def _limit_the_stop(self, **_: Any) -> None:
        self._asked_to_stop = True
        self._urgent_lane.stop()
        limit = Timer(job_options().stop_limit_s, self._leave)
        limit.daemon = True
        limit.start()

    def _leave(self) -> None:
        """End now. Threads can be neither killed nor left behind by a normal exit, hence the hard one."""
        giving_back = Thread(target=self._give_back, daemon=True)
        giving_back.start()
        giving_back.join(timeout=GIVE_BACK_LIMIT_S)
        log.warning("the stop took too long; jobs that did not end go to another worker")
        logging.shutdown()
        os._exit(self._exit_status)

    def _give_back(self) -> None:
        try:
            self._heartbeat.give_back_all()
        except DatabaseError as error:
            log.warning("jobs could not be given back (%s); the sweeper frees them", type(error).__name__)


def _register_task(app: Celery, runner: Runner) -> None:
    def run(job_id: str) -> None:
        close_old_connections()
        try:
            runner.run(UUID(job_id))
        except Exception as error:  # noqa: BLE001 - Celery would log the message, which may hold content
            log.error("job %s could not be run\n%s", job_id, safe_traceback(error))
        finally:
            close_old_connections()

    app.task(name=TASK)(run)


def _sweep_now() -> None:
    """Whatever waits, waits no longer than for this start, even while another process keeps the beat."""
    try:
        sweep()
    except DatabaseError as error:
        log.warning("the first sweep failed (%s); the beat's comes soon", type(error).__name__)
    finally:
        close_old_connections()


def _leave_logging_alone(**_: Any) -> None:
    """Its being connected keeps Celery from replacing Django's logging."""
    for name in ("celery.app.trace", "celery.worker.strategy", "kombu"):
        logging.getLogger(name).setLevel(logging.WARNING)

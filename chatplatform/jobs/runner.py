"""Run one job, from claim to outcome."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from uuid import UUID

from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.common.tracebacks import safe_traceback
from chatplatform.jobs import claims
from chatplatform.jobs.claims import Claim
from chatplatform.jobs.failures import UNKNOWN_KIND, Failure, failure_of
from chatplatform.jobs.heartbeat import Heartbeat
from chatplatform.jobs.models import Job
from chatplatform.jobs.registry import JobKind, find_kind
from chatplatform.jobs.running import JobLost, RunningJob
from chatplatform.jobs.thread_database import drop_failed_connections

log = logging.getLogger(__name__)


class Runner:
    """Runs jobs in the calling thread; `heartbeat` keeps their claims alive meanwhile."""

    def __init__(self, heartbeat: Heartbeat) -> None:
        self._heartbeat = heartbeat

    def run(self, job_id: UUID) -> None:
        """Run the job unless it is not waiting any more. Its errors end in its row; raises DatabaseError only."""
        claim = claims.take(job_id)
        if claim is None:
            return
        with all_workspaces(claims.WORKERS):
            job = Job.objects.get(id=job_id)
        kind = find_kind(job.kind)
        if kind is None:
            self._failed(job, claim, UNKNOWN_KIND)
            return
        with self._heartbeat.holding(claim, timeout_s=kind.timeout_s) as lost:
            running = RunningJob(job, claim, lost)
            try:
                self._attempt(kind, running, claim)
            except JobLost:
                log.info("job %s (%s) was cancelled or taken over", job.id, job.kind)
            except Exception as error:  # noqa: BLE001 - a handler may raise anything; it ends in the row
                failure = failure_of(error)
                if failure.error_type or running.finished:
                    log.error("job %s (%s) failed\n%s", job.id, job.kind, safe_traceback(error))
                if not running.finished:
                    self._failed(job, claim, failure)

    def _attempt(self, kind: JobKind, running: RunningJob, claim: Claim) -> None:
        with _scope(running.workspace_id):
            kind.handler(running)
        if not running.finished and not claims.succeed(claim):
            raise JobLost(running.id)

    def _failed(self, job: Job, claim: Claim, failure: Failure) -> None:
        drop_failed_connections()  # the failure may be that the database went away
        if claims.fail(claim, failure):
            log.warning("job %s (%s) failed: %s", job.id, job.kind, failure.code)


def _scope(workspace_id: UUID | None) -> AbstractContextManager[None]:
    """A workspace's job sees that workspace only; the platform's own jobs say themselves what they need."""
    return nullcontext() if workspace_id is None else workspace_scope(workspace_id)

"""The jobs of the layers up to this one: old records of jobs go; the audit log is verified."""

from __future__ import annotations

from datetime import timedelta
from time import monotonic

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chatplatform.audit.reading import record_verification
from chatplatform.audit.services import record
from chatplatform.audit.verification import verify
from chatplatform.common.clock import now
from chatplatform.common.scope import all_workspaces
from chatplatform.jobs.audit_events import JOBS_CLEANED
from chatplatform.jobs.models import Job, JobState
from chatplatform.jobs.registry import RunningJob, job_handler

KEEP_DONE = timedelta(days=7)
KEEP_DEAD = timedelta(days=90)
KEEP_PERIODIC_DONE = timedelta(hours=1)
KEEP_PERIODIC_DEAD = timedelta(days=3)
BATCH = 500
VERIFY_AUDIT = "audit.verify"


@job_handler("jobs.cleanup", title=_("Delete old records of background work"), every_s=15 * 60)
def delete_old_jobs(job: RunningJob) -> None:
    """Delete what is long over, in small transactions so that nobody has to wait for the database."""
    with all_workspaces("old rows of all workspaces go"):
        while _delete_batch(job):
            job.progress(0.5, _("Deleting"))


def _delete_batch(job: RunningJob) -> bool:
    """Whether there may be more."""
    with transaction.atomic():
        batch = list(Job.objects.filter(_old()).values_list("id", "periodic")[:BATCH])
        Job.objects.filter(_old(), id__in=[job_id for job_id, _ in batch]).delete()
        asked_for = sum(not periodic for _, periodic in batch)
        if asked_for:
            record(JOBS_CLEANED, actor=job.actor, workspace_id=None, details={"deleted": asked_for})
    return len(batch) == BATCH


def _old() -> Q:
    moment = now()
    done = Q(state__in=(JobState.SUCCEEDED, JobState.CANCELLED))
    dead = Q(state=JobState.DEAD)
    return (
        done & Q(periodic=False, finished_at__lt=moment - KEEP_DONE)
        | done & Q(periodic=True, finished_at__lt=moment - KEEP_PERIODIC_DONE)
        | dead & Q(periodic=False, finished_at__lt=moment - KEEP_DEAD)
        | dead & Q(periodic=True, finished_at__lt=moment - KEEP_PERIODIC_DEAD)
    )


@job_handler(VERIFY_AUDIT, title=_("Verify the audit log"), max_attempts=2, timeout_s=3600)
def verify_audit_log(job: RunningJob) -> None:
    """Check every event, leaf and checkpoint; what was found is an event of the log itself."""
    began = monotonic()

    def tell(done: int, total: int) -> None:
        job.progress(done / total if total else 0.0, _("Checking every event"))

    report = verify(progress=tell)
    with job.finishing():
        record_verification(
            report, seconds=monotonic() - began, actor=job.actor, workspace_id=job.workspace_id
        )

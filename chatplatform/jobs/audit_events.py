"""What jobs write into the audit log. Periodic jobs are left out: they are the platform's own clockwork."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import declare

JOB_ENQUEUED = declare("jobs.job.enqueued", summary=_("Background work was asked for"), fields=("kind",))
JOB_DIED = declare(
    "jobs.job.died",
    summary=_("Background work failed for the last time"),
    fields=("kind", "error_code", "error_type"),
    level="warning",
)
JOB_RETRIED = declare(
    "jobs.job.retried", summary=_("Failed background work was started again"), fields=("kind",)
)
JOB_CANCELLED = declare(
    "jobs.job.cancelled", summary=_("Background work was cancelled"), fields=("kind", "was_running")
)
JOBS_CLEANED = declare(
    "jobs.cleaned", summary=_("Old records of finished background work were deleted"), fields=("deleted",)
)

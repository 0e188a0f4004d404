"""What keeps promises when processes and brokers don't: frees jobs of dead workers, publishes what got lost."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from chatplatform.common.clock import now
from chatplatform.common.scope import all_workspaces
from chatplatform.jobs import claims
from chatplatform.jobs.models import Job, JobState
from chatplatform.jobs.options import job_options
from chatplatform.jobs.publishing import publish, queue_length
from chatplatform.jobs.registry import most_losses

log = logging.getLogger(__name__)

REASON = "the sweeper looks after the jobs of all workspaces"
BATCH = 200
LONG_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Swept:
    freed: int
    published: int


def sweep() -> Swept:
    """One round. Safe to run in several processes at once; reads only, when all is well."""
    freed = sum(claims.free(claim, most_losses=most_losses) for claim in claims.silent_claims())
    with all_workspaces(REASON):
        published = sum(_republish(job_id) for job_id in _to_publish())
    if freed:
        log.warning("%d jobs were freed: their worker had stopped", freed)
    return Swept(freed, published)


def _to_publish() -> list[UUID]:
    """Due jobs that the broker does not know of, as far as can be told.

    A job that was never published (a retry that has become due) surely not. One that was published some time ago
    may be lost, or wait its turn behind others: it is taken for lost when the queue is empty. In a queue that
    never runs empty it is published again each minute, and never so that the queue grows beyond a batch.
    """
    moment = now()
    due = Job.objects.filter(state=JobState.WAITING, available_at__lte=moment).order_by("available_at")
    fresh = list(_ids(due.filter(published_at__isnull=True)))
    silent = moment - timedelta(seconds=job_options().republish_after_s)
    overdue = due.filter(published_at__lt=silent)
    if len(fresh) == BATCH or not overdue.exists():
        return fresh
    length = queue_length()
    if length is None or length >= BATCH:
        return fresh
    if length > 0:
        overdue = overdue.filter(published_at__lt=moment - timedelta(seconds=LONG_WAIT_S))
    return [*fresh, *_ids(overdue)[: BATCH - length]]


def _ids(jobs: QuerySet[Job]) -> QuerySet[Job, UUID]:
    return jobs.values_list("id", flat=True)[:BATCH]


def _republish(job_id: UUID) -> bool:
    if not publish(job_id):
        return False
    still_waiting = Q(id=job_id, state=JobState.WAITING)
    return bool(Job.objects.filter(still_waiting).update(published_at=now()))

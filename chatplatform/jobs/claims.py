"""Who may work on a job: every change of a running job is a compare-and-set on its claim token.

A worker that lost its claim (it was too slow, was paused, or the job was cancelled) changes nothing any more.
Functions that return bool say whether the claim was still held.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import QuerySet

from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.scope import all_workspaces
from chatplatform.jobs.audit_events import JOB_DIED
from chatplatform.jobs.backoff import retry_delay_s
from chatplatform.jobs.failures import WORKER_LOST, Failure
from chatplatform.jobs.models import Job, JobState
from chatplatform.jobs.options import job_options

WORKERS = "workers serve the jobs of all workspaces"
SWEEPER = Actor.system("sweeper")
WORKER = Actor.system("worker")


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a job, good while its token is in the row."""

    job_id: UUID
    token: UUID


def take(job_id: UUID) -> Claim | None:
    """Claim a job that is waiting and due; none when it is not, or another worker was first."""
    claim = Claim(job_id, uuid4())
    moment = now()
    with all_workspaces(WORKERS):
        taken = Job.objects.filter(id=job_id, state=JobState.WAITING, available_at__lte=moment).update(
            state=JobState.RUNNING,
            claim_token=claim.token,
            heartbeat_at=moment,
            started_at=moment,
            progress=0.0,
            stage="",
        )
    return claim if taken else None


def beat(claims: Collection[Claim]) -> set[Claim]:
    """Say that these are still being worked on; return those that are no longer ours."""
    if not claims:
        return set()
    tokens = [claim.token for claim in claims]
    with all_workspaces(WORKERS):
        running = Job.objects.filter(claim_token__in=tokens, state=JobState.RUNNING)
        if running.update(heartbeat_at=now()) == len(tokens):
            return set()
        ours = set(running.values_list("claim_token", flat=True))
    return {claim for claim in claims if claim.token not in ours}


def report(claim: Claim, fraction: float, stage: str) -> bool:
    """Show how far the work is; also a heartbeat."""
    with all_workspaces(WORKERS):
        return bool(_held(claim).update(progress=fraction, stage=stage, heartbeat_at=now()))


def succeed(claim: Claim) -> bool:
    """Close the job as done. In a transaction this also locks the row, so the claim cannot be lost before commit."""
    with all_workspaces(WORKERS):
        return bool(
            _held(claim).update(
                state=JobState.SUCCEEDED,
                claim_token=None,
                progress=1.0,
                finished_at=now(),
                error_code="",
                error_message="",
                error_type="",
            )
        )


def fail(claim: Claim, failure: Failure) -> bool:
    """End this attempt with an error: wait for the next one, or give up when there have been enough."""
    with all_workspaces(WORKERS), transaction.atomic():
        job = _held(claim).select_for_update().first()
        if job is None:
            return False
        job.failures += 1
        last = failure.permanent or job.failures >= job.max_attempts
        return _end_attempt(job, failure, dead=last, tries=job.failures, actor=WORKER)


def free(claim: Claim, *, most_losses: Callable[[str], int | None] = lambda kind: None) -> bool:
    """Take the job from a worker that is no longer heard of, unless it was heard of just now.

    `most_losses(kind)` is how many workers may be lost over it, where that is not as for every kind.
    """
    options = job_options()
    with all_workspaces(WORKERS), transaction.atomic():
        silent = now() - timedelta(seconds=options.lease_s)
        job = _held(claim).filter(heartbeat_at__lt=silent).select_for_update().first()
        if job is None:
            return False
        job.losses += 1
        most = most_losses(job.kind) or options.max_losses
        return _end_attempt(job, WORKER_LOST, dead=job.losses >= most, tries=job.losses - 1, actor=SWEEPER)


def give_back(claim: Claim) -> bool:
    """Let another worker have the job at once; the attempt does not count. For a worker that must stop."""
    with all_workspaces(WORKERS):
        return bool(
            _held(claim).update(
                state=JobState.WAITING, claim_token=None, available_at=now(), published_at=None
            )
        )


def silent_claims() -> list[Claim]:
    """Claims whose worker has not been heard of for longer than the lease."""
    silent = now() - timedelta(seconds=job_options().lease_s)
    with all_workspaces(WORKERS):
        rows = Job.objects.filter(state=JobState.RUNNING, heartbeat_at__lt=silent)
        return [Claim(job_id, token) for job_id, token in rows.values_list("id", "claim_token") if token]


def _held(claim: Claim) -> QuerySet[Job]:
    """The fence: the job's row while the claim is good, else nothing."""
    return Job.objects.filter(id=claim.job_id, claim_token=claim.token, state=JobState.RUNNING)


def _end_attempt(job: Job, failure: Failure, *, dead: bool, tries: int, actor: Actor) -> bool:
    """Write the end of a failed attempt. `tries` = 0 means again at once. The caller holds the row's lock."""
    moment = now()
    delay_s = retry_delay_s(tries, job_options(), at_least_s=failure.retry_after_s) if tries else 0.0
    Job.objects.filter(id=job.id, claim_token=job.claim_token).update(
        state=JobState.DEAD if dead else JobState.WAITING,
        claim_token=None,
        failures=job.failures,
        losses=job.losses,
        available_at=moment + timedelta(seconds=delay_s),
        published_at=None,
        finished_at=moment if dead else None,
        error_code=failure.code,
        error_message=(failure.last_message if dead else "") or failure.message,
        error_type=failure.error_type,
    )
    if dead:
        record(
            JOB_DIED,
            actor=actor,
            workspace_id=job.workspace_id,
            target=Target("job", str(job.id)),
            details={"kind": job.kind, "error_code": failure.code, "error_type": failure.error_type},
            outcome="failed",
        )
    return True

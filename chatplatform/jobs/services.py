"""Ask for work, start it again, call it off."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import AuditEventType
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, NotFound
from chatplatform.common.ids import new_id
from chatplatform.common.scope import all_workspaces
from chatplatform.jobs.audit_events import JOB_CANCELLED, JOB_ENQUEUED, JOB_RETRIED
from chatplatform.jobs.models import UNFINISHED, Job, JobState
from chatplatform.jobs.publishing import publish
from chatplatform.jobs.registry import job_kind

ARGUMENT_LIMIT = 200


def enqueue(
    kind: str,
    *,
    args: Mapping[str, str],
    actor: Actor,
    workspace_id: UUID | None,
    dedupe_key: str = "",
    even_if_running: bool = False,
) -> UUID:
    """Ask for a job of `kind`; return its id. Committed or rolled back with the caller's transaction.

    `args` are ids and other short words (200 characters at most), never content. With a `dedupe_key` there is
    at most one unfinished job of that workspace, kind and key: while there is one, its id is returned instead.
    So a key says: it is enough that the job runs once, now or already. With `even_if_running` only one that still
    waits counts: it is enough that the job runs once, from now on. The broker is told after commit; when it
    is down, the sweeper tells it later. Raises UnknownKind, and ValueError for arguments that are no short words.
    """
    _check_words({**args, "dedupe_key": dedupe_key})
    known = job_kind(kind)
    moment = now()
    job = Job(
        id=new_id(),
        workspace_id=workspace_id,
        kind=kind,
        args=dict(args),
        dedupe_key=dedupe_key,
        periodic=known.every_s is not None,
        max_attempts=known.max_attempts,
        actor_kind=actor.kind,
        actor_id=actor.id,
        available_at=moment,
        published_at=moment,  # by the hook below; the sweeper looks after those that did not arrive
        created_at=moment,
    )
    with all_workspaces("the row names its workspace"), transaction.atomic():
        if not dedupe_key:
            Job.objects.bulk_create([job])
        elif even_if_running:
            if (waiting := _find_waiting(job)) is not None:
                return waiting
            job.dedupe_key = f"{dedupe_key}:{job.id.hex}"
            Job.objects.bulk_create([job])
        elif (same := _insert_or_find(job)) is not None:
            return same
        if not job.periodic:
            _audit(JOB_ENQUEUED, job, actor, {"kind": kind})
        transaction.on_commit(partial(publish, job.id), robust=True)
    return job.id


def retry(job_id: UUID, *, actor: Actor, of_platform: bool = False) -> None:
    """Give a failed or cancelled job a fresh set of attempts. In the job's workspace scope.

    With `of_platform` it is one of the platform's own jobs, in any scope; the caller asks who may.
    Raises NotFound, and Conflict when it is not over, succeeded, or the same work is already waiting.
    """
    try:
        with _reach(of_platform), transaction.atomic():
            job = _locked(job_id, of_platform)
            if job.state not in (JobState.DEAD, JobState.CANCELLED):
                raise Conflict("job_not_failed", _("Only work that failed or was cancelled can be retried."))
            moment = now()
            Job.objects.filter(id=job.id).update(
                state=JobState.WAITING,
                failures=0,
                losses=0,
                available_at=moment,
                published_at=moment,
                progress=0.0,
                stage="",
                finished_at=None,
            )
            _audit(JOB_RETRIED, job, actor, {"kind": job.kind})
            transaction.on_commit(partial(publish, job.id), robust=True)
    except IntegrityError:
        raise Conflict("job_already_waiting", _("The same work is already waiting.")) from None


def cancel(job_id: UUID, *, actor: Actor, of_platform: bool = False) -> None:
    """Call a job off. One that runs loses its claim: it stops at its next step, and its effect is not committed.

    In the job's workspace scope, or `of_platform` as in `retry`. Raises NotFound, and Conflict when it is over.
    """
    with _reach(of_platform), transaction.atomic():
        job = _locked(job_id, of_platform)
        if job.state not in UNFINISHED:
            raise Conflict("job_over", _("This work is over and cannot be cancelled."))
        Job.objects.filter(id=job.id).update(
            state=JobState.CANCELLED, claim_token=None, finished_at=now(), error_code="", error_message=""
        )
        _audit(JOB_CANCELLED, job, actor, {"kind": job.kind, "was_running": job.state == JobState.RUNNING})


def _reach(of_platform: bool) -> AbstractContextManager[None]:
    return all_workspaces("the platform's own jobs have no workspace") if of_platform else nullcontext()


def _locked(job_id: UUID, of_platform: bool) -> Job:
    jobs = Job.objects.select_for_update().filter(id=job_id)
    if of_platform:
        jobs = jobs.filter(workspace_id=None)
    job = jobs.first()
    if job is None:
        raise NotFound("job_not_found", _("There is no such work."))
    return job


def _find_waiting(job: Job) -> UUID | None:
    """The id of a job of the same workspace, kind and key that waits; nobody begins it before the caller commits."""
    same = Job.objects.select_for_update().filter(
        workspace_id=job.workspace_id,
        kind=job.kind,
        dedupe_key__startswith=f"{job.dedupe_key}:",
        state=JobState.WAITING,
    )
    return same.values_list("id", flat=True).first()


def _insert_or_find(job: Job) -> UUID | None:
    """Insert the job, or return the id of the unfinished one with its workspace, kind and key."""
    while True:
        Job.objects.bulk_create([job], ignore_conflicts=True)
        same = Job.objects.filter(
            workspace_id=job.workspace_id,
            kind=job.kind,
            dedupe_key=job.dedupe_key,
            state__in=UNFINISHED,
        )
        found = same.values_list("id", flat=True).first()
        if found is not None:  # else it ended between the two statements: insert again
            return None if found == job.id else found


def _audit(event: AuditEventType, job: Job, actor: Actor, details: Mapping[str, str | bool]) -> None:
    record(
        event,
        actor=actor,
        workspace_id=job.workspace_id,
        target=Target("job", str(job.id)),
        details=details,
    )


def _check_words(words: Mapping[str, str]) -> None:
    for name, value in words.items():
        if not isinstance(value, str) or len(value) > ARGUMENT_LIMIT:
            raise ValueError(f"the argument {name!r} of a job must be a string of {ARGUMENT_LIMIT} at most")

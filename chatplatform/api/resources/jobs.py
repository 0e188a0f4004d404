"""Background jobs of the workspace."""

from __future__ import annotations

from typing import Any, Literal, cast
from uuid import UUID

from ninja import Field, Query, Router, Schema

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.cursors import at_moment, cursor
from chatplatform.api.documentation import CHANGES, FINDS, answers
from chatplatform.api.schemas import Moment, NextCursor, Page
from chatplatform.jobs import services
from chatplatform.jobs.models import JobState
from chatplatform.jobs.queries import JobView, job_page, job_view

router = Router(tags=["Jobs"])
READ = Access(Permission.JOBS_READ)
MANAGE = Access(Permission.JOBS_MANAGE)

State = Literal["waiting", "running", "succeeded", "dead", "cancelled"]


class JobErrorOut(Schema):
    code: str
    message: str


class JobOut(Schema):
    """`progress` is 0 to 1. A job that is `dead` has used up its attempts, and can be retried."""

    id: UUID
    kind: str
    title: str
    state: State
    progress: float
    stage: str
    error: JobErrorOut | None
    attempts: int
    max_attempts: int
    next_attempt_at: Moment | None
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    can_retry: bool
    can_cancel: bool


class JobList(Schema):
    items: list[JobOut]
    next: NextCursor


class JobFilter(Page):
    state: State | None = None
    kind: str = Field("", max_length=100)


@router.get("jobs", response=answers(JobList), auth=READ, summary="List jobs")
def list_jobs(request: ApiRequest, wanted: Query[JobFilter]) -> dict[str, Any]:
    """The workspace's jobs, newest first."""
    place = at_moment(wanted.after)
    found = job_page(
        request.caller.workspace_id,
        state=JobState(wanted.state) if wanted.state else None,
        kind=wanted.kind,
        before=place[0] if place else None,
        limit=wanted.limit + 1,
    )
    shown = found[: wanted.limit]
    more = cursor(shown[-1].created_at, shown[-1].id) if len(found) > len(shown) else None
    return {"items": [_out(view) for view in shown], "next": more}


@router.get("jobs/{uuid:job_id}", response=answers(JobOut, errors=FINDS), auth=READ, summary="Get a job")
def get_job(request: ApiRequest, job_id: UUID) -> JobOut:
    return _out(job_view(job_id, request.caller.workspace_id))


@router.post(
    "jobs/{uuid:job_id}/retry", response=answers(JobOut, errors=CHANGES), auth=MANAGE, summary="Retry a job"
)
def retry(request: ApiRequest, job_id: UUID) -> JobOut:
    """Gives a failed or cancelled job a fresh set of attempts."""
    services.retry(job_id, actor=request.caller.actor)
    return _out(job_view(job_id, request.caller.workspace_id))


@router.post(
    "jobs/{uuid:job_id}/cancel", response=answers(JobOut, errors=CHANGES), auth=MANAGE, summary="Cancel a job"
)
def cancel(request: ApiRequest, job_id: UUID) -> JobOut:
    services.cancel(job_id, actor=request.caller.actor)
    return _out(job_view(job_id, request.caller.workspace_id))


def _out(view: JobView) -> JobOut:
    return JobOut(
        id=view.id,
        kind=view.kind,
        title=view.title,
        state=cast(State, view.state.value),
        progress=view.progress,
        stage=view.stage,
        error=JobErrorOut(code=view.error_code, message=view.error_message) if view.error_code else None,
        attempts=view.attempts,
        max_attempts=view.max_attempts,
        next_attempt_at=view.next_attempt_at,
        created_at=view.created_at,
        started_at=view.started_at,
        finished_at=view.finished_at,
        can_retry=view.can_retry,
        can_cancel=view.can_cancel,
    )

"""Jobs, as they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatplatform.common.actors import ActorKind
from chatplatform.common.clock import now
from chatplatform.common.errors import NotFound
from chatplatform.common.scope import all_workspaces
from chatplatform.jobs.models import UNFINISHED, BeatLease, Job, JobState
from chatplatform.jobs.registry import find_kind

REASON = "the filter names the workspace; none means the platform's own jobs"


@dataclass(frozen=True, slots=True)
class JobView:
    """A job for a reader. `title`, `state_label`, `stage` and `error_message` are in the reader's language.

    `progress` is 0 to 1. `attempts` counts those begun since the last start by a person.
    """

    id: UUID
    workspace_id: UUID | None
    kind: str
    title: str
    state: JobState
    state_label: str
    progress: float
    stage: str
    error_code: str
    error_message: str
    error_type: str
    attempts: int
    max_attempts: int
    next_attempt_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    actor_kind: ActorKind
    actor_id: str
    can_retry: bool
    can_cancel: bool


@dataclass(frozen=True, slots=True)
class JobCounts:
    waiting: int
    running: int
    succeeded: int
    dead: int
    cancelled: int


def job_page(
    workspace_id: UUID | None,
    *,
    state: JobState | None = None,
    kind: str = "",
    before: datetime | None = None,
    limit: int = 50,
) -> list[JobView]:
    """The newest jobs of a workspace (none: the platform's own), `created_at` earlier than `before`."""
    with all_workspaces(REASON):
        jobs = Job.objects.filter(workspace_id=workspace_id).order_by("-created_at", "-id")
        if state is not None:
            jobs = jobs.filter(state=state)
        if kind:
            jobs = jobs.filter(kind=kind)
        if before is not None:
            jobs = jobs.filter(created_at__lt=before)
        return [_view(job) for job in jobs[:limit]]


def job_view(job_id: UUID, workspace_id: UUID | None) -> JobView:
    """One job of a workspace (none: of the platform). Raises NotFound, for another workspace's job too."""
    with all_workspaces(REASON):
        job = Job.objects.filter(id=job_id, workspace_id=workspace_id).first()
    if job is None:
        raise NotFound("job_not_found", _("There is no such work."))
    return _view(job)


def unfinished_job(workspace_id: UUID | None, kind: str) -> JobView | None:
    """The newest job of this kind that waits or runs."""
    with all_workspaces(REASON):
        jobs = Job.objects.filter(workspace_id=workspace_id, kind=kind, state__in=UNFINISHED)
        job = jobs.order_by("-created_at").first()
    return _view(job) if job else None


def kind_titles(workspace_id: UUID | None) -> dict[str, str]:
    """What kinds of jobs a workspace (none: the platform) has now, with their titles, sorted by title."""
    with all_workspaces(REASON):
        kinds = (
            Job.objects.filter(workspace_id=workspace_id).order_by().values_list("kind", flat=True).distinct()
        )
        found = {kind: _title(kind) for kind in kinds}
    return dict(sorted(found.items(), key=lambda pair: pair[1]))


def job_list(*, state: JobState | None = None, limit: int = 50) -> list[JobView]:
    """The newest jobs of all workspaces, for whoever runs the machine."""
    with all_workspaces("the operator sees the work of all workspaces"):
        jobs = Job.objects.order_by("-created_at", "-id")
        if state is not None:
            jobs = jobs.filter(state=state)
        return [_view(job) for job in jobs[:limit]]


def newest_by_key(kind: str, *, among: int = 100) -> dict[str, JobView]:
    """The newest job of each key, of the platform's own jobs of a kind; looks at the newest `among` of them."""
    with all_workspaces(REASON):
        jobs = Job.objects.filter(workspace_id=None, kind=kind).order_by("-created_at", "-id")[:among]
        found: dict[str, JobView] = {}
        for job in jobs:
            found.setdefault(job.dedupe_key, _view(job))
    return found


def states_by_key(workspace_id: UUID, kind: str, keys: Sequence[str]) -> list[JobState]:
    """The states of a workspace's jobs of one kind with these keys, in any order."""
    with all_workspaces(REASON):
        found = Job.objects.filter(workspace_id=workspace_id, kind=kind, dedupe_key__in=keys)
        return [JobState(state) for state in found.values_list("state", flat=True)]


def beat_is_kept() -> bool:
    """Whether some worker keeps the beat, so that chores are done and lost jobs are found."""
    return BeatLease.objects.filter(until__gt=now()).exists()


def job_counts(workspace_id: UUID | None) -> JobCounts:
    """How many jobs of a workspace (none: the platform's own) are in each state."""
    with all_workspaces(REASON):
        rows = Job.objects.filter(workspace_id=workspace_id).values_list("state").annotate(Count("id"))
        found: dict[str, int] = dict(rows)
    return JobCounts(**{state.value: found.get(state, 0) for state in JobState})


def _view(job: Job) -> JobView:
    state = JobState(job.state)
    begun = state in (JobState.RUNNING, JobState.SUCCEEDED)
    retrying = state == JobState.WAITING and job.failures + job.losses > 0
    return JobView(
        id=job.id,
        workspace_id=job.workspace_id,
        kind=job.kind,
        title=_title(job.kind),
        state=state,
        state_label=str(state.label),
        progress=job.progress,
        stage=_translated(job.stage),
        error_code=job.error_code,
        error_message=_translated(job.error_message),
        error_type=job.error_type,
        attempts=job.failures + job.losses + begun,
        max_attempts=job.max_attempts,
        next_attempt_at=job.available_at if retrying else None,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        actor_kind=ActorKind(job.actor_kind),
        actor_id=job.actor_id,
        can_retry=state in (JobState.DEAD, JobState.CANCELLED),
        can_cancel=state in UNFINISHED,
    )


def _title(name: str) -> str:
    kind = find_kind(name)
    return str(kind.title) if kind else name


def _translated(source: str) -> str:
    """gettext of the empty string is the catalogue's header, hence the question."""
    return gettext(source) if source else ""

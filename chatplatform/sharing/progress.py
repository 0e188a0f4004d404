"""How far a file's job is, for its person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from django.utils.translation import gettext as _

from chatplatform.common.errors import NotFound
from chatplatform.common.scope import current_workspace_id
from chatplatform.jobs.models import JobState
from chatplatform.jobs.queries import job_view

WorkState = Literal["receiving", "waiting", "running", "done", "failed"]


@dataclass(frozen=True, slots=True)
class WorkView:
    """`fraction` is 0 to 1; `message` says why it failed, in the reader's language."""

    state: WorkState
    fraction: float = 0.0
    stage: str = ""
    message: str = ""

    @property
    def is_running(self) -> bool:
        return self.state in ("waiting", "running")


def work_view(job_id: UUID | None, finished_at: datetime | None) -> WorkView:
    """What the job of a file in the open workspace does; without one, it has not begun."""
    if finished_at is not None:
        return WorkView("done", 1.0)
    if job_id is None:
        return WorkView("receiving")
    try:
        job = job_view(job_id, current_workspace_id())
    except NotFound:
        return WorkView("failed", message=_("This was given up long ago. Begin again."))
    if job.state in (JobState.DEAD, JobState.CANCELLED, JobState.SUCCEEDED):
        return WorkView("failed", message=job.error_message or _("This was called off. Begin again."))
    return WorkView(
        "running" if job.state == JobState.RUNNING else "waiting", job.progress, job.stage, job.error_message
    )

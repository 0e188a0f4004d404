"""What happened to a job, from its row and the audit log, oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from chatplatform.audit.catalogue import find
from chatplatform.audit.queries import EventFilter, event_page, platform_event_page
from chatplatform.common.actors import ActorKind
from chatplatform.jobs.audit_events import JOB_ENQUEUED
from chatplatform.jobs.models import JobState
from chatplatform.jobs.queries import JobView

EVENTS = 50


@dataclass(frozen=True, slots=True)
class Moment:
    """One step of a job. `actor_id` is empty where nobody in particular caused it."""

    at: datetime
    text: str
    actor_id: str = ""
    by_person: bool = False
    is_trouble: bool = False
    is_ahead: bool = False


def timeline(job: JobView) -> list[Moment]:
    """Every step that is known. The row remembers the last attempt only; the log remembers who did what."""
    moments = [
        Moment(job.created_at, _("Asked for"), job.actor_id, job.actor_kind == ActorKind.PERSON),
        *_recorded(job),
    ]
    if job.started_at:
        moments.append(Moment(job.started_at, _("The last attempt began")))
    if job.finished_at and job.state == JobState.SUCCEEDED:
        moments.append(Moment(job.finished_at, _("Done")))
    if job.next_attempt_at:
        moments.append(Moment(job.next_attempt_at, _("The next attempt is due"), is_ahead=True))
    return sorted(moments, key=lambda moment: moment.at)


def _recorded(job: JobView) -> list[Moment]:
    matching = EventFilter(target_kind="job", target_id=str(job.id))
    if job.workspace_id:
        events = event_page(job.workspace_id, matching=matching, limit=EVENTS)
    else:
        events = platform_event_page(matching=matching, limit=EVENTS)
    return [
        Moment(
            event.at,
            str(known.summary) if (known := find(event.code)) else event.code,
            event.actor.id,
            event.actor.kind == ActorKind.PERSON,
            is_trouble=event.outcome != "ok",
        )
        for event in events
        if event.code != JOB_ENQUEUED.code
    ]

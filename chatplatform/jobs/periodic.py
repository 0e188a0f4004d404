"""Jobs that are wanted again and again."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.jobs.models import PeriodicJob
from chatplatform.jobs.registry import JobKind, job_kinds
from chatplatform.jobs.services import enqueue

BEAT = Actor.system("beat")


def enqueue_due() -> int:
    """Enqueue each periodic kind whose time has come; return how many. Safe in several processes at once.

    A kind whose last job is not over is not enqueued twice. A kind that is new is due at once.
    """
    moment = now()
    known = dict(PeriodicJob.objects.values_list("kind", "due_at"))
    return sum(_enqueue(kind, moment) for kind in job_kinds() if _is_due(kind, known.get(kind.kind), moment))


def _is_due(kind: JobKind, due_at: datetime | None, moment: datetime) -> bool:
    if kind.every_s is None:
        return False
    # Further off than one period: the clock was set back, or the period was shortened.
    return due_at is None or due_at <= moment or due_at > moment + timedelta(seconds=kind.every_s)


def _enqueue(kind: JobKind, moment: datetime) -> bool:
    assert kind.every_s is not None
    next_at = moment + timedelta(seconds=kind.every_s)
    with transaction.atomic():
        PeriodicJob.objects.bulk_create([PeriodicJob(kind=kind.kind, due_at=moment)], ignore_conflicts=True)
        mine = PeriodicJob.objects.filter(kind=kind.kind).filter(
            Q(due_at__lte=moment) | Q(due_at__gt=next_at)
        )
        if not mine.update(due_at=next_at):
            return False
        enqueue(kind.kind, args={}, actor=BEAT, workspace_id=None, dedupe_key="periodic")
    return True

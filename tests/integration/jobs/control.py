"""A process of the platform that does what a test says, line by line: stands for web and operator."""

from __future__ import annotations

import json
import sys
from uuid import UUID

import django

django.setup()

from django.db import transaction  # noqa: E402
from django.db.models import Count  # noqa: E402

from chatplatform.common.actors import Actor  # noqa: E402
from chatplatform.common.clock import now  # noqa: E402
from chatplatform.common.scope import all_workspaces  # noqa: E402
from chatplatform.jobs import services  # noqa: E402
from chatplatform.jobs.celery_app import celery_app  # noqa: E402
from chatplatform.jobs.models import BeatLease, Job  # noqa: E402
from chatplatform.jobs.options import job_options  # noqa: E402
from chatplatform.jobs.queries import job_list  # noqa: E402
from tests.integration.jobs.job_app.models import Effect  # noqa: E402

ACTOR = Actor.system("test")


def enqueue(kind: str, count: int, args: dict[str, str]) -> list[str]:
    with transaction.atomic():
        return [str(services.enqueue(kind, args=args, actor=ACTOR, workspace_id=None)) for _ in range(count)]


def roll_back(kind: str) -> str:
    with transaction.atomic():
        job_id = services.enqueue(kind, args={}, actor=ACTOR, workspace_id=None)
        transaction.set_rollback(True)
    return str(job_id)


def retry(job_id: str) -> None:
    with all_workspaces("test"):
        services.retry(UUID(job_id), actor=ACTOR)


def cancel(job_id: str) -> None:
    with all_workspaces("test"):
        services.cancel(UUID(job_id), actor=ACTOR)


def job(job_id: str) -> dict[str, object]:
    (found,) = [one for one in job_list(limit=10_000) if str(one.id) == job_id]
    names = ("state", "stage", "progress", "error_code", "error_type", "error_message", "attempts")
    return {name: getattr(found, name) for name in names}


def states(kind: str) -> dict[str, int]:
    with all_workspaces("test"):
        rows = Job.objects.filter(kind=kind).values_list("state").annotate(Count("id"))
        return dict(rows)


def effects() -> dict[str, int]:
    """How many effects each job has left."""
    rows = Effect.objects.values_list("job_id").annotate(Count("id"))
    return {str(job_id): count for job_id, count in rows}


def lose_messages() -> int:
    """What a broker does that loses its disk."""
    app = celery_app()
    with app.connection_for_write() as connection:
        queue = app.amqp.queues[job_options().queue](connection.default_channel)
        queue.declare()
        return int(queue.purge() or 0)


def delete_queue() -> None:
    app = celery_app()
    with app.connection_for_write() as connection:
        queue = app.amqp.queues[job_options().queue](connection.default_channel)
        queue.delete()


def beat_is_kept() -> bool:
    return BeatLease.objects.filter(until__gt=now()).exists()


ACTS = (beat_is_kept, enqueue, roll_back, retry, cancel, job, states, effects, lose_messages, delete_queue)
BY_NAME = {act.__name__: act for act in ACTS}

for line in sys.stdin:
    name, arguments = json.loads(line)
    print(json.dumps(BY_NAME[name](*arguments)), flush=True)

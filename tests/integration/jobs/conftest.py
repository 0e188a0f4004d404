"""What the tests of jobs share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from chatplatform.common.actors import Actor
from chatplatform.common.scope import all_workspaces
from chatplatform.jobs import publishing, registry
from chatplatform.jobs.heartbeat import Heartbeat
from chatplatform.jobs.models import Job
from chatplatform.jobs.registry import RunningJob, job_handler
from chatplatform.jobs.runner import Runner
from chatplatform.jobs.services import enqueue

Register = Callable[..., str]
ACTOR = Actor.system("test")


@pytest.fixture
def register() -> Iterator[Register]:
    """`register(handler, **options)` makes a kind of job for this test and returns its name."""
    made: list[str] = []

    def make(handler: Callable[[RunningJob], None], **options: Any) -> str:
        kind = f"tests.{uuid4().hex[:12]}"
        job_handler(kind, title=f"Title of {kind}", **options)(handler)
        made.append(kind)
        return kind

    yield make
    for kind in made:
        del registry._kinds[kind]


@pytest.fixture(autouse=True)
def published(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The broker of these tests: a list that never loses anything unless a test says so."""
    sent: list[UUID] = []

    class ListBroker:
        def send_task(self, name: str, args: list[str]) -> None:
            assert name == "jobs.run"
            sent.append(UUID(args[0]))

    monkeypatch.setattr(publishing, "celery_app", ListBroker)
    monkeypatch.setattr(publishing, "_quiet_until", 0.0)
    return sent


@pytest.fixture
def heartbeat() -> Heartbeat:
    """A heartbeat that beats when a test says so."""
    return Heartbeat(on_stuck=lambda: None)


@pytest.fixture
def runner(heartbeat: Heartbeat) -> Runner:
    return Runner(heartbeat)


def ask_for(kind: str, *, workspace_id: UUID | None = None, dedupe_key: str = "", **args: str) -> UUID:
    return enqueue(kind, args=args, actor=ACTOR, workspace_id=workspace_id, dedupe_key=dedupe_key)


def row(job_id: UUID) -> Job:
    with all_workspaces("test"):
        return Job.objects.get(id=job_id)


def change(job_id: UUID, **fields: Any) -> None:
    with all_workspaces("test"):
        Job.objects.filter(id=job_id).update(**fields)

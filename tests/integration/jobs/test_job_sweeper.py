"""What the broker lost comes back, and a broker that is only slow is not flooded."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from chatplatform.common.clock import now
from chatplatform.jobs import claims, sweeper
from chatplatform.jobs.models import JobState
from chatplatform.jobs.sweeper import Swept, sweep
from tests.integration.jobs.conftest import Register, ask_for, change, row

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(seconds=30)


@pytest.fixture
def kind(register: Register) -> str:
    return register(lambda job: None)


@pytest.fixture(autouse=True)
def queue(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """How many messages the broker says are waiting."""
    length: list[int | None] = [0]
    monkeypatch.setattr(sweeper, "queue_length", lambda: length[0])
    return length


def test_when_all_is_well_nothing_happens(kind: str, published: list[UUID]) -> None:
    ask_for(kind)
    assert sweep() == Swept(freed=0, published=0)
    assert published == []


def test_what_the_broker_lost_is_published_again(kind: str, published: list[UUID]) -> None:
    job_id = ask_for(kind)
    change(job_id, published_at=now() - LONG_AGO)
    assert sweep() == Swept(freed=0, published=1)
    assert published == [job_id]
    assert sweep() == Swept(freed=0, published=0)


def test_a_retry_is_published_when_it_is_due(kind: str, published: list[UUID]) -> None:
    job_id = ask_for(kind)
    change(job_id, published_at=None, available_at=now() + timedelta(minutes=1))
    assert sweep().published == 0
    change(job_id, available_at=now())
    assert sweep().published == 1
    assert published == [job_id]


def test_what_waits_its_turn_is_not_published_again(
    kind: str, published: list[UUID], queue: list[int | None]
) -> None:
    queue[0] = 3
    job_id = ask_for(kind)
    change(job_id, published_at=now() - LONG_AGO)
    assert sweep().published == 0
    change(job_id, published_at=now() - timedelta(minutes=2))
    assert sweep().published == 1, "in a queue that never runs empty, once a minute"


@pytest.mark.parametrize("length", [None, sweeper.BATCH])
def test_a_full_or_silent_broker_is_left_alone(
    kind: str, published: list[UUID], queue: list[int | None], length: int | None
) -> None:
    queue[0] = length
    change(ask_for(kind), published_at=now() - timedelta(hours=1))
    assert sweep().published == 0
    assert published == []


def test_the_job_of_a_dead_worker_is_freed_and_published_in_one_round(
    kind: str, published: list[UUID]
) -> None:
    job_id = ask_for(kind)
    assert claims.take(job_id) is not None
    change(job_id, heartbeat_at=now() - LONG_AGO)
    assert sweep() == Swept(freed=1, published=1)
    assert row(job_id).state == JobState.WAITING
    assert published == [job_id]

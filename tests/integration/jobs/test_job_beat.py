"""The beat: one process at a time, and no chore in the way of another."""

from __future__ import annotations

from datetime import timedelta
from threading import Event

import pytest

from chatplatform.common.clock import now
from chatplatform.jobs import beat as beat_module
from chatplatform.jobs import periodic
from chatplatform.jobs.beat import Beat
from chatplatform.jobs.models import BeatLease, PeriodicJob
from chatplatform.jobs.periodic import enqueue_due
from chatplatform.jobs.registry import Chore, job_kind
from tests.integration.jobs.conftest import Register, change, row
from tests.integration.jobs.conftest import ask_for as ask

CANARY = "words of a person"


def idle_beat() -> Beat:
    return Beat([], on_stuck=lambda: None)


@pytest.mark.django_db
def test_one_process_keeps_the_beat() -> None:
    first, second = idle_beat(), idle_beat()
    assert first.try_to_keep()
    assert not second.try_to_keep()
    assert first.try_to_keep()
    assert not second.try_to_keep()


@pytest.mark.django_db
def test_a_process_that_died_is_followed_by_another() -> None:
    first, second = idle_beat(), idle_beat()
    first.try_to_keep()
    BeatLease.objects.update(until=now() - timedelta(seconds=1))
    assert second.try_to_keep()
    assert not first.try_to_keep()


class Threads:
    """Chores that note their runs, under a beat whose lease needs no database."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Beat, "try_to_keep", self._keep)
        monkeypatch.setattr(beat_module, "TICK_S", 0.02)
        self.stuck = Event()

    @staticmethod
    def _keep(beat: Beat) -> bool:
        beat._keeps_until = float("inf")
        return True

    def run(self, chores: list[Chore], until: Event) -> None:
        beat = Beat(chores, on_stuck=self.stuck.set)
        beat._lease_s = 0.15
        beat.start()
        try:
            assert until.wait(5)
        finally:
            beat._stop.set()


def test_a_chore_that_fails_is_run_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    again, runs = Event(), []

    def fail() -> None:
        runs.append(1)
        if len(runs) == 3:
            again.set()
        raise ValueError(CANARY)

    Threads(monkeypatch).run([Chore("tests.fail", fail, every_s=0.01, limit_s=5)], until=again)
    assert CANARY not in caplog.text
    assert "tests.fail" in caplog.text


def test_a_chore_that_hangs_holds_up_nobody_and_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    release, others = Event(), Event()
    threads = Threads(monkeypatch)
    chores = [
        Chore("tests.hang", release.wait, every_s=1, limit_s=0.05),
        Chore("tests.other", others.set, every_s=0.01, limit_s=5),
    ]
    threads.run(chores, until=others)
    threads.run(chores, until=threads.stuck)
    release.set()


@pytest.fixture
def hourly(register: Register, monkeypatch: pytest.MonkeyPatch) -> str:
    kind = register(lambda job: None, every_s=3600)
    monkeypatch.setattr(periodic, "job_kinds", lambda: (job_kind(kind),))
    return kind


@pytest.mark.django_db
def test_a_periodic_job_is_enqueued_once_a_period(hourly: str) -> None:
    assert enqueue_due() == 1
    assert enqueue_due() == 0
    PeriodicJob.objects.filter(kind=hourly).update(due_at=now())
    assert enqueue_due() == 1


@pytest.mark.django_db
def test_a_periodic_job_that_is_not_over_is_not_doubled(hourly: str) -> None:
    enqueue_due()
    first = ask(hourly, dedupe_key="periodic")
    PeriodicJob.objects.filter(kind=hourly).update(due_at=now())
    enqueue_due()
    assert ask(hourly, dedupe_key="periodic") == first
    change(first, state="succeeded")
    PeriodicJob.objects.filter(kind=hourly).update(due_at=now())
    enqueue_due()
    assert ask(hourly, dedupe_key="periodic") != first
    assert row(first).periodic


@pytest.mark.django_db
def test_a_clock_that_was_set_back_does_not_stop_periodic_jobs(hourly: str) -> None:
    PeriodicJob.objects.create(kind=hourly, due_at=now() + timedelta(days=400))
    assert enqueue_due() == 1

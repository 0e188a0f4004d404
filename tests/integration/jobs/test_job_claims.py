"""A job has one worker at a time, and nothing is done twice."""

from __future__ import annotations

from datetime import timedelta
from threading import Event

import pytest

from chatplatform.audit.models import AuditEvent
from chatplatform.common.clock import now
from chatplatform.jobs import claims
from chatplatform.jobs.claims import Claim
from chatplatform.jobs.failures import Failure
from chatplatform.jobs.models import JobState
from chatplatform.jobs.registry import JobLost, RunningJob
from chatplatform.jobs.sweeper import sweep
from tests.integration.jobs.conftest import Register, ask_for, change, row
from tests.integration.jobs.sabotage import succeed_without_fence

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(minutes=5)
DOWN = Failure("down", "It is down.")


@pytest.fixture
def kind(register: Register) -> str:
    return register(lambda job: None, max_attempts=2)


def taken(kind: str) -> Claim:
    claim = claims.take(ask_for(kind))
    assert claim is not None
    return claim


def test_a_job_is_taken_once(kind: str) -> None:
    claim = taken(kind)
    assert claims.take(claim.job_id) is None
    assert row(claim.job_id).state == JobState.RUNNING


def test_a_job_that_is_not_due_is_not_taken(kind: str) -> None:
    job_id = ask_for(kind)
    change(job_id, available_at=now() + timedelta(seconds=30))
    assert claims.take(job_id) is None


def test_only_a_silent_worker_loses_its_job(kind: str) -> None:
    claim = taken(kind)
    assert not claims.free(claim)
    change(claim.job_id, heartbeat_at=now() - LONG_AGO)
    assert claims.beat([claim]) == set()
    assert not claims.free(claim)
    change(claim.job_id, heartbeat_at=now() - LONG_AGO)
    assert claims.silent_claims() == [claim]
    assert claims.free(claim)
    freed = row(claim.job_id)
    assert (freed.state, freed.losses, freed.failures, freed.error_code) == ("waiting", 1, 0, "worker_lost")
    assert freed.available_at <= now()


def test_a_worker_that_lost_its_job_changes_nothing_any_more(kind: str) -> None:
    old = taken(kind)
    change(old.job_id, heartbeat_at=now() - LONG_AGO)
    claims.free(old)
    new = claims.take(old.job_id)
    assert new is not None
    before = row(old.job_id)
    assert claims.beat([old]) == {old}
    assert not claims.report(old, 0.9, "late")
    assert not claims.succeed(old)
    assert not claims.fail(old, DOWN)
    assert not claims.give_back(old)
    assert not claims.free(old)
    after = row(old.job_id)
    assert (after.state, after.claim_token, after.stage) == (before.state, new.token, before.stage)
    assert claims.succeed(new)


def effects_of_two_workers(kind: str) -> int:
    """One worker pauses in the middle, another takes the job and finishes it, then the first one goes on."""
    effects = 0
    first = taken(kind)
    paused = RunningJob(row(first.job_id), first, Event())
    change(first.job_id, heartbeat_at=now() - LONG_AGO)
    claims.free(first)
    second = claims.take(first.job_id)
    assert second is not None
    with RunningJob(row(first.job_id), second, Event()).finishing():
        effects += 1
    try:
        with paused.finishing():
            effects += 1
    except JobLost:
        pass
    return effects


def test_an_effect_happens_once(kind: str) -> None:
    assert effects_of_two_workers(kind) == 1


def test_without_the_fence_it_happens_twice(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sabotage: the test above is red when the protection is gone."""
    monkeypatch.setattr(claims, "succeed", succeed_without_fence)
    assert effects_of_two_workers(kind) == 2


def test_failures_end_in_the_dead_letter_state_and_are_audited(kind: str) -> None:
    claim = taken(kind)
    assert claims.fail(claim, DOWN)
    waiting = row(claim.job_id)
    assert (waiting.state, waiting.failures, waiting.published_at) == ("waiting", 1, None)
    assert waiting.available_at > now()
    change(claim.job_id, available_at=now())
    again = claims.take(claim.job_id)
    assert again is not None
    claims.fail(again, DOWN)
    dead = row(claim.job_id)
    assert (dead.state, dead.failures, dead.error_code) == ("dead", 2, "down")
    assert dead.finished_at is not None
    event = AuditEvent.objects.get(code="jobs.job.died")
    assert event.target_id == str(claim.job_id)


def test_a_job_that_kills_its_workers_is_given_up(kind: str) -> None:
    job_id = ask_for(kind)
    for _ in range(10):
        change(job_id, available_at=now())
        claim = claims.take(job_id)
        assert claim is not None
        change(job_id, heartbeat_at=now() - LONG_AGO)
        claims.free(claim)
        said = row(job_id).error_message
        assert ("started again" in said) == (row(job_id).state == "waiting")
    assert (row(job_id).state, row(job_id).error_code) == ("dead", "worker_lost")
    assert "not tried again by itself" in row(job_id).error_message


def test_a_kind_that_may_kill_its_workers_is_given_up_sooner(register: Register) -> None:
    job_id = ask_for(register(lambda job: None, max_losses=2))
    for state in ("waiting", "dead"):
        change(job_id, available_at=now())
        assert claims.take(job_id)
        change(job_id, heartbeat_at=now() - LONG_AGO)
        assert sweep().freed == 1
        assert row(job_id).state == state


def test_a_job_that_is_given_back_is_due_at_once_and_has_lost_no_attempt(kind: str) -> None:
    claim = taken(kind)
    assert claims.give_back(claim)
    waiting = row(claim.job_id)
    assert (waiting.state, waiting.failures, waiting.losses) == ("waiting", 0, 0)
    assert claims.take(claim.job_id) is not None

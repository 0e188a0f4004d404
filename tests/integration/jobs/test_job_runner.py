"""One attempt, from claim to outcome."""

from __future__ import annotations

import time
from uuid import UUID, uuid4

import pytest

from chatplatform.common.errors import InvalidInput, TooMany
from chatplatform.common.scope import NoScope, all_workspaces, current_workspace_id
from chatplatform.jobs import registry
from chatplatform.jobs.heartbeat import Heartbeat
from chatplatform.jobs.models import Job, JobState
from chatplatform.jobs.registry import RunningJob
from chatplatform.jobs.runner import Runner
from chatplatform.jobs.services import cancel
from tests.integration.jobs.conftest import ACTOR, Register, ask_for, row

pytestmark = pytest.mark.django_db

CANARY = "words of a person"


def test_a_handler_gets_what_was_asked_for(runner: Runner, register: Register) -> None:
    seen: list[object] = []
    workspace_id = uuid4()

    def handler(job: RunningJob) -> None:
        seen.extend([dict(job.args), job.workspace_id, job.attempt, job.actor, current_workspace_id()])

    job_id = ask_for(register(handler), workspace_id=workspace_id, thing_id="7")
    runner.run(job_id)
    assert seen == [{"thing_id": "7"}, workspace_id, 1, ACTOR, workspace_id]
    assert (row(job_id).state, row(job_id).progress) == (JobState.SUCCEEDED, 1.0)


def test_the_platforms_own_job_has_no_scope(runner: Runner, register: Register) -> None:
    raised: list[type[Exception]] = []

    def handler(job: RunningJob) -> None:
        try:
            current_workspace_id()
        except NoScope as error:
            raised.append(type(error))

    runner.run(ask_for(register(handler)))
    assert raised == [NoScope]


def test_a_redelivered_message_does_nothing(runner: Runner, register: Register) -> None:
    runs: list[UUID] = []
    job_id = ask_for(register(lambda job: runs.append(job.id)))
    runner.run(job_id)
    runner.run(job_id)
    runner.run(uuid4())
    assert runs == [job_id]


def test_effect_and_success_are_one(runner: Runner, register: Register) -> None:
    """An error inside `finishing` takes the effect back, and the job is tried again."""
    attempts: list[int] = []
    effect_id = uuid4()

    def handler(job: RunningJob) -> None:
        attempts.append(job.attempt)
        with job.finishing():
            Job.objects.create(id=effect_id, kind="effect", actor_kind="system", actor_id="test")
            if job.attempt == 1:
                raise RuntimeError(CANARY)

    def in_all(job: RunningJob) -> None:
        with all_workspaces("test"):
            handler(job)

    job_id = ask_for(register(in_all))
    runner.run(job_id)
    assert row(job_id).state == JobState.WAITING
    with all_workspaces("test"):
        assert not Job.objects.filter(id=effect_id).exists()
        Job.objects.filter(id=job_id).update(available_at=row(job_id).created_at)
    runner.run(job_id)
    assert attempts == [1, 2]
    assert row(job_id).state == JobState.SUCCEEDED
    assert row(effect_id).kind == "effect"


def test_an_unexpected_error_keeps_and_logs_no_content(
    runner: Runner, register: Register, caplog: pytest.LogCaptureFixture
) -> None:
    def handler(job: RunningJob) -> None:
        raise ValueError(CANARY)

    job_id = ask_for(register(handler))
    runner.run(job_id)
    job = row(job_id)
    assert (job.state, job.error_code, job.error_type) == ("waiting", "unexpected", "ValueError")
    with all_workspaces("test"):
        assert CANARY not in str(Job.objects.filter(id=job_id).values().get())
    assert CANARY not in caplog.text
    assert "test_job_runner.py" in caplog.text


def test_what_cannot_succeed_is_not_tried_again(runner: Runner, register: Register) -> None:
    def handler(job: RunningJob) -> None:
        raise InvalidInput("too_long", "It is too long. Send a shorter one.")

    job_id = ask_for(register(handler, max_attempts=5))
    runner.run(job_id)
    job = row(job_id)
    assert (job.state, job.failures, job.error_message) == ("dead", 1, "It is too long. Send a shorter one.")


def test_a_limit_says_when_to_come_back(runner: Runner, register: Register) -> None:
    def handler(job: RunningJob) -> None:
        raise TooMany("rate", "Too many.", retry_after_s=300)

    job_id = ask_for(register(handler))
    runner.run(job_id)
    job = row(job_id)
    assert (job.available_at - job.created_at).total_seconds() >= 300


def test_a_kind_that_is_gone_ends_in_an_error_that_says_so(runner: Runner, register: Register) -> None:
    kind = register(lambda job: None, max_attempts=1)
    job_id = ask_for(kind)
    gone = registry._kinds.pop(kind)
    runner.run(job_id)
    registry._kinds[kind] = gone
    assert (row(job_id).state, row(job_id).error_code) == ("dead", "unknown_kind")


def test_progress_is_shown(runner: Runner, register: Register) -> None:
    shown: list[tuple[float, str]] = []

    def handler(job: RunningJob) -> None:
        for fraction, stage in ((-1.0, "Reading"), (0.5, "Writing"), (0.6, "Writing")):
            job.progress(fraction, stage)
            shown.append((row(job.id).progress, row(job.id).stage))

    runner.run(ask_for(register(handler)))
    assert shown == [(0.0, "Reading"), (0.5, "Writing"), (0.5, "Writing")], (
        "the last comes too soon to be written"
    )


def test_a_job_that_is_cancelled_while_it_runs_stops_and_leaves_nothing(
    runner: Runner, register: Register
) -> None:
    reached: list[str] = []

    def handler(job: RunningJob) -> None:
        with all_workspaces("test"):
            cancel(job.id, actor=ACTOR)
        reached.append("cancelled")
        with job.finishing():
            reached.append("effect")

    job_id = ask_for(register(handler))
    runner.run(job_id)
    assert reached == ["cancelled"]
    assert row(job_id).state == JobState.CANCELLED


def test_a_job_that_takes_too_long_is_stopped_at_its_next_step(
    runner: Runner, heartbeat: Heartbeat, register: Register
) -> None:
    reached: list[str] = []

    def handler(job: RunningJob) -> None:
        time.sleep(0.02)
        heartbeat.beat()
        reached.append("overtime")
        job.progress(0.5, "Half")
        reached.append("went on")

    job_id = ask_for(register(handler, timeout_s=0.01, max_attempts=1))
    runner.run(job_id)
    assert reached == ["overtime"]
    assert (row(job_id).state, row(job_id).error_code) == ("dead", "timed_out")


def test_an_error_after_the_job_is_done_does_not_undo_it(runner: Runner, register: Register) -> None:
    def handler(job: RunningJob) -> None:
        with job.finishing():
            pass
        raise RuntimeError

    job_id = ask_for(register(handler))
    runner.run(job_id)
    assert row(job_id).state == JobState.SUCCEEDED

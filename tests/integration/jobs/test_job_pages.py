"""How jobs are shown, and how long they are kept."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils.translation import override

from chatplatform.audit.models import AuditEvent
from chatplatform.common.clock import now
from chatplatform.common.scope import all_workspaces
from chatplatform.jobs import claims
from chatplatform.jobs.failures import WORKER_LOST
from chatplatform.jobs.models import Job, JobState
from chatplatform.jobs.queries import JobCounts, job_counts, job_page
from chatplatform.jobs.runner import Runner
from tests.integration.jobs.conftest import Register, ask_for, change, row

pytestmark = pytest.mark.django_db

WORKSPACE = uuid4()


@pytest.fixture
def kind(register: Register) -> str:
    return register(lambda job: None, max_attempts=4)


def test_the_newest_come_first_and_pages_follow_each_other(kind: str) -> None:
    ids = [ask_for(kind, workspace_id=WORKSPACE) for _ in range(5)]
    first = job_page(WORKSPACE, limit=3)
    second = job_page(WORKSPACE, before=first[-1].created_at, limit=3)
    assert [job.id for job in (*first, *second)] == ids[::-1]


def test_a_workspace_sees_its_own(kind: str) -> None:
    mine = ask_for(kind, workspace_id=WORKSPACE)
    ask_for(kind, workspace_id=uuid4())
    own = ask_for(kind)
    assert [job.id for job in job_page(WORKSPACE)] == [mine]
    assert own in {job.id for job in job_page(None)}
    assert job_counts(WORKSPACE) == JobCounts(waiting=1, running=0, succeeded=0, dead=0, cancelled=0)


def test_a_failed_attempt_is_shown_with_its_error_and_the_next_attempt(kind: str) -> None:
    job_id = ask_for(kind, workspace_id=WORKSPACE)
    claim = claims.take(job_id)
    assert claim is not None
    (running,) = job_page(WORKSPACE, state=JobState.RUNNING)
    assert (running.attempts, running.can_cancel, running.can_retry) == (1, True, False)
    claims.fail(claim, WORKER_LOST)
    (waiting,) = job_page(WORKSPACE)
    assert (waiting.state, waiting.attempts, waiting.max_attempts) == (JobState.WAITING, 1, 4)
    assert waiting.next_attempt_at == row(job_id).available_at
    assert waiting.error_message == WORKER_LOST.message
    assert waiting.title == f"Title of {kind}"


def test_texts_are_in_the_readers_language(kind: str) -> None:
    job_id = ask_for(kind, workspace_id=WORKSPACE)
    change(job_id, stage="Saturday")  # a string that Django itself translates
    with override("zh-hans"):
        (job,) = job_page(WORKSPACE)
    assert job.stage == "星期六"
    assert job.error_message == ""


def test_old_records_go_and_the_audit_log_says_so(kind: str, runner: Runner) -> None:
    old, new = now() - timedelta(days=8), now() - timedelta(days=6)
    gone = [ask_for(kind, workspace_id=WORKSPACE) for _ in range(3)]
    kept = [ask_for(kind, workspace_id=WORKSPACE) for _ in range(3)]
    for job_id in gone:
        change(job_id, state=JobState.SUCCEEDED, finished_at=old)
    change(kept[0], state=JobState.SUCCEEDED, finished_at=new)
    change(kept[1], state=JobState.DEAD, finished_at=old)
    quick = ask_for("jobs.cleanup")
    change(quick, state=JobState.SUCCEEDED, finished_at=now() - timedelta(hours=2))
    runner.run(ask_for("jobs.cleanup"))
    with all_workspaces("test"):
        left = set(Job.objects.values_list("id", flat=True))
    assert not left & {*gone, quick}
    assert left >= set(kept)
    event = AuditEvent.objects.get(code="jobs.cleaned")
    assert event.details == '{"deleted":3}'


def command(*arguments: object) -> str:
    out = StringIO()
    call_command("jobs", *(str(one) for one in arguments), stdout=out, skip_checks=True)
    return out.getvalue()


def test_the_command_lists_retries_and_cancels(kind: str) -> None:
    job_id = ask_for(kind, workspace_id=WORKSPACE)
    assert str(job_id) in command("list", "--state", "waiting")
    assert str(job_id) not in command("list", "--state", "dead")
    command("cancel", job_id)
    assert row(job_id).state == JobState.CANCELLED
    command("retry", job_id)
    assert row(job_id).state == JobState.WAITING


def test_the_command_says_what_is_wrong(kind: str) -> None:
    with pytest.raises(CommandError, match="There is no such work"):
        command("cancel", uuid4())

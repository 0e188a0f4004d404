"""Asking for work, starting it again, calling it off."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from django.db import transaction
from pytest_django import DjangoCaptureOnCommitCallbacks

from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, NotFound
from chatplatform.common.scope import NoScope, all_workspaces, workspace_scope
from chatplatform.jobs import claims, publishing
from chatplatform.jobs.models import Job, JobState
from chatplatform.jobs.registry import UnknownKind
from chatplatform.jobs.services import cancel, retry
from tests.integration.jobs.conftest import ACTOR, Register, ask_for, change, row

pytestmark = pytest.mark.django_db

WORKSPACE = uuid4()


@pytest.fixture
def kind(register: Register) -> str:
    return register(lambda job: None)


def test_a_job_is_published_after_commit_and_not_before(
    kind: str, published: list[UUID], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job_id = ask_for(kind, thing_id="1")
        assert published == []
    assert published == [job_id]
    assert (row(job_id).state, row(job_id).args) == ("waiting", {"thing_id": "1"})


def test_a_job_goes_with_the_change_that_wanted_it(
    kind: str, published: list[UUID], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        ask_for(kind)
        transaction.set_rollback(True)
    with all_workspaces("test"):
        assert not Job.objects.filter(kind=kind).exists()
    assert published == []


def test_a_broker_that_is_down_is_nobodys_error(
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    tried = []

    def down() -> None:
        tried.append(1)
        raise ConnectionRefusedError

    monkeypatch.setattr(publishing, "celery_app", down)
    with django_capture_on_commit_callbacks(execute=True):
        job_id = ask_for(kind)
        ask_for(kind)
    assert row(job_id).state == JobState.WAITING
    assert "wait for the sweeper" in caplog.text
    assert len(tried) == 1, "the second request must not wait for a broker that is known to be down"


@pytest.mark.parametrize("args", [{"text": "x" * 201}, {"number": 5}, {"nested": {}}])
def test_arguments_are_short_words(kind: str, args: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="must be a string"):
        ask_for(kind, **args)


def test_an_unknown_kind_is_refused_at_once() -> None:
    with pytest.raises(UnknownKind):
        ask_for("nobody.knows")


def test_a_key_has_one_unfinished_job(kind: str) -> None:
    first = ask_for(kind, dedupe_key="k")
    assert ask_for(kind, dedupe_key="k") == first
    assert claims.take(first) is not None
    assert ask_for(kind, dedupe_key="k") == first
    change(first, state=JobState.SUCCEEDED, claim_token=None)
    second = ask_for(kind, dedupe_key="k")
    assert second != first
    assert ask_for(kind, dedupe_key="other") not in (first, second)


def test_workspaces_do_not_share_keys(kind: str, register: Register) -> None:
    mine = ask_for(kind, dedupe_key="k", workspace_id=WORKSPACE)
    assert ask_for(kind, dedupe_key="k", workspace_id=uuid4()) != mine
    assert ask_for(kind, dedupe_key="k") != mine
    assert ask_for(register(lambda job: None), dedupe_key="k", workspace_id=WORKSPACE) != mine
    assert ask_for(kind, dedupe_key="k", workspace_id=WORKSPACE) == mine


def test_a_dead_job_gets_a_fresh_set_of_attempts(
    kind: str, published: list[UUID], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    job_id = ask_for(kind, workspace_id=WORKSPACE)
    change(job_id, state=JobState.DEAD, failures=5, losses=1)
    person = Actor.person(uuid4())
    with workspace_scope(WORKSPACE), django_capture_on_commit_callbacks(execute=True):
        retry(job_id, actor=person)
    again = row(job_id)
    assert (again.state, again.failures, again.losses) == ("waiting", 0, 0)
    assert published == [job_id]
    event = AuditEvent.objects.get(code="jobs.job.retried")
    assert (event.actor_id, event.workspace_id) == (person.id, WORKSPACE)


def test_a_dead_job_is_not_retried_beside_its_successor(kind: str) -> None:
    dead = ask_for(kind, dedupe_key="k", workspace_id=WORKSPACE)
    change(dead, state=JobState.DEAD)
    ask_for(kind, dedupe_key="k", workspace_id=WORKSPACE)
    with workspace_scope(WORKSPACE), pytest.raises(Conflict):
        retry(dead, actor=ACTOR)
    assert row(dead).state == JobState.DEAD


@pytest.mark.parametrize("state", [JobState.WAITING, JobState.SUCCEEDED])
def test_only_what_failed_is_retried(kind: str, state: JobState) -> None:
    job_id = ask_for(kind, workspace_id=WORKSPACE)
    change(job_id, state=state)
    with workspace_scope(WORKSPACE), pytest.raises(Conflict):
        retry(job_id, actor=ACTOR)


def test_a_cancelled_job_is_never_taken(kind: str) -> None:
    job_id = ask_for(kind, workspace_id=WORKSPACE)
    with workspace_scope(WORKSPACE):
        cancel(job_id, actor=ACTOR)
        assert claims.take(job_id) is None
        with pytest.raises(Conflict):
            cancel(job_id, actor=ACTOR)
    assert row(job_id).state == JobState.CANCELLED
    assert AuditEvent.objects.filter(code="jobs.job.cancelled").count() == 1


def test_another_workspaces_job_does_not_exist(kind: str) -> None:
    job_id = ask_for(kind, workspace_id=WORKSPACE)
    change(job_id, state=JobState.DEAD)
    with workspace_scope(uuid4()):
        for act in (retry, cancel):
            with pytest.raises(NotFound):
                act(job_id, actor=ACTOR)
    with pytest.raises(NoScope):
        retry(job_id, actor=ACTOR)

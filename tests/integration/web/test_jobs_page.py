"""The page of jobs: state, progress, error, another try; the workspace's own only."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from chatplatform.accounts.models import Role
from chatplatform.common.clock import now
from chatplatform.common.scope import all_workspaces
from chatplatform.jobs.models import Job, JobState
from tests.integration.web.conftest import MakePerson, Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"])


def a_job(workspace_id: UUID | None, **fields: object) -> Job:
    values = {
        "kind": "chat.title",
        "actor_kind": "system",
        "actor_id": "system:test",
        "max_attempts": 4,
    } | fields
    with all_workspaces("a test makes jobs of any workspace"):
        return Job.objects.bulk_create([Job(workspace_id=workspace_id, **values)])[0]


def test_what_is_shown(owner: Someone) -> None:
    a_job(
        owner.workspace.id, state=JobState.DEAD, error_message="Too many questions are waiting.", failures=4
    )
    a_job(owner.workspace.id, state=JobState.RUNNING, progress=0.4, claim_token=uuid4(), heartbeat_at=now())
    page = owner.browser.get("/console/jobs/").text
    assert "Too many questions are waiting." in page
    assert 'value="40"' in page
    assert "4 of 4" in page


def test_filter_and_refresh(owner: Someone) -> None:
    dead = a_job(owner.workspace.id, state=JobState.DEAD)
    done = a_job(owner.workspace.id, state=JobState.SUCCEEDED)
    part = owner.browser.get("/console/jobs/", {"state": "dead", "part": "table"}).text
    assert str(dead.id) in part
    assert str(done.id) not in part
    assert "<html" not in part
    assert owner.browser.get("/console/jobs/", {"state": "nonsense", "before": "nonsense"}).status_code == 200


@pytest.mark.parametrize("act", ["retry", "cancel"])
def test_acting_on_a_job(owner: Someone, act: str) -> None:
    job = a_job(owner.workspace.id, state=JobState.DEAD if act == "retry" else JobState.WAITING)
    assert owner.browser.post(f"/console/jobs/{job.id}/{act}/").status_code == 302
    wanted = JobState.WAITING if act == "retry" else JobState.CANCELLED
    assert (
        str(wanted.label)
        in owner.browser.get("/console/jobs/", {"state": wanted.value, "part": "table"}).text
    )


def test_acting_twice_is_a_conflict_in_words(owner: Someone) -> None:
    job = a_job(owner.workspace.id, state=JobState.SUCCEEDED)
    answer = owner.browser.post(f"/console/jobs/{job.id}/cancel/")
    assert answer.status_code == 409
    assert "cannot be cancelled" in answer.text


def test_another_workspaces_jobs_do_not_exist(owner: Someone, make_person: MakePerson) -> None:
    job = a_job(owner.workspace.id, state=JobState.DEAD)
    other = make_person(Role.OWNER, elsewhere=True).browser
    assert str(job.id) not in other.get("/console/jobs/").text
    assert other.post(f"/console/jobs/{job.id}/retry/").status_code == 404


def test_whoever_runs_the_machine_sees_and_restarts_the_platforms_own(
    owner: Someone, make_person: MakePerson
) -> None:
    job = a_job(None, kind="jobs.cleanup", state=JobState.DEAD)
    assert str(job.id) in owner.browser.get("/console/jobs/", {"of": "platform"}).text
    assert str(job.id) not in owner.browser.get("/console/jobs/").text
    address = f"/console/jobs/{job.id}/"
    assert owner.browser.get(address).status_code == 404, "it is not the workspace's"
    assert owner.browser.post(f"{address}retry/").status_code == 404
    assert owner.browser.post(f"{address}retry/?of=platform").status_code == 302
    assert "Waiting" in owner.browser.get(address, {"of": "platform"}).text
    assert owner.browser.post(f"{address}cancel/?of=platform").status_code == 302

    administrator = make_person(Role.ADMINISTRATOR).browser
    for answer in (
        administrator.get("/console/jobs/", {"of": "platform"}),
        administrator.get(address, {"of": "platform"}),
        administrator.post(f"{address}retry/?of=platform"),
    ):
        assert answer.status_code == 403


def test_the_platforms_door_opens_no_workspaces_job(owner: Someone, make_person: MakePerson) -> None:
    job = a_job(owner.workspace.id, state=JobState.DEAD)
    for person in (owner, make_person(Role.OWNER, elsewhere=True)):
        assert person.browser.post(f"/console/jobs/{job.id}/retry/?of=platform").status_code == 404


def test_the_page_of_a_job_tells_its_story(owner: Someone) -> None:
    job = a_job(
        owner.workspace.id, state=JobState.DEAD, failures=4, error_code="timed_out", error_message="Too slow."
    )
    owner.browser.post(f"/console/jobs/{job.id}/retry/")
    page = owner.browser.get(f"/console/jobs/{job.id}/").text
    assert "Failed background work was started again" in page
    assert owner.user.email in page, "who did it, by name"
    assert "data-live" in page
    part = owner.browser.get(f"/console/jobs/{job.id}/", {"part": "job"}).text
    assert "<html" not in part
    assert "Waiting" in part


def test_a_job_of_another_workspace_has_no_page(owner: Someone, make_person: MakePerson) -> None:
    job = a_job(owner.workspace.id)
    other = make_person(Role.OWNER, elsewhere=True).browser
    assert other.get(f"/console/jobs/{job.id}/").status_code == 404


def test_filter_by_kind(owner: Someone) -> None:
    title = a_job(owner.workspace.id)
    other = a_job(owner.workspace.id, kind="gone.kind")
    page = owner.browser.get("/console/jobs/", {"kind": "gone.kind"}).text
    assert str(other.id) in page
    assert str(title.id) not in page


def test_acting_from_the_list_answers_with_a_word(owner: Someone) -> None:
    job = a_job(owner.workspace.id, state=JobState.DEAD)
    answer = owner.browser.post(f"/console/jobs/{job.id}/retry/", headers={"HX-Request": "true"})
    assert answer.status_code == 204
    assert "Started again." in answer.headers["HX-Trigger"]


def test_the_old_address_leads_to_the_new_one(owner: Someone) -> None:
    answer = owner.browser.get("/jobs/?state=dead")
    assert (answer.status_code, answer.headers["Location"]) == (301, "/console/jobs/?state=dead")

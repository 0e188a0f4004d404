"""Pull the plug: who may, what it does, and that it is on record. The browser test pulls real ones."""

from __future__ import annotations

import json
import subprocess
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from chatplatform.accounts.models import Role
from chatplatform.audit.models import AuditEvent
from chatplatform.common.scope import all_workspaces
from chatplatform.console.plug import PROBE, PROBES
from chatplatform.jobs.heartbeat import Heartbeat
from chatplatform.jobs.models import Job
from chatplatform.jobs.runner import Runner
from tests.integration.console.test_console_health import supervised
from tests.integration.web.conftest import MakePerson, Someone

__all__ = ["supervised"]

pytestmark = pytest.mark.django_db(databases=["default", "keys"])
AS_JSON = {"Accept": "application/json"}


def begin(browser: Client) -> str:
    return str(browser.post("/console/plug/begin/").json()["drill_id"])


def test_without_a_supervisor_there_is_nothing_to_press(owner: Someone) -> None:
    page = owner.browser.get("/console/plug/").text
    assert "No supervisor runs on this data folder" in page
    assert "data-plug-form" not in page
    answer = owner.browser.post(
        "/console/plug/pull/", {"process": "llm", "drill_id": str(uuid4())}, headers=AS_JSON
    )
    assert answer.status_code == 409
    assert not AuditEvent.objects.filter(code="console.plug.pulled").exists()


def test_a_process_of_the_supervisor_is_killed_and_it_is_on_record(
    owner: Someone, supervised: subprocess.Popen[bytes]
) -> None:
    page = owner.browser.get("/console/plug/").text
    assert 'value="web"' in page
    drill = begin(owner.browser)
    answer = owner.browser.post("/console/plug/pull/", {"process": "web", "drill_id": drill})
    assert answer.json() == {"pid": supervised.pid}
    event = AuditEvent.objects.get(code="console.plug.pulled")
    assert (event.actor_id, event.target_id) == (str(owner.user.id), "web")
    assert supervised.wait(timeout=5) == -9


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"process": "chroma"}, 400),  # not offered
        ({"process": "supervisor"}, 400),
        ({"process": "llm"}, 409),  # its number is not a child of the supervisor
        ({"process": "worker"}, 409),
        ({"process": "web", "drill_id": "nonsense"}, 400),
        ({}, 400),
    ],
)
def test_nothing_else_can_be_killed(
    owner: Someone, supervised: subprocess.Popen[bytes], fields: dict[str, str], status: int
) -> None:
    answer = owner.browser.post("/console/plug/pull/", {"drill_id": str(uuid4())} | fields, headers=AS_JSON)
    assert answer.status_code == status
    assert answer.json()["message"]
    assert supervised.poll() is None


def test_jobs_are_begun_watched_and_counted(owner: Someone, monkeypatch: Any) -> None:
    monkeypatch.setattr("chatplatform.console.jobs.PROBE_S", 0.0)
    drill = begin(owner.browser)
    watched = owner.browser.post("/console/plug/watch/", {"drill_id": drill}).json()
    assert watched == {"processes": [], "jobs_left": PROBES}
    conversation = owner.asks("Which tent?")
    fields = {
        "process": "worker",
        "drill_id": drill,
        "conversation_id": str(conversation),
        "shown": ["", "two words"],
        "back_after_s": "1.5",
    }
    judged = owner.browser.post("/console/plug/verdict/", fields).json()
    assert (judged["lost_words"], judged["lost_jobs"]) == (2, PROBES), "nothing is stored or done yet"
    with all_workspaces("a test runs the jobs"):
        ids = list(Job.objects.filter(kind=PROBE).values_list("id", flat=True))
    for job_id in ids:
        Runner(Heartbeat(lambda: None)).run(job_id)
    assert owner.browser.post("/console/plug/watch/", {"drill_id": drill}).json()["jobs_left"] == 0
    judged = owner.browser.post("/console/plug/verdict/", fields | {"shown": [""]}).json()
    assert (judged["lost_words"], judged["lost_jobs"]) == (0, 0)
    outcomes = AuditEvent.objects.filter(code="console.plug.checked").order_by("id")
    assert [event.outcome for event in outcomes] == ["failed", "ok"]
    assert json.loads(outcomes[1].details)["back_after_s"] == 1.5


def test_another_persons_conversation_is_not_compared(owner: Someone, make_person: MakePerson) -> None:
    other = make_person(Role.OWNER, elsewhere=True)
    conversation = owner.asks("Which tent?")
    fields = {
        "process": "web",
        "drill_id": str(uuid4()),
        "conversation_id": str(conversation),
        "back_after_s": "1",
    }
    assert other.browser.post("/console/plug/verdict/", fields, headers=AS_JSON).status_code == 404


@pytest.mark.parametrize("act", ["begin", "pull", "watch", "verdict"])
def test_it_is_for_who_runs_the_machine(make_person: MakePerson, act: str) -> None:
    administrator = make_person(Role.ADMINISTRATOR).browser
    assert administrator.get("/console/plug/").status_code == 403
    assert administrator.post(f"/console/plug/{act}/").status_code == 403
    owner = make_person(Role.OWNER)
    confined = Client(enforce_csrf_checks=True)
    confined.force_login(owner.user)
    assert confined.post(f"/console/plug/{act}/").status_code == 403
    assert owner.browser.get(f"/console/plug/{act}/").status_code == 405

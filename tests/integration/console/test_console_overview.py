"""The console's first page: steps ticked by what is true, figures only for who may see them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chatplatform.accounts.models import Role
from chatplatform.audit.models import AuditEvent
from chatplatform.chat.models import Turn
from chatplatform.common.scope import workspace_scope
from tests.integration.web.conftest import MakePerson, Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"])


def steps_of(browser: Client) -> dict[str, bool]:
    context = browser.get("/console/").context
    return {step.id: step.is_done for step in context["steps"]}


def test_steps_are_ticked_by_what_is_true(owner: Someone) -> None:
    before = steps_of(owner.browser)
    assert before["signed_in"]
    assert not before["question"]
    assert not before["password"]
    owner.asks("Which tent?")
    owner.user.set_password("a good long one")
    owner.user.save()
    owner.browser.force_login(owner.user)
    after = steps_of(owner.browser)
    assert after["question"]
    assert after["password"]


def test_another_workspaces_questions_tick_nothing(owner: Someone, make_person: MakePerson) -> None:
    owner.asks("Which tent?")
    other = make_person(Role.OWNER, elsewhere=True)
    with workspace_scope(other.workspace.id):
        assert not Turn.objects.exists()
    assert not steps_of(other.browser)["question"]


def test_everybody_sees_the_steps_that_are_theirs_to_take(make_person: MakePerson) -> None:
    editor = steps_of(make_person(Role.PROMPT_EDITOR).browser)
    assert "own" in editor
    assert not {"invited", "backup", "remote_hosts"} & set(editor)
    agent = steps_of(make_person(Role.SUPPORT_AGENT).browser)
    assert "own" not in agent


def test_the_list_is_put_away_for_the_workspace_and_brought_back(
    owner: Someone, make_person: MakePerson
) -> None:
    assert owner.browser.post("/console/first-steps/", {"shown": "0"}).status_code == 302
    assert steps_of(make_person(Role.ADMINISTRATOR).browser) == {}
    elsewhere = make_person(Role.OWNER, elsewhere=True).browser
    assert steps_of(elsewhere), "it is one workspace's choice"
    owner.browser.post("/console/first-steps/", {"shown": "1"})
    assert steps_of(owner.browser)
    events = AuditEvent.objects.filter(code="console.first_steps.shown", workspace_id=owner.workspace.id)
    assert events.count() == 2
    assert make_person(Role.PROMPT_EDITOR).browser.post("/console/first-steps/").status_code == 403


def test_hosts_outside_are_reviewed_again_when_they_change(
    owner: Someone, settings: Any, make_person: MakePerson
) -> None:
    assert "remote_hosts" not in steps_of(owner.browser)
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"remote_hosts": ("llm.example",)})
    assert steps_of(owner.browser)["remote_hosts"] is False
    assert "llm.example" in owner.browser.get("/console/").text
    assert make_person(Role.ADMINISTRATOR).browser.post("/console/remote-hosts/reviewed/").status_code == 403
    owner.browser.post("/console/remote-hosts/reviewed/")
    assert steps_of(owner.browser)["remote_hosts"] is True
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(
        update={"remote_hosts": ("llm.example", "other.example")}
    )
    assert steps_of(owner.browser)["remote_hosts"] is False


def test_figures_are_for_who_may_see_them(
    owner: Someone, make_person: MakePerson, scripted_engine: Any
) -> None:
    shown = owner.browser.get("/console/status/").context["status"]
    assert shown.processes == (), "no supervisor runs on the data folder of a test"
    assert shown.jobs is not None
    assert shown.disk.free_bytes > 0
    agent = make_person(Role.SUPPORT_AGENT).browser
    hidden = agent.get("/console/status/").context["status"]
    assert (hidden.processes, hidden.engine, hidden.jobs, hidden.disk) == (None, None, None, None)
    assert reverse("console:status") not in agent.get("/console/").text


def test_every_step_leads_somewhere(owner: Someone) -> None:
    page = owner.browser.get("/console/").text
    for address in re.findall(r'class="checklist__title" href="([^"]+)"', page):
        assert owner.browser.get(address).status_code == 200


def test_members_stay_outside(member: Someone) -> None:
    for address in ("/console/", "/console/status/"):
        assert member.browser.get(address).status_code == 403

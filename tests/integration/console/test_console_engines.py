"""The page of engines, their part of the API and of the command line: the same acts, the same rights."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from chatplatform.accounts.models import Role
from chatplatform.audit.models import AuditEvent
from chatplatform.inference.endpoints import registry
from chatplatform.inference.models import EngineEndpoint
from tests.integration.web.conftest import MakePerson, Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"])

CLOUD = {
    "name": "Cloud",
    "url": "https://llm.example.org",
    "kind": "openai",
    "place": "outside",
    "order": "after",
    "chat_model": "large",
    "quick_model": "",
    "context_tokens": "8192",
}


@pytest.fixture(autouse=True)
def _forgotten() -> None:
    registry.forget()


def added(owner: Someone) -> EngineEndpoint:
    answer = owner.browser.post("/console/engines/new/", {**CLOUD, "key": "sk-secret"})
    assert answer.status_code == 302
    return EngineEndpoint.objects.get()


def test_an_owner_adds_an_engine_and_nobody_reads_its_key_again(owner: Someone) -> None:
    row = added(owner)
    assert (row.url, row.is_on, row.context_tokens) == ("https://llm.example.org/v1", False, 8192)
    page = owner.browser.get(f"/console/engines/{row.id}/").text
    assert "A key is kept, sealed" in page
    assert "sk-secret" not in page + owner.browser.get("/console/engines/").text
    assert not AuditEvent.objects.filter(details__contains="sk-secret").exists()
    assert owner.browser.post(f"/console/engines/{row.id}/", {**CLOUD, "key": ""}).status_code == 302
    assert bool(EngineEndpoint.objects.get().sealed_key)
    assert owner.browser.post(f"/console/engines/{row.id}/", {**CLOUD, "no_key": "1"}).status_code == 302
    assert EngineEndpoint.objects.get().sealed_key is None


def test_what_leaves_the_machine_is_confirmed_on_the_page(owner: Someone) -> None:
    row = added(owner)
    address = f"/console/engines/{row.id}/switch/"
    refused = owner.browser.post(address, {"on": "1"})
    assert refused.status_code == 400
    assert "may leave this machine" in refused.text
    assert owner.browser.post(address, {"on": "1", "leave": "1"}).status_code == 302
    assert EngineEndpoint.objects.get().is_on
    assert "prompts may leave" in owner.browser.get("/console/engines/").text
    assert owner.browser.post(address, {"on": "0"}).status_code == 302
    assert not EngineEndpoint.objects.get().is_on


@pytest.mark.parametrize(
    "wrong", [{"url": "nowhere"}, {"context_tokens": "many"}, {"kind": ""}, {"name": ""}]
)
def test_what_was_typed_stays_in_a_form_that_is_refused(owner: Someone, wrong: dict[str, str]) -> None:
    answer = owner.browser.post("/console/engines/new/", {**CLOUD, "chat_model": "my-model", **wrong})
    assert answer.status_code == 400
    assert "my-model" in answer.text


def test_an_editor_sees_engines_and_changes_none(owner: Someone, make_person: MakePerson) -> None:
    added(owner)
    editor = make_person(Role.PROMPT_EDITOR).browser
    assert "Cloud" in editor.get("/console/engines/").text
    assert editor.get("/console/engines/new/").status_code == 403


def test_a_test_says_why_an_engine_does_not_answer(owner: Someone) -> None:
    here = {**CLOUD, "url": "http://127.0.0.1:9", "place": "machine"}
    owner.browser.post("/console/engines/new/", here)
    row = EngineEndpoint.objects.get()
    assert row.is_on
    answer = owner.browser.post(f"/console/engines/{row.id}/test/")
    assert "engine_unreachable" in answer.text
    assert AuditEvent.objects.filter(code="inference.engine.tested", target_id=str(row.id)).exists()
    assert owner.browser.post(f"/console/engines/{row.id}/remove/").status_code == 302
    assert not EngineEndpoint.objects.exists()


def command(*words: str) -> str:
    out = StringIO()
    call_command("engines", *words, stdout=out)
    return out.getvalue()


def test_the_command_line_does_the_same(db: None, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("sk-secret\n")
    said = command(
        "add", "Cloud", CLOUD["url"], "--place", "outside", "--chat", "large", "--key-file", str(key)
    )
    assert "--prompts-may-leave" in said
    assert "sk-secret" not in said + command("list")
    with pytest.raises(CommandError):
        command("on", "Cloud")
    command("on", "Cloud", "--prompts-may-leave")
    assert " on " in command("list")
    command("off", "Cloud")
    assert " off " in command("list")
    command("remove", "Cloud")
    assert command("list") == ""
    with pytest.raises(CommandError):
        command("test", "Cloud")


def test_people_are_told_in_the_chat_that_answers_may_leave_the_machine(owner: Someone) -> None:
    assert "data-way-out" not in owner.browser.get("/").text
    row = added(owner)
    assert "data-way-out" not in owner.browser.get("/").text
    owner.browser.post(f"/console/engines/{row.id}/switch/", {"on": "1", "leave": "1"})
    registry.forget()
    assert "may leave this machine: Cloud may answer" in owner.browser.get("/").text
    EngineEndpoint.objects.update(order="before")
    registry.forget()
    assert "leaves this machine: Cloud answers" in owner.browser.get("/").text

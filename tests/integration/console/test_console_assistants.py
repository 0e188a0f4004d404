"""The console's pages for assistants."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.test import Client

from chatplatform.accounts.models import Group, Role
from chatplatform.common.scope import workspace_scope
from chatplatform.prompts.models import Assistant
from tests.integration.web.conftest import MakePerson, Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"])


def default_of(someone: Someone) -> Assistant:
    with workspace_scope(someone.workspace.id):
        return Assistant.objects.get(is_default=True)


def fields(someone: Someone, **changed: object) -> dict[str, object]:
    return {
        "name": "Helper",
        "description": "Helps",
        "prompt": str(default_of(someone).prompt_id),
        "model": "",
        "audience": "everybody",
        "starters_en": "One?\r\nTwo?",
        "starters_zh-hans": "一？",
        "name_zh-hans": "助手",
        "temperature": "0.7",
        **changed,
    }


def made(someone: Someone, **changed: object) -> UUID:
    answer = someone.browser.post("/console/assistants/new/", fields(someone, **changed))
    assert answer.status_code == 302, answer.text
    return UUID(answer.headers["Location"].split("/")[-2])


def test_a_new_assistant_is_in_the_chat_at_once(owner: Someone, member: Someone) -> None:
    made(owner)
    page = member.browser.get("/").text
    assert "Helper" in page
    assert "Two?" in page


def test_it_can_be_changed_and_shows_what_it_is(owner: Someone) -> None:
    assistant_id = made(owner)
    address = f"/console/assistants/{assistant_id}/"
    page = owner.browser.get(address).text
    for shown in ("助手", "One?\nTwo?", 'value="0.7"'):
        assert shown in page
    owner.browser.post(address, fields(owner, name="Helper 2", temperature=""))
    with workspace_scope(owner.workspace.id):
        row = Assistant.objects.get(id=assistant_id)
    assert (row.name, row.sampling, row.starters["en"]) == ("Helper 2", {}, ["One?", "Two?"])


def test_an_audience_shuts_others_out_of_the_page(owner: Someone, member: Someone) -> None:
    with workspace_scope(owner.workspace.id):
        group = Group.objects.create(workspace_id=owner.workspace.id, name="Sales")
    made(owner, audience="groups", groups=[str(group.id)])
    assert "Helper" not in member.browser.get("/").text
    assert "Sales" in owner.browser.get("/console/assistants/").text


def test_the_default_moves_and_the_rest_can_be_archived_and_restored(owner: Someone) -> None:
    assistant_id, before = made(owner), default_of(owner)
    owner.browser.post(f"/console/assistants/{assistant_id}/default/")
    assert default_of(owner).id == assistant_id
    assert (
        owner.browser.post(f"/console/assistants/{assistant_id}/archive/", {"archived": "1"}).status_code
        == 409
    )
    owner.browser.post(f"/console/assistants/{before.id}/archive/", {"archived": "1"})
    assert before.name not in owner.browser.get("/").text
    assert before.name in owner.browser.get("/console/assistants/?archived=1").text
    owner.browser.post(f"/console/assistants/{before.id}/archive/", {"archived": "0"})
    assert before.name in owner.browser.get("/").text


@pytest.mark.parametrize(
    "changed",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"prompt": "00000000-0000-4000-8000-000000000000"},
        {"prompt": "x"},
        {"model": "no-such-model"},
        {"audience": "nobody"},
        {"audience": "groups", "groups": ["00000000-0000-4000-8000-000000000000"]},
        {"temperature": "3"},
        {"temperature": "warm"},
        {"temperature": "nan"},
        {"max_tokens": "0"},
        {"starters_en": "\n".join("?" * 7)},
        {"is_demo": "1", "name": ""},
    ],
)
def test_bad_input_is_told_beside_what_was_typed(owner: Someone, changed: dict[str, object]) -> None:
    answer = owner.browser.post("/console/assistants/new/", fields(owner, **changed))
    assert answer.status_code == 400
    assert "Helps" in answer.text
    with workspace_scope(owner.workspace.id):
        assert not Assistant.objects.filter(description="Helps").exists()


def test_fields_that_are_not_in_the_form_change_nothing(owner: Someone) -> None:
    assistant_id = made(owner, is_default="1", is_demo="1", workspace_id="x", archived_at="2020-01-01")
    with workspace_scope(owner.workspace.id):
        row = Assistant.objects.get(id=assistant_id)
    assert (row.is_default, row.is_demo, row.archived_at) == (False, False, None)


def test_who_may_what(make_person: MakePerson, owner: Someone, client: Client) -> None:
    assistant_id = made(owner)
    one = f"/console/assistants/{assistant_id}/"
    agent = make_person(Role.SUPPORT_AGENT)
    assert agent.browser.get("/console/assistants/").status_code == 200
    assert agent.browser.get(one).status_code == 200
    assert agent.browser.post(one, fields(owner)).status_code == 403
    assert agent.browser.get("/console/assistants/new/").status_code == 403
    for address in (one + "default/", one + "archive/"):
        assert agent.browser.post(address).status_code == 403
        assert make_person(Role.OWNER, elsewhere=True).browser.post(address).status_code == 404
    assert make_person(Role.OWNER, elsewhere=True).browser.get(one).status_code == 404
    assert make_person().browser.get(one).status_code == 403
    assert client.get(one).status_code == 302

"""What a workspace decides about temporary chats: on the page, by the API, and in the chat."""

from __future__ import annotations

import json

import pytest

from chatplatform.accounts.models import Role
from chatplatform.audit.models import AuditEvent
from chatplatform.chat.temporary.ids import new_temporary_id
from chatplatform.chat.temporary.policy import Mode, Policy, current_policy
from chatplatform.common.scope import workspace_scope
from tests.integration.web.conftest import MakePerson, Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"])

PAGE = "/console/temporary-chats/"
API = "/api/temporary-chats/policy"


def held(someone: Someone) -> Policy:
    with workspace_scope(someone.workspace.id):
        return current_policy()


def data_of(someone: Someone, path: str = "/") -> dict[str, bool]:
    page = someone.browser.get(path).text
    found: dict[str, bool] = json.loads(
        page.split('id="page-data"')[1].split(">", 1)[1].split("</script>")[0]
    )["temporary"]
    return found


def test_they_are_offered_until_somebody_decides(owner: Someone, make_person: MakePerson) -> None:
    member = make_person(Role.MEMBER)
    assert held(owner) == Policy()
    assert data_of(member) == {"offered": True, "enforced": False}
    assert owner.browser.post(PAGE, {"mode": "not_offered", "role": "member"}).status_code == 302
    assert held(owner) == Policy(Mode.NOT_OFFERED)
    assert data_of(member) == {"offered": False, "enforced": False}
    event = AuditEvent.objects.get(code="chat.temporary.policy_changed")
    assert event.actor_id == str(owner.user.id)


def test_every_chat_is_temporary_for_some_roles(owner: Someone, make_person: MakePerson) -> None:
    member = make_person(Role.MEMBER)
    owner.browser.post(PAGE, {"mode": "enforced", "role": ["member", "support_agent"]})
    assert held(owner).roles == {Role.MEMBER, Role.SUPPORT_AGENT}
    assert data_of(member) == {"offered": True, "enforced": True}
    assert data_of(owner) == {"offered": True, "enforced": False}
    page = owner.browser.get(PAGE).text
    assert page.count(" checked") == 3
    owner.browser.post(PAGE, {"mode": "enforced"})
    assert data_of(owner) == {"offered": True, "enforced": True}


def test_what_does_not_exist_is_not_decided(owner: Someone) -> None:
    for wrong in ({"mode": "perhaps"}, {"mode": "enforced", "role": "king"}, {}):
        assert owner.browser.post(PAGE, wrong).status_code == 400
    assert held(owner) == Policy()


def test_programs_decide_it_too(owner: Someone) -> None:
    answer = owner.browser.put(
        API, {"mode": "enforced", "roles": ["member"]}, content_type="application/json"
    )
    assert answer.json() == {"mode": "enforced", "roles": ["member"]}
    assert owner.browser.get(API).json() == answer.json()
    wrong = owner.browser.put(API, {"mode": "never"}, content_type="application/json")
    assert wrong.status_code == 422


def test_the_page_of_a_temporary_chat_asks_no_row(owner: Someone) -> None:
    page = owner.browser.get(f"/c/{new_temporary_id()}/")
    assert page.status_code == 200
    assert '"snapshot": null' in page.text or '"snapshot":null' in page.text

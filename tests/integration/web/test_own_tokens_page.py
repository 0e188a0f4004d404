"""One's own API tokens in the browser: made once, shown once, revoked, and only one's own."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from chatplatform.accounts.api_tokens import Scope, authenticate, make_token
from chatplatform.accounts.models import ApiToken, Role
from chatplatform.common.actors import Actor
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.usage.models import QuotaRule, Unit, Window
from chatplatform.usage.services import set_rule
from tests.integration.web.conftest import MakePerson, Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"])

PAGE = "/settings/tokens/"


def make(someone: Someone, **fields: object) -> str:
    answer = someone.browser.post(PAGE, {"name": "CI", "lifetime": "90", "scopes": ["chat"], **fields})
    assert answer.status_code == 200
    found = re.search(r"data-secret>(cp_\w+)<", answer.content.decode())
    assert found
    return found[1]


def test_the_secret_is_shown_once_and_opens(make_person: MakePerson) -> None:
    someone = make_person()
    secret = make(someone)
    holder = authenticate(secret)
    assert holder is not None
    assert holder.user == someone.user
    page = someone.browser.get(PAGE).content.decode()
    assert secret not in page
    assert secret[:9] in page
    assert "CI" in page


def test_a_token_that_never_ends_says_so(make_person: MakePerson) -> None:
    someone = make_person()
    make(someone, lifetime="never")
    assert "does not end" in someone.browser.get(PAGE).content.decode()


def test_revoking_ends_it(make_person: MakePerson) -> None:
    someone = make_person()
    secret = make(someone)
    with all_workspaces("test"):
        token_id = ApiToken.objects.get(user=someone.user).id
    assert someone.browser.get(f"{PAGE}{token_id}/revoke/").status_code == 405
    assert someone.browser.post(f"{PAGE}{token_id}/revoke/").status_code == 302
    assert authenticate(secret) is None
    assert secret[:9] not in someone.browser.get(PAGE).content.decode()


@pytest.mark.parametrize("elsewhere", [False, True])
def test_anothers_token_looks_like_a_missing_one(make_person: MakePerson, elsewhere: bool) -> None:
    mine, other = make_person(Role.OWNER), make_person(elsewhere=elsewhere)
    secret = make(other)
    with all_workspaces("test"):
        token_id = ApiToken.objects.get(user=other.user).id
    answers = [mine.browser.post(f"{PAGE}{each}/revoke/") for each in (token_id, uuid4())]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert authenticate(secret) is not None
    assert secret[:9] not in mine.browser.get(PAGE).content.decode()


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "n" * 101},
        {"scopes": []},
        {"scopes": ["audit.read"]},
        {"scopes": ["everything"]},
        {"lifetime": "-1"},
        {"lifetime": "99999999999"},
    ],
)
def test_what_is_wrong_is_said_beside_the_field(make_person: MakePerson, fields: dict[str, object]) -> None:
    someone = make_person()
    answer = someone.browser.post(PAGE, {"name": "CI", "lifetime": "90", "scopes": ["chat"], **fields})
    assert answer.status_code == 422
    assert "data-secret>" not in answer.content.decode()
    with all_workspaces("test"):
        assert not ApiToken.objects.exists()


def test_names_are_text(make_person: MakePerson) -> None:
    someone = make_person()
    make(someone, name='<img src=x onerror="1"> 令牌')
    page = someone.browser.get(PAGE).content.decode()
    assert "<img src=x" not in page
    assert "令牌" in page


def test_people_are_offered_what_their_role_has(make_person: MakePerson) -> None:
    assert make_person().browser.get(PAGE).content.decode().count('name="scopes"') == 1
    assert make_person(Role.OWNER).browser.get(PAGE).content.decode().count('name="scopes"') == len(Scope)


def test_limits_are_shown_where_there_are_some(make_person: MakePerson) -> None:
    someone = make_person()
    assert 'id="limits"' not in someone.browser.get(PAGE).content.decode()
    with workspace_scope(someone.workspace.id):
        set_rule(
            subject_kind=QuotaRule.Subject.PERSON,
            subject_id=someone.user.id,
            unit=Unit.TURNS,
            window=Window.DAY,
            limit=1500,
            actor=Actor.system("test"),
        )
    page = someone.browser.get(PAGE).content.decode()
    assert "1,500 answers a day" in page
    assert "1,500 left" in page


def test_too_many_tokens_are_refused_kindly(make_person: MakePerson, monkeypatch: pytest.MonkeyPatch) -> None:
    someone = make_person()
    monkeypatch.setattr("chatplatform.accounts.api_tokens.TOKENS_A_PERSON", 1)
    with workspace_scope(someone.workspace.id):
        make_token("First", [Scope.CHAT], expires_at=None, actor=Actor.person(someone.user.id))
    answer = someone.browser.post(PAGE, {"name": "CI", "lifetime": "90", "scopes": ["chat"]})
    assert answer.status_code == 429
    assert "Revoke one" in answer.content.decode()

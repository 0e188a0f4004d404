"""Single sign-on against a provider of our own that signs for real, and lies when told to."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings as django_settings
from django.test import Client
from pytest_django.fixtures import Settings

from chatplatform.accounts.groups import create_group
from chatplatform.accounts.models import GroupMembership, Membership, Role, User
from chatplatform.audit.models import AuditEvent
from chatplatform.common.clock import now
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.environment.single_sign_on import SingleSignOn, single_sign_on
from chatplatform.environment.variables import Environment
from chatplatform.testing.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    Claims,
    IdentityProviderFake,
    identity_provider_running,
)
from tests.integration.sign_in.conftest import SYSTEM, NewPerson, is_in

pytestmark = pytest.mark.django_db(databases=["default", "keys"], transaction=True)

BO = {"sub": "bo-1", "email": "bo@example.org", "email_verified": True, "name": "Bo Li", "groups": []}


@pytest.fixture
def bo(transactional_db: None, new_person: NewPerson) -> User:
    return new_person(password="")


@pytest.fixture
def provider(transactional_db: None, settings: Settings) -> Iterator[IdentityProviderFake]:
    with identity_provider_running(person=dict(BO)) as fake:
        settings.SINGLE_SIGN_ON = SingleSignOn(
            issuer=fake.issuer,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            name="Example",
            groups_claim="groups",
            allowed_domains=frozenset(),
            unknown_people="refuse",
            roles={},
        )
        yield fake


def set_up(settings: Settings, **changes: Any) -> None:
    settings.SINGLE_SIGN_ON = replace(settings.SINGLE_SIGN_ON, **changes)


def visitor() -> Client:
    return Client(HTTP_HOST=urlsplit(django_settings.PUBLIC_URL).netloc)


def begin(browser: Client, next_page: str = "") -> str:
    response = browser.get(f"/sign-in/sso/?next={next_page}")
    assert response.status_code == 302, response.content.decode()
    return str(response["Location"])


def back(browser: Client, address: str) -> Any:
    parts = urlsplit(address)
    return browser.get(f"{parts.path}?{parts.query}")


def come(provider: IdentityProviderFake, next_page: str = "") -> tuple[Client, Any]:
    browser = visitor()
    return browser, back(browser, provider.sign_in(begin(browser, next_page)))


def refused(provider: IdentityProviderFake) -> str:
    """Try to come in, which must fail; the reason in the audit log."""
    browser, response = come(provider)
    assert response.status_code in {401, 403}, response
    assert not is_in(browser)
    row = AuditEvent.objects.filter(code__in=("sign_in.refused", "accounts.sign_in.refused")).latest("id")
    return str(json.loads(row.details)["reason"])


def test_somebody_known_comes_in(bo: User, provider: IdentityProviderFake) -> None:
    browser, response = come(provider, "/settings/")
    assert response["Location"] == "/settings/"
    assert is_in(browser)
    assert '"method":"sso"' in AuditEvent.objects.get(code="accounts.signed_in").details
    again, _ = come(provider)
    assert is_in(again)


def test_the_button_is_there_only_where_it_works(db: None, settings: Settings) -> None:
    assert "/sign-in/sso/" not in Client().get("/sign-in/").content.decode()
    assert Client().get("/sign-in/sso/").status_code == 404
    assert Client().get("/sign-in/sso/callback/").status_code == 404


def test_a_changed_address_is_still_the_same_person(bo: User, provider: IdentityProviderFake) -> None:
    come(provider)
    provider.person["email"] = "bo.li@example.org"
    browser, _ = come(provider)
    assert is_in(browser)
    assert User.objects.filter(email__startswith="bo").count() == 1


def test_every_request_takes_the_door(bo: User, provider: IdentityProviderFake) -> None:
    come(provider)
    rows = AuditEvent.objects.filter(code="privacy.egress.requested")
    assert rows.count() == len(provider.asked) >= 3
    assert all('"purpose":"single_sign_on"' in row.details for row in rows)


def test_nothing_of_the_claims_is_kept(bo: User, provider: IdentityProviderFake) -> None:
    from allauth.socialaccount.models import SocialAccount, SocialToken

    come(provider)
    row = SocialAccount.objects.get()
    assert row.extra_data == {}
    assert "bo-1" not in row.uid
    assert not SocialToken.objects.exists()


@pytest.mark.parametrize("policy", ["refuse", "member"])
def test_somebody_unknown(
    owner: User, provider: IdentityProviderFake, settings: Settings, policy: Any
) -> None:
    set_up(settings, unknown_people=policy)
    provider.person |= {"sub": "new", "email": "new@example.org", "name": "新人"}
    if policy == "refuse":
        assert refused(provider) == "unknown"
        assert not User.objects.filter(email="new@example.org").exists()
    else:
        browser, _ = come(provider)
        assert is_in(browser)
        user = User.objects.get(email="new@example.org")
        assert (user.display_name, user.memberships.get().role) == ("新人", Role.MEMBER)


def test_domains(bo: User, provider: IdentityProviderFake, settings: Settings) -> None:
    set_up(settings, allowed_domains=frozenset({"example.com"}))
    assert refused(provider) == "domain"
    set_up(settings, allowed_domains=frozenset({"example.org"}))
    assert is_in(come(provider)[0])


@pytest.mark.parametrize(
    "claims",
    [
        {"email": None},
        {"email": "not an address"},
        {"email": ["bo@example.org"]},
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "yes"},
        {"email": "bo@example.org\r\nx: y"},
        {"email": "x" * 250 + "@example.org"},
    ],
)
def test_an_address_that_nobody_vouches_for(bo: User, provider: IdentityProviderFake, claims: Claims) -> None:
    provider.person |= claims
    assert refused(provider) == "no_verified_email"


def test_a_suspended_person(bo: User, provider: IdentityProviderFake) -> None:
    Membership.objects.filter(user=bo).update(suspended_at=now())
    assert refused(provider) == "suspended"


def changed(**claims: Any) -> Callable[[Claims], None]:
    return lambda known: known.update(claims)


def without(name: str) -> Callable[[Claims], None]:
    return lambda known: known.pop(name)


def unsigned(claims: Claims, provider: IdentityProviderFake) -> str:
    return jwt.encode(claims, None, algorithm="none")


def by_somebody_else(claims: Claims, provider: IdentityProviderFake) -> str:
    return provider.signed(claims, rsa.generate_private_key(public_exponent=65537, key_size=2048))


def by_our_secret(claims: Claims, provider: IdentityProviderFake) -> str:
    return jwt.encode(claims, CLIENT_SECRET.ljust(32), algorithm="HS256", headers={"kid": "first"})


def by_the_public_key(claims: Claims, provider: IdentityProviderFake) -> str:
    """The old confusion: an HMAC whose secret is the published key."""
    secret = base64.b64encode(json.dumps(provider.public_key()).encode())
    return jwt.encode(claims, secret, algorithm="HS256", headers={"kid": "first"})


def by_an_unknown_key(claims: Claims, provider: IdentityProviderFake) -> str:
    return jwt.encode(claims, provider.key, algorithm="RS256", headers={"kid": "other"})


def cut_off(claims: Claims, provider: IdentityProviderFake) -> str:
    return provider.signed(claims).rpartition(".")[0] + "."


@pytest.mark.parametrize(
    "spoil",
    [
        changed(iss="https://evil.example"),
        changed(aud="somebody-else"),
        changed(aud=[CLIENT_ID, "somebody-else"]),
        changed(exp=int(time.time()) - 3600),
        changed(iat=int(time.time()) + 3600),
        changed(nonce="another"),
        changed(sub=""),
        changed(sub=17),
        changed(exp="soon"),
        without("nonce"),
        without("exp"),
        without("sub"),
        without("aud"),
        without("iss"),
    ],
)
def test_a_token_that_is_not_right(bo: User, provider: IdentityProviderFake, spoil: Any) -> None:
    provider.spoil = spoil
    assert refused(provider) == "not_proved"


@pytest.mark.parametrize(
    "forge",
    [
        unsigned,
        by_somebody_else,
        by_our_secret,
        by_the_public_key,
        by_an_unknown_key,
        cut_off,
        lambda claims, provider: "",
        lambda claims, provider: "a.b.c",
        lambda claims, provider: None,
        lambda claims, provider: {"x": 1},
    ],
)
def test_a_token_that_is_not_theirs(bo: User, provider: IdentityProviderFake, forge: Any) -> None:
    provider.forge = forge
    assert refused(provider) == "not_proved"


def test_the_answer_of_another_issuer(bo: User, provider: IdentityProviderFake) -> None:
    provider.discovery = {"issuer": "https://evil.example"}
    browser = visitor()
    assert browser.get("/sign-in/sso/").status_code == 401


def test_a_provider_that_is_away(bo: User, provider: IdentityProviderFake, settings: Settings) -> None:
    set_up(settings, issuer="http://127.0.0.1:1")
    response = visitor().get("/sign-in/sso/")
    assert response.status_code == 401
    assert "did not work out" in response.content.decode()


def test_an_answer_works_once_and_in_its_own_browser(bo: User, provider: IdentityProviderFake) -> None:
    browser, other = visitor(), visitor()
    address = provider.sign_in(begin(browser))
    assert back(other, address).status_code == 401, "login forced on somebody else's browser"
    assert back(browser, address).status_code == 302
    browser.post("/sign-out/")
    assert back(browser, address).status_code == 401
    assert not is_in(browser)


@pytest.mark.parametrize(
    "query", ["", "?code=x", "?code=x&state=y", "?error=access_denied", "?state=", "?code="]
)
def test_an_answer_to_no_question(provider: IdentityProviderFake, query: str) -> None:
    assert visitor().get(f"/sign-in/sso/callback/{query}").status_code == 401


def test_who_changes_their_mind(bo: User, provider: IdentityProviderFake) -> None:
    browser = visitor()
    state = parse_qs(urlsplit(begin(browser)).query)["state"][0]
    response = browser.get(f"/sign-in/sso/callback/?error=access_denied&state={state}")
    assert response.status_code == 401
    assert "Sign in" in response.content.decode()


def test_the_question_cannot_be_bent(bo: User, provider: IdentityProviderFake) -> None:
    """Parameters of the visitor's do not reach the provider, and a foreign target is not followed."""
    bent = "/sign-in/sso/?next=//evil.example&auth_params=redirect_uri%3Dhttps://evil.example&scope=admin&process=connect"
    browser = visitor()
    address = str(browser.get(bent)["Location"])
    assert "evil" not in address
    assert "admin" not in address
    assert back(browser, provider.sign_in(address))["Location"] == "/"


def test_claims_may_come_from_userinfo(bo: User, provider: IdentityProviderFake) -> None:
    provider.in_userinfo = {"email", "email_verified", "groups", "name"}
    assert is_in(come(provider)[0])


def test_userinfo_of_somebody_else(bo: User, provider: IdentityProviderFake) -> None:
    provider.in_userinfo = {"email", "email_verified"}
    provider.spoil = changed(sub="somebody-else")
    assert refused(provider) == "not_proved"


def groups_of(user: User) -> set[str]:
    with all_workspaces("test"):
        return set(
            GroupMembership.objects.filter(membership__user=user).values_list("group__name", flat=True)
        )


def test_groups_follow_at_each_sign_in(bo: User, owner: User, provider: IdentityProviderFake) -> None:
    with workspace_scope(owner.memberships.get().workspace_id):
        for name, external in (("Staff", "/staff"), ("Editors", "/editors"), ("By hand", "")):
            create_group(name, external_name=external, actor=SYSTEM)
    provider.person["groups"] = ["/staff", "/unknown", 17, "", "x" * 300]
    come(provider)
    assert groups_of(bo) == {"Staff"}
    provider.person["groups"] = "/editors"
    come(provider)
    assert groups_of(bo) == {"Editors"}
    provider.person.pop("groups")
    come(provider)
    assert groups_of(bo) == set()
    assert AuditEvent.objects.filter(code="sign_in.groups.followed").count() == 3


def test_roles_follow_where_they_are_mapped(
    bo: User, owner: User, provider: IdentityProviderFake, settings: Settings
) -> None:
    def role() -> str:
        return Membership.objects.get(user=bo).role

    provider.person["groups"] = ["admins", "staff"]
    come(provider)
    assert role() == Role.MEMBER, "nothing is mapped yet"
    set_up(settings, roles={"admins": "administrator", "staff": "support_agent"})
    come(provider)
    assert role() == Role.ADMINISTRATOR
    provider.person["groups"] = ["staff"]
    come(provider)
    assert role() == Role.SUPPORT_AGENT
    provider.person["groups"] = []
    come(provider)
    assert role() == Role.MEMBER


def test_an_owner_stays_one(owner: User, provider: IdentityProviderFake, settings: Settings) -> None:
    User.objects.filter(pk=owner.pk).update(email="bo@example.org")
    set_up(settings, roles={"admins": "administrator"})
    provider.person["groups"] = ["admins"]
    come(provider)
    assert owner.memberships.get().role == Role.OWNER


def test_codes_are_asked_for_after_single_sign_on(bo: User, provider: IdentityProviderFake) -> None:
    from tests.integration.sign_in.conftest import come_in_by_link
    from tests.integration.sign_in.test_one_time_codes import code_of, turn_on

    secret, _ = turn_on(come_in_by_link(bo))
    browser, response = come(provider)
    assert response["Location"] == "/sign-in/code/"
    assert not is_in(browser)
    assert browser.post("/sign-in/code/", {"code": code_of(secret)}).status_code == 302
    assert is_in(browser)


def test_settings() -> None:
    known = single_sign_on(
        Environment(
            oidc_issuer="https://id.example.org/",
            oidc_client_id="x",
            oidc_roles="a=b=member,staff=owner",
            oidc_allowed_domains="@Example.ORG",
        )
    )
    assert known is not None
    assert known.issuer == "https://id.example.org"
    assert dict(known.roles) == {"a=b": "member", "staff": "owner"}
    assert known.allowed_domains == {"example.org"}
    assert single_sign_on(Environment()) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"oidc_issuer": "id.example.org", "oidc_client_id": "x"},
        {"oidc_issuer": "https://id.example.org"},
        {"oidc_issuer": "https://id.example.org", "oidc_client_id": "x", "oidc_roles": "staff=king"},
        {"oidc_issuer": "https://id.example.org", "oidc_client_id": "x", "oidc_roles": "staff"},
    ],
)
def test_settings_that_are_wrong(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="CHATPLATFORM_OIDC"):
        single_sign_on(Environment(**fields))

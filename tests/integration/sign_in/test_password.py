"""Signing in by password: who comes in, who is refused, and what that tells."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from chatplatform.accounts.models import Membership, User
from chatplatform.audit.models import AuditEvent
from chatplatform.common.clock import now
from chatplatform.common.scope import all_workspaces
from chatplatform.sign_in.limits import BY_ACCOUNT, BY_ADDRESS
from chatplatform.sign_in.models import AttemptCount
from tests.integration.sign_in.conftest import PASSWORD, NewPerson, come_in, come_in_by_link, is_in


def events(code: str) -> list[dict[str, object]]:
    return [json.loads(row.details) for row in AuditEvent.objects.filter(code=code).order_by("id")]


def attempt(email: str, password: str, browser: Client | None = None) -> tuple[int, str]:
    response = (browser or Client()).post("/sign-in/", {"email": email, "password": password})
    return response.status_code, response.content.decode().replace(email, "ADDRESS")


def test_the_right_password_comes_in(bo: User) -> None:
    browser = come_in()
    assert is_in(browser)
    assert events("accounts.signed_in") == [{"method": "password"}]


def test_the_address_in_other_letters(bo: User) -> None:
    assert is_in(come_in("BO@Example.ORG"))


def test_a_wrong_password_and_an_unknown_address_look_the_same(bo: User) -> None:
    wrong, unknown = (attempt(email, "no such password") for email in ("bo@example.org", "xx@example.org"))
    strip = "csrfmiddlewaretoken"
    assert wrong[0] == unknown[0] == 401
    assert wrong[1].split(strip)[0] == unknown[1].split(strip)[0]
    assert events("accounts.sign_in.refused") == [{"method": "password", "reason": "wrong"}]
    assert events("sign_in.refused") == [{"method": "password", "reason": "unknown"}]


def test_a_person_without_a_password_looks_the_same_too(new_person: NewPerson) -> None:
    new_person("link@example.org", password="")
    assert attempt("link@example.org", "anything at all")[0] == 401


@pytest.mark.parametrize("how", ["inactive", "suspended", "left"])
def test_who_may_not_come_in_is_refused_like_a_stranger(bo: User, how: str) -> None:
    if how == "inactive":
        User.objects.filter(pk=bo.pk).update(is_active=False)
    elif how == "suspended":
        Membership.objects.filter(user=bo).update(suspended_at=now())
    else:
        with all_workspaces("a test"):
            Membership.objects.filter(user=bo).delete()
    browser = Client()
    assert attempt(bo.email, PASSWORD, browser)[0] == 401
    assert not is_in(browser)


def test_a_new_session_key_and_nothing_of_the_old_one(bo: User) -> None:
    """Session fixation: a key that somebody knew before is worth nothing after."""
    browser = Client()
    browser.post("/sign-in/passkey/options/")
    before = browser.cookies["sessionid"].value
    browser.post("/sign-in/", {"email": bo.email, "password": PASSWORD})
    assert browser.cookies["sessionid"].value != before
    assert not Session.objects.filter(session_key=before).exists()


def test_too_many_for_one_account_from_anywhere(bo: User) -> None:
    for number in range(BY_ACCOUNT.most):
        assert attempt(bo.email, "wrong", Client(REMOTE_ADDR=f"10.0.0.{number}"))[0] == 401
    late = Client(REMOTE_ADDR="10.0.1.1").post("/sign-in/", {"email": bo.email, "password": PASSWORD})
    assert late.status_code == 429
    assert int(late["Retry-After"]) > 60
    assert {"method": "password", "reason": "too_many"} in events("accounts.sign_in.refused")
    # the door for those who are locked out this way stays open
    assert is_in(come_in_by_link(bo))


def test_an_unknown_account_is_limited_alike(owner: User) -> None:
    for _ in range(BY_ACCOUNT.most):
        attempt("nobody@example.org", "wrong")
    assert attempt("nobody@example.org", "wrong")[0] == 429


def test_too_many_from_one_address(bo: User) -> None:
    for number in range(BY_ADDRESS.most):
        attempt(f"person{number}@example.org", "wrong")
    assert attempt(bo.email, PASSWORD)[0] == 429
    assert attempt(bo.email, PASSWORD, Client(REMOTE_ADDR="10.0.0.9"))[0] == 302


def test_the_limit_passes(bo: User) -> None:
    for _ in range(BY_ACCOUNT.most + 1):
        attempt(bo.email, "wrong")
    AttemptCount.objects.update(resets_at=now() - timedelta(seconds=1))
    assert attempt(bo.email, PASSWORD)[0] == 302


def test_who_comes_in_does_not_use_the_limit_up(bo: User) -> None:
    for _ in range(BY_ACCOUNT.most + 3):
        come_in()


def test_counts_name_nobody(bo: User) -> None:
    attempt(bo.email, "wrong")
    assert not any(b"bo@" in bytes(row.key) for row in AttemptCount.objects.all())


def test_over_the_limit_the_log_does_not_grow(bo: User) -> None:
    for _ in range(BY_ACCOUNT.most + 1):
        attempt(bo.email, "wrong")
    before = AuditEvent.objects.count()
    for _ in range(5):
        attempt(bo.email, "wrong")
    assert AuditEvent.objects.count() == before


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/%0d%0aSet-Cookie:x=1\r\nX: y",
        "http:///evil.example",
        "/\t/evil.example",
        "settings/",
        "/" + "x" * 3000,
    ],
)
def test_a_foreign_target_is_not_followed(bo: User, target: str) -> None:
    response = Client().post("/sign-in/", {"email": bo.email, "password": PASSWORD, "next": target})
    assert response.status_code == 302
    assert response["Location"] == "/"
    assert "X" not in response.headers


def test_a_page_of_ours_is(bo: User) -> None:
    form = {"email": bo.email, "password": PASSWORD, "next": "/settings/?x=1"}
    assert Client().post("/sign-in/", form)["Location"] == "/settings/?x=1"


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"email": "", "password": ""},
        {"email": "not an address", "password": "x"},
        {"email": "a@b.example\r\nBcc: c@d.example", "password": "x"},
        {"email": "x" * 250 + "@example.org", "password": "x"},
        {"email": "bo@example.org\0", "password": "x"},
        {"email": "bo@example.org", "password": "x" * 257},
        {"email": "bo@example.org", "password": "a\0b"},
    ],
)
def test_nonsense_is_said_to_be_so(bo: User, form: dict[str, str]) -> None:
    assert Client().post("/sign-in/", form).status_code == 422


@pytest.mark.parametrize(
    "email", ["bö@example.org", "bo@müller.example", "李@example.org", "bo@例え.example"]
)
def test_addresses_in_other_scripts(bo: User, email: str) -> None:
    assert attempt(email, "wrong")[0] in {401, 422}


def test_the_form_needs_its_token(bo: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    assert browser.post("/sign-in/", {"email": bo.email, "password": PASSWORD}).status_code == 403


@pytest.mark.parametrize(
    "path",
    ["/accounts/login/", "/accounts/signup/", "/signup/", "/accounts/password/reset/", "/accounts/email/",
     "/accounts/2fa/", "/accounts/3rdparty/", "/login/", "/accounts/confirm-email/x/"],
)  # fmt: skip
def test_no_page_of_the_library_is_routed(db: None, path: str) -> None:
    assert Client().get(path).status_code == 404

"""Choosing and changing one's password, and the proof that is asked for before."""

from __future__ import annotations

import pytest
from django.test import Client

from chatplatform.accounts.models import User
from chatplatform.audit.models import AuditEvent
from chatplatform.sign_in.arrivals import CONFIRMED_FOR_S, CONFIRMED_SESSION_KEY
from tests.integration.sign_in.conftest import PASSWORD, NewPerson, come_in, come_in_by_link, is_in

NEW = "nine dry tents in a circle"
PAGE = "/settings/security/password/"


def change(browser: Client, password: str = NEW, again: str | None = None) -> int:
    return browser.post(
        PAGE, {"password": password, "again": password if again is None else again}
    ).status_code


def age(browser: Client) -> None:
    """Let the proof of this session be too old."""
    session = browser.session
    session[CONFIRMED_SESSION_KEY] -= CONFIRMED_FOR_S + 1
    session.save()


def test_after_the_link_a_password(new_person: NewPerson) -> None:
    user = new_person("link@example.org", password="")
    browser = come_in_by_link(user)
    assert change(browser) == 302
    assert is_in(browser), "the session in which it was set goes on"
    assert is_in(come_in("link@example.org", NEW))
    assert AuditEvent.objects.filter(code="sign_in.password.set").count() == 1


def test_a_change_ends_the_other_sessions(bo: User) -> None:
    here, there = come_in(), come_in()
    assert change(here) == 302
    assert is_in(here)
    assert not is_in(there)
    assert AuditEvent.objects.filter(code="sign_in.password.changed").count() == 1
    assert AuditEvent.objects.filter(code="sign_in.sessions.ended").count() == 1
    assert Client().post("/sign-in/", {"email": bo.email, "password": PASSWORD}).status_code == 401


@pytest.mark.parametrize(
    "password", ["short", "1234567890123", "password12", "bo@example.org", "x" * 300, ""]
)
def test_a_weak_password_is_refused(bo: User, password: str) -> None:
    browser = come_in()
    assert change(browser, password) == 422
    bo.refresh_from_db()
    assert bo.check_password(PASSWORD)


def test_two_that_differ(bo: User) -> None:
    assert change(come_in(), NEW, NEW + "!") == 422


def test_passwords_in_any_script(bo: User) -> None:
    browser = come_in()
    assert change(browser, "山高水長天地玄黃宇宙") == 302
    assert is_in(come_in(password="山高水長天地玄黃宇宙"))


def test_an_old_session_proves_itself_first(bo: User) -> None:
    browser = come_in()
    age(browser)
    response = browser.get(PAGE)
    assert response["Location"] == "/settings/security/confirm/?next=%2Fsettings%2Fsecurity%2Fpassword%2F"
    assert change(browser) == 302
    bo.refresh_from_db()
    assert bo.check_password(PASSWORD), "nothing is changed without the proof"

    confirm = response["Location"]
    assert browser.post(confirm, {"password": "wrong one here"}).status_code == 401
    assert browser.post(confirm, {"password": PASSWORD})["Location"] == PAGE
    assert change(browser) == 302
    bo.refresh_from_db()
    assert bo.check_password(NEW)
    assert AuditEvent.objects.filter(code="sign_in.confirmed").count() == 1
    assert AuditEvent.objects.filter(code="sign_in.confirm.refused").count() == 1


def test_the_proof_is_limited(bo: User) -> None:
    browser = come_in()
    age(browser)
    answers = [browser.post("/settings/security/confirm/", {"password": "x"}).status_code for _ in range(12)]
    assert answers[0] == 401
    assert answers[-1] == 429


def test_the_proof_leads_nowhere_else(bo: User) -> None:
    browser = come_in()
    response = browser.get("/settings/security/confirm/?next=//evil.example/")
    assert response["Location"] == "/settings/security/"


def test_strangers_are_sent_to_sign_in(db: None) -> None:
    for path in ("", "confirm/", "password/", "codes/"):
        assert Client().get(f"/settings/security/{path}")["Location"].startswith("/sign-in/")


def test_passwords_are_argon2id(bo: User) -> None:
    assert bo.password.startswith("argon2$argon2id$")

"""The list of one's sessions, and ending them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client

from chatplatform.accounts.models import User
from chatplatform.common.clock import now
from chatplatform.sign_in.chores import forget_what_is_over
from chatplatform.sign_in.sessions import device_of, sessions_of
from tests.integration.sign_in.conftest import NewPerson, come_in, come_in_by_link, is_in

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Safari/604.1"


def test_the_list_says_what_and_where(bo: User) -> None:
    browser, phone = come_in(user_agent=FIREFOX), come_in(user_agent=PHONE)
    page = browser.get("/settings/security/").content.decode()
    assert "Firefox on Linux" in page
    assert "Safari on iPhone" in page
    assert "127.0.0.1" in page
    first, second = sessions_of(bo, current_key=browser.session.session_key)
    assert (first.is_this, second.is_this) == (True, False)
    assert phone.session.session_key not in page, "a session key lets its reader in"


def test_ending_one(bo: User) -> None:
    here, there = come_in(), come_in()
    other = UserSession.objects.get(session_key=there.session.session_key)
    assert here.post(f"/settings/security/sessions/{other.pk}/end/").status_code == 302
    assert is_in(here)
    assert not is_in(there)
    assert not Session.objects.filter(session_key=other.session_key).exists()
    assert here.post(f"/settings/security/sessions/{other.pk}/end/").status_code == 404


def test_ending_all_others(bo: User) -> None:
    here, *others = come_in(), come_in(), come_in_by_link(bo)
    here.post("/settings/security/sessions/end-others/")
    assert is_in(here)
    assert not any(is_in(browser) for browser in others)


def test_nobody_ends_anothers(bo: User, new_person: NewPerson) -> None:
    new_person("li@example.org")
    mine, theirs = come_in("li@example.org"), come_in()
    row = UserSession.objects.get(session_key=theirs.session.session_key)
    missing = mine.post("/settings/security/sessions/999999/end/")
    foreign = mine.post(f"/settings/security/sessions/{row.pk}/end/")
    assert missing.status_code == foreign.status_code == 404
    assert is_in(theirs)


def test_a_link_must_not_end_sessions(bo: User) -> None:
    browser = come_in()
    assert browser.get("/settings/security/sessions/end-others/").status_code == 405


def test_last_use_moves_at_most_once_a_minute(bo: User) -> None:
    browser = come_in()
    row = UserSession.objects.get()
    UserSession.objects.update(last_seen_at=now() - timedelta(hours=1))
    browser.get("/settings/")
    noted = UserSession.objects.get(pk=row.pk).last_seen_at
    assert now() - noted < timedelta(minutes=1)
    UserSession.objects.update(last_seen_at=now() - timedelta(hours=1))
    browser.get("/settings/")
    assert now() - UserSession.objects.get(pk=row.pk).last_seen_at > timedelta(minutes=59)


def test_what_expired_goes(bo: User) -> None:
    browser = come_in()
    Session.objects.update(expire_date=now() - timedelta(seconds=1))
    assert sessions_of(bo, current_key=browser.session.session_key) == []
    forget_what_is_over()
    assert not UserSession.objects.exists()
    assert not Session.objects.exists()


@pytest.mark.parametrize("agent", ["", "x" * 5000, "\x00\x01<script>", "名前", "curl/8"])
def test_strange_names_of_browsers(bo: User, agent: str) -> None:
    browser = come_in(user_agent=agent)
    assert browser.get("/settings/security/").status_code == 200


def test_a_socket_without_an_address(bo: User) -> None:
    browser = Client(REMOTE_ADDR="")
    form = {"email": bo.email, "password": "seven wet tents in a row"}
    assert browser.post("/sign-in/", form).status_code == 302
    assert browser.get("/settings/security/").status_code == 200


def test_devices() -> None:
    assert device_of(FIREFOX) == "Firefox on Linux"
    assert device_of(PHONE) == "Safari on iPhone"
    assert device_of("curl/8") == "Unknown device"

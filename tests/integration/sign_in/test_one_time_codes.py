"""One-time codes: asked for after the password, kept encrypted, each good for once."""

from __future__ import annotations

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client

from chatplatform.accounts.models import User
from chatplatform.audit.models import AuditEvent
from chatplatform.privacy.content import ContentUnreadable
from chatplatform.privacy.services import destroy_key
from chatplatform.privacy.subjects import Subject
from chatplatform.sign_in.one_time_codes import use_code
from tests.integration.sign_in.conftest import (
    PASSWORD,
    SYSTEM,
    NewPerson,
    come_in,
    come_in_by_link,
    is_in,
)

pytestmark = pytest.mark.django_db(databases=["default", "keys"], transaction=True)
PAGE = "/settings/security/codes/"


@pytest.fixture
def bo(transactional_db: None, new_person: NewPerson) -> User:
    return new_person()


def code_of(secret: str, *, steps: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def turn_on(browser: Client) -> tuple[str, list[str]]:
    """The secret and the recovery codes."""
    page = browser.get(PAGE).content.decode()
    found = re.search(r'<code class="command">([A-Z2-7 ]+)</code>', page)
    assert found, page
    secret = found[1].replace(" ", "")
    # the code before this one, so that the next ones are fresh
    response = browser.post(PAGE, {"code": code_of(secret, steps=-1)})
    assert response.status_code == 200, response.content.decode()
    codes = re.findall(r"<li><code>([\d ]+)</code></li>", response.content.decode())
    return secret, [code.replace(" ", "") for code in codes]


def by_password(email: str = "bo@example.org") -> Client:
    browser = Client()
    response = browser.post("/sign-in/", {"email": email, "password": PASSWORD, "next": "/settings/"})
    assert response["Location"] == "/sign-in/code/"
    return browser


def test_the_code_is_asked_for_after_the_password(bo: User) -> None:
    secret, _recovery = turn_on(come_in())
    browser = by_password()
    assert not is_in(browser), "the password alone is not enough"
    assert browser.get("/sign-in/code/").status_code == 200
    assert browser.post("/sign-in/code/", {"code": "000000"}).status_code == 401
    response = browser.post("/sign-in/code/", {"code": code_of(secret)})
    assert response["Location"] == "/settings/", "and then on to where they wanted"
    assert is_in(browser)
    last = AuditEvent.objects.filter(code="accounts.signed_in").latest("id")
    assert "password+totp" in last.details


def test_a_code_works_once(bo: User) -> None:
    secret, _ = turn_on(come_in())
    code = code_of(secret)
    first, second = by_password(), by_password()
    assert first.post("/sign-in/code/", {"code": code}).status_code == 302
    assert second.post("/sign-in/code/", {"code": code}).status_code == 401
    assert not is_in(second)


def test_the_code_that_turned_it_on_signs_nobody_in(bo: User) -> None:
    secret, _ = turn_on(come_in())
    assert use_code(bo, code_of(secret, steps=-1)) is None


def test_recovery_codes_work_once_each(bo: User) -> None:
    _secret, recovery = turn_on(come_in())
    assert len(set(recovery)) == 10
    browser = by_password()
    assert browser.post("/sign-in/code/", {"code": recovery[3]}).status_code == 302
    assert by_password().post("/sign-in/code/", {"code": recovery[3]}).status_code == 401
    assert "9 recovery codes are left" in browser.get("/settings/security/").content.decode()
    renewed = browser.post("/settings/security/codes/recovery/").content.decode()
    assert recovery[4] not in renewed.replace(" ", "")
    assert by_password().post("/sign-in/code/", {"code": recovery[4]}).status_code == 401


def test_codes_cannot_be_guessed(bo: User) -> None:
    secret, _ = turn_on(come_in())
    browser = by_password()
    answers = [browser.post("/sign-in/code/", {"code": f"{n:06}"}).status_code for n in range(12)]
    assert answers.count(429) >= 1
    assert browser.post("/sign-in/code/", {"code": code_of(secret)}).status_code == 429


def test_the_link_of_who_runs_the_place_needs_no_code(bo: User) -> None:
    turn_on(come_in())
    assert is_in(come_in_by_link(bo)), "the way back in when the phone is lost"


def test_turning_it_off(bo: User) -> None:
    browser = come_in()
    turn_on(browser)
    assert browser.post("/settings/security/codes/off/").status_code == 302
    assert not Authenticator.objects.exists()
    assert is_in(come_in())
    rows = AuditEvent.objects.filter(code__startswith="sign_in.").order_by("id")
    codes = list(rows.values_list("code", flat=True))
    assert codes == ["sign_in.codes.on", "sign_in.recovery_codes.made", "sign_in.codes.off"]


def test_secrets_are_encrypted_for_their_person(bo: User) -> None:
    secret, recovery = turn_on(come_in())
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in stored
    assert not any(code in stored for code in recovery)


def test_the_secret_in_the_session_is_encrypted_too(bo: User) -> None:
    browser = come_in()
    page = browser.get(PAGE).content.decode()
    secret = re.search(r'<code class="command">([A-Z2-7 ]+)</code>', page)
    assert secret
    assert secret[1].replace(" ", "") not in str(dict(browser.session.items()))


def test_erasing_the_person_ends_their_secrets(bo: User) -> None:
    secret, _ = turn_on(come_in())
    destroy_key(Subject.person(bo.id), actor=SYSTEM)
    response = by_password().post("/sign-in/code/", {"code": code_of(secret)})
    assert response.status_code == 404


def test_a_secret_put_in_anothers_place_is_refused(bo: User, new_person: NewPerson) -> None:
    secret, _ = turn_on(come_in())
    li = new_person("li@example.org")
    Authenticator.objects.filter(type="totp").update(user=li)
    with pytest.raises(ContentUnreadable):
        use_code(li, code_of(secret))


@pytest.mark.parametrize("code", ["", " ", "x" * 21, "１２３４５６", "12345\0", "-1"])
def test_nonsense_is_refused(bo: User, code: str) -> None:
    turn_on(come_in())
    browser = by_password()
    assert browser.post("/sign-in/code/", {"code": code}).status_code in {401, 422}
    assert not is_in(browser)


def test_the_second_step_without_the_first(bo: User) -> None:
    assert Client().get("/sign-in/code/")["Location"] == "/sign-in/"
    assert Client().post("/sign-in/code/", {"code": "123456"})["Location"] == "/sign-in/"


def test_a_wrong_code_turns_nothing_on(bo: User) -> None:
    browser = come_in()
    browser.get(PAGE)
    assert browser.post(PAGE, {"code": "000000"}).status_code == 400
    assert not Authenticator.objects.exists()

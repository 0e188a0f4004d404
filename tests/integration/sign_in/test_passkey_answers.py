"""What is no passkey of this session is refused. With a real authenticator: tests/browser/test_sign_in.py."""

from __future__ import annotations

import base64
import json

import pytest
from django.test import Client

from chatplatform.accounts.models import User
from tests.integration.sign_in.conftest import come_in, is_in

ORIGIN = {"HTTP_HOST": "localhost:8000"}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(user: User, **changes: object) -> dict[str, object]:
    client = {"type": "webauthn.get", "challenge": "AAAA", "origin": "http://localhost:8000"}
    return {
        "id": b64(b"key"),
        "rawId": b64(b"key"),
        "type": "public-key",
        "clientExtensionResults": {},
        "response": {
            "clientDataJSON": b64(json.dumps(client).encode()),
            "authenticatorData": b64(bytes(37)),
            "signature": b64(b"signature"),
            "userHandle": b64(user.id.hex.encode()),
        },
    } | changes


def answer(browser: Client, body: object) -> int:
    text = body if isinstance(body, str) else json.dumps(body)
    return browser.post("/sign-in/passkey/", text, content_type="application/json").status_code


def test_options_name_the_host_and_nobody(bo: User) -> None:
    options = Client(**ORIGIN).post("/sign-in/passkey/options/").json()["publicKey"]
    assert options["rpId"] == "localhost"
    assert options["userVerification"] == "required"
    assert not options.get("allowCredentials")


def test_a_forged_answer(bo: User) -> None:
    browser = Client(**ORIGIN)
    browser.post("/sign-in/passkey/options/")
    assert answer(browser, {"credential": forged(bo)}) == 400
    assert not is_in(browser)


def test_an_answer_without_a_question(bo: User) -> None:
    assert answer(Client(**ORIGIN), {"credential": forged(bo)}) == 400


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "null",
        "{",
        '"x"',
        {},
        {"credential": None},
        {"credential": []},
        {"credential": {"response": "x"}},
        {"credential": {}, "extra": 1},
        '"\\ud83d"',
    ],
)
def test_malformed_answers(bo: User, body: object) -> None:
    browser = Client(**ORIGIN)
    browser.post("/sign-in/passkey/options/")
    assert answer(browser, body) == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "***"},
        {"type": "password"},
        {"rawId": "x" * 3000},
        {
            "response": {
                "clientDataJSON": "e30",
                "authenticatorData": "AA",
                "signature": "AA",
                "userHandle": "AA",
            }
        },
        {
            "response": {
                "clientDataJSON": "AA",
                "authenticatorData": "AA",
                "signature": "AA",
                "userHandle": "",
            }
        },
        {"clientExtensionResults": {"credProps": "x"}},
    ],
)
def test_damaged_answers(bo: User, changes: dict[str, object]) -> None:
    browser = Client(**ORIGIN)
    browser.post("/sign-in/passkey/options/")
    assert answer(browser, {"credential": forged(bo, **changes)}) == 400


def test_a_forged_new_passkey(bo: User) -> None:
    browser = come_in()
    options = browser.post("/settings/security/passkeys/options/")
    assert options.status_code == 200
    made = forged(bo) | {"response": {"clientDataJSON": "e30", "attestationObject": "AA"}}
    body = json.dumps({"name": "x", "credential": made})
    assert (
        browser.post("/settings/security/passkeys/", body, content_type="application/json").status_code == 400
    )


def test_nobody_removes_anothers(bo: User) -> None:
    assert come_in().post("/settings/security/passkeys/12345/remove/").status_code == 404


def test_on_a_number_the_page_says_where_passkeys_work(bo: User) -> None:
    page = Client(HTTP_HOST="127.0.0.1:8000").get("/sign-in/").content.decode()
    assert 'href="http://localhost:8000/sign-in/"' in page
    assert "data-passkey=" not in page
    browser = come_in()
    offered = browser.post("/settings/security/passkeys/by-name/", headers={"host": "127.0.0.1:8000"})
    assert "http://localhost:8000/sign-in/" in offered.content.decode()

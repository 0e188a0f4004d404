"""Error pages: the right status, a way on, nothing about our insides."""

from __future__ import annotations

import pytest
from django.db import DatabaseError
from django.test import Client

from chatplatform.common.errors import Unavailable
from tests.integration.web.conftest import Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"])


def test_not_found(member: Someone) -> None:
    page = member.browser.get("/nothing/")
    assert page.status_code == 404
    assert "There is nothing here" in page.text
    assert 'href="/"' in page.text


def test_in_the_browsers_language(db: None) -> None:
    page = Client().get("/nothing/", headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert "这里什么也没有" in page.text


def test_a_defect_shows_no_traceback(member: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("chatplatform.web.views.chat.conversation_page", broken)
    member.browser.raise_request_exception = False
    page = member.browser.get("/")
    assert page.status_code == 500
    assert "secret detail" not in page.text
    assert "Something broke on our side" in page.text


def test_an_expected_error_keeps_its_status_and_words(
    member: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*args: object, **kwargs: object) -> None:
        raise Unavailable("keys_unavailable", "The key store cannot be reached.")

    monkeypatch.setattr("chatplatform.web.views.chat.conversation_page", down)
    page = member.browser.get("/")
    assert page.status_code == 503
    assert "The key store cannot be reached." in page.text
    assert member.browser.get("/", headers={"accept": "application/json"}).json() == {
        "code": "keys_unavailable",
        "message": "The key store cannot be reached.",
    }


def test_health_tells_when_the_database_is_gone(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Client().get("/healthz").json() == {"status": "ok"}

    class Gone:
        def cursor(self) -> None:
            raise DatabaseError("path of the database")

    monkeypatch.setattr("chatplatform.web.views.health.connection", Gone())
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})

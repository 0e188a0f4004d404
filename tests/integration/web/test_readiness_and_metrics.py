"""/readyz and /metrics as load balancers and Prometheus see them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.db import OperationalError
from django.test import Client
from pytest_django.fixtures import Settings

from chatplatform.chat import process
from chatplatform.health import readiness
from chatplatform.health.readiness import Readiness
from chatplatform.privacy.data_keys import forget_all
from tests.integration.web.conftest import Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"])
LINE = re.compile(r'[a-z_]+\{(?:[a-z_]+="[^"\\]*",?)*\} (?:[0-9.e+-]+|\+Inf)')


@pytest.fixture(autouse=True)
def _asked_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("chatplatform.web.views.health.READINESS", Readiness())
    monkeypatch.setattr(readiness, "KEPT_S", 0.0)
    yield
    forget_all()


def _reasons(client: Client) -> list[str]:
    answer = client.get("/readyz")
    body = answer.json()
    assert (answer.status_code == 200) == (body["status"] == "ready")
    assert answer.status_code in (200, 503)
    return list(body.get("reasons", []))


def test_without_a_chat_nobody_is_taken(client: Client) -> None:
    assert _reasons(client) == ["chat"]


def test_ready_and_draining(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_current", object())
    assert _reasons(client) == []
    monkeypatch.setattr(process, "_leaving", True)
    assert _reasons(client) == ["draining"]


def test_a_wrong_master_key_is_named_and_not_shown(client: Client, settings: Settings) -> None:
    assert "key_store" not in _reasons(client)
    settings.MASTER_KEY = "nonsense-nonsense"
    answer = client.get("/readyz")
    assert "key_store" in answer.json()["reasons"]
    assert b"nonsense" not in answer.content


def test_a_database_that_is_down(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def cursor(self) -> None:
            raise OperationalError("password=hunter2")

    monkeypatch.setattr(readiness, "connection", Gone())
    answer = client.get("/readyz")
    assert answer.json()["reasons"] == ["database", "chat"]
    assert b"hunter2" not in answer.content


def test_missing_migrations(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "databases_are_current", lambda: False)
    assert "migrations" in _reasons(client)


def test_metrics_are_prometheus_text(client: Client, member: Someone) -> None:
    member.browser.get("/")
    client.get("/nothing/")
    answer = client.get("/metrics", headers={"host": "127.0.0.1:8000"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = answer.content.decode().splitlines()
    assert [line for line in lines if not line.startswith("# ") and not LINE.fullmatch(line)] == []
    text = "\n".join(lines)
    assert 'chatplatform_http_requests_total{process="command:8000",route="page",status="2xx"}' in text
    assert 'route="none",status="4xx"' in text
    assert 'chatplatform_jobs{process="command:8000",state="dead"} 0' in text
    assert str(member.user.id) not in text
    assert member.user.email not in text


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("203.0.113.7", {"host": "localhost"}),
        ("127.0.0.1", {"host": "chat.example.org"}),
        ("127.0.0.1", {"host": "localhost", "x-forwarded-for": "127.0.0.1"}),
        ("127.0.0.1", {"host": "localhost", "forwarded": "for=127.0.0.1"}),
        ("127.0.0.1", {"host": "localhost", "via": "1.1 proxy"}),
        ("", {"host": "localhost"}),
    ],
)
def test_who_comes_from_elsewhere_finds_nothing(
    client: Client, settings: Settings, address: str, headers: dict[str, str]
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert client.get("/metrics", headers=headers, REMOTE_ADDR=address).status_code == 404


def test_the_token_opens_it_from_anywhere(client: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"metrics_token": "a-long-token"})

    def status(authorization: str) -> int:
        headers = {"authorization": authorization, "host": "chat.example.org"}
        return client.get("/metrics", headers=headers, REMOTE_ADDR="203.0.113.7").status_code

    assert status("Bearer a-long-token") == 200
    for wrong in ("Bearer a-long-toke", "Bearer ", "", "Basic a-long-token", "Bearer ä-long-token"):
        assert status(wrong) == 404


def test_an_empty_token_opens_nothing(client: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    headers = {"authorization": "Bearer ", "host": "chat.example.org"}
    assert client.get("/metrics", headers=headers, REMOTE_ADDR="203.0.113.7").status_code == 404

"""The set-up page: live, and for strangers on this machine in general terms only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client

from tests.integration.web.conftest import Someone

SECRET_PATH = "/home/ada/models"
STATUS: dict[str, Any] = {
    "updated_at": "2026-01-01T00:00:00Z",
    "phase": "installing",
    "steps": [
        {
            "id": "database",
            "title": "Set up the database",
            "state": "done",
            "fraction": 1.0,
            "detail": "",
            "cure": "",
        },
        {
            "id": "chat_model",
            "title": "Fetch the chat model",
            "state": "running",
            "fraction": 0.43,
            "detail": f"to {SECRET_PATH}",
            "cure": "",
        },
    ],
    "processes": [{"name": "web", "pid": 7, "state": "running", "restarts": 0, "last_error": SECRET_PATH}],
    "model": {"serving": None, "preferred": "big"},
}


pytestmark = pytest.mark.django_db(databases=["default", "keys"])


@pytest.fixture
def status_file() -> Iterator[Path]:
    path = Path(settings.DATA_DIR) / "run" / "status.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(STATUS))
    yield path
    path.unlink(missing_ok=True)


def test_the_owner_sees_details(owner: Someone, status_file: Path) -> None:
    page = owner.browser.get("/setup/").text
    assert "43 %" in page
    assert SECRET_PATH in page


def test_strangers_on_this_machine_see_general_terms(db: None, status_file: Path) -> None:
    for address in ("/setup/", "/setup/status"):
        answer = Client().get(address)
        assert answer.status_code == 200
        assert "Fetch the chat model" in answer.text
        assert SECRET_PATH not in answer.text


@pytest.mark.parametrize(
    "environ",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.7"},
        {"REMOTE_ADDR": ""},
    ],
)
def test_strangers_elsewhere_see_nothing(db: None, status_file: Path, environ: dict[str, str]) -> None:
    assert Client().get("/setup/", **environ).status_code == 404
    assert Client().get("/setup/status", **environ).status_code == 404


def test_a_first_start_shows_the_set_up_before_the_chat(owner: Someone, status_file: Path) -> None:
    assert owner.browser.get("/").headers["Location"] == "/setup/"
    status_file.write_text(json.dumps(STATUS | {"model": {"serving": "small", "preferred": "big"}}))
    assert owner.browser.get("/").status_code == 200
    assert owner.browser.get("/setup/status").json()["can_chat"] is True


def test_a_model_that_starts_is_announced_in_the_chat(owner: Someone, status_file: Path) -> None:
    status_file.write_text(json.dumps(STATUS | {"phase": "starting"}))
    assert "The model is not ready yet." in owner.browser.get("/").text


@pytest.mark.parametrize("content", ["", "{", "[]", '{"phase": "dancing"}', '{"updated_at": 1}', "\x00"])
def test_an_unreadable_status_stops_nobody(owner: Someone, status_file: Path, content: str) -> None:
    status_file.write_text(content)
    assert owner.browser.get("/").status_code == 200
    assert owner.browser.get("/setup/status").json()["phase"] == "ready"


def test_before_the_database_is_there(
    owner: Someone, status_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_table(request: object) -> None:
        raise OperationalError("no such table: django_session")

    monkeypatch.setattr("chatplatform.web.middleware._person", no_table)
    page = owner.browser.get("/settings/")
    assert page.status_code == 503
    assert page.headers["Retry-After"] == "2"
    assert 'http-equiv="refresh"' in page.text
    assert "no such table" not in page.text
    assert owner.browser.get("/setup/").status_code == 200, "who waits for the database sees the steps"

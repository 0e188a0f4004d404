"""The page of health: what the doctor knows, in the reader's language, and how the processes are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection

from chatplatform.accounts.models import Role
from chatplatform.audit.triggers import remove_triggers
from chatplatform.common.words import Words
from chatplatform.environment.variables import Environment
from chatplatform.health.checks.catalogue import all_checks
from chatplatform.health.processes import supervised_processes
from chatplatform.inference.model_files import model_services
from chatplatform.jobs.queries import newest_by_key
from tests.integration.web.conftest import MakePerson, Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"])


def test_every_check_of_the_doctor_is_there_and_answers(
    owner: Someone, settings: Any, tmp_path: Path
) -> None:
    settings.ENVIRONMENT = Environment(models_dir=tmp_path)
    page = owner.browser.get("/console/health/").text
    for check in all_checks():
        address = f"/console/health/checks/{check.id}/"
        assert address in page
        row = owner.browser.get(address)
        assert row.status_code == 200
        assert str(check.title) in row.text
        assert row.context["finding"].detail
    assert owner.browser.get("/console/health/checks/nonsense/").status_code == 404


def test_a_problem_is_shown_with_its_cure_in_the_readers_language(owner: Someone) -> None:
    remove_triggers(connection)
    row = owner.browser.get("/console/health/checks/audit/").text
    assert 'data-level="problem"' in row
    assert "python manage.py migrate audit" in row
    owner.user.language = "zh-hans"
    owner.user.save()
    assert "审计" in owner.browser.get("/console/health/checks/audit/").text


def test_model_files_are_read_by_a_job_that_is_watched(
    owner: Someone, settings: Any, tmp_path: Path, make_person: MakePerson
) -> None:
    settings.ENVIRONMENT = Environment(models_dir=tmp_path)
    assert make_person(Role.ADMINISTRATOR).browser.post("/console/health/models/read/").status_code == 403
    row = owner.browser.post("/console/health/models/read/", headers={"HX-Request": "true"}).text
    assert "data-live" in row
    assert set(newest_by_key(model_services.VERIFY)) == {
        "qwen2.5-coder-1.5b",
        "qwen2.5-coder-0.5b",
        "multilingual-e5-small",
    }
    assert owner.browser.post("/console/health/models/read/").status_code == 302


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor's lock and status, with this test as the supervisor and one child of it."""
    folder = Path(django_settings.DATA_DIR) / "run"
    folder.mkdir(parents=True, exist_ok=True)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (folder / "supervisor.lock").write_text(f"{os.getpid()}\n")
    status = {
        "updated_at": "2026-01-01T00:00:00Z",
        "phase": "ready",
        "processes": [
            {"name": "web", "pid": child.pid, "state": "ready", "restarts": 2, "last_error": ""},
            {"name": "llm", "pid": os.getppid(), "state": "ready", "restarts": 0, "last_error": ""},
            {
                "name": "chroma",
                "pid": None,
                "state": "blocked",
                "restarts": 0,
                "last_error": Words("Port %(port)s is taken by another program.", port=1).as_json(),
            },
        ],
    }
    (folder / "status.json").write_text(json.dumps(status))
    yield child
    child.kill()
    child.wait()
    (folder / "status.json").unlink()
    (folder / "supervisor.lock").unlink()


def test_processes_are_shown_as_they_are_now(
    owner: Someone, supervised: subprocess.Popen[bytes], scripted_engine: Any
) -> None:
    views = {view.name: view for view in supervised_processes()}
    assert views["web"].pid == supervised.pid
    assert views["web"].restarts == 2
    assert (views["web"].memory_bytes or 0) > 0
    assert views["llm"].pid is None, "a process that is not the supervisor's child is not shown as such"
    page = owner.browser.get("/console/health/live/")
    assert "Its port is taken" in page.text
    assert "Port 1 is taken by another program." in page.text
    supervised.kill()
    supervised.wait()
    views = {view.name: view for view in supervised_processes()}
    assert (views["web"].pid, views["web"].state) == (None, "restarting")


def test_engines_tell_their_speeds(owner: Someone, scripted_engine: Any) -> None:
    page = owner.browser.get("/console/health/live/").text
    assert "1000 tokens/s" in page.replace(",", "")
    scripted_engine.kill()
    page = owner.browser.get("/console/health/live/").text
    assert "Does not answer" in page
    scripted_engine.restart()


def test_without_a_supervisor_the_page_says_so(owner: Someone, scripted_engine: Any) -> None:
    assert "No supervisor runs on this data folder" in owner.browser.get("/console/health/live/").text


@pytest.mark.parametrize("address", ["", "live/", "checks/disk/"])
def test_it_is_not_for_everybody(make_person: MakePerson, address: str) -> None:
    assert make_person(Role.PROMPT_EDITOR).browser.get(f"/console/health/{address}").status_code == 403
    assert make_person(Role.ADMINISTRATOR).browser.get(f"/console/health/{address}").status_code == 200

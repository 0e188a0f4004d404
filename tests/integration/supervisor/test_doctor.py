"""`manage.py doctor`: what is broken is found, named, and cured in words."""

from __future__ import annotations

import io
import json
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from chatplatform.audit.triggers import remove_triggers
from chatplatform.health.checks import (
    accelerator,
    clock,
    databases,
    disk,
    engines,
    jobs,
    keys,
    models,
    network_ports,
    secret_files,
    translations,
    vector_store,
)
from chatplatform.health.checks.catalogue import all_checks
from chatplatform.health.checks.findings import Check, Level, examine
from chatplatform.health.supervisor_lock import supervisor_lock

pytestmark = pytest.mark.django_db(databases=["default", "keys"])


@pytest.fixture
def environment(settings: Any) -> Any:
    def change(**values: Any) -> None:
        settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update=values)

    return change


@pytest.fixture
def data_folder(settings: Any, tmp_path: Path, environment: Any) -> Path:
    settings.DATA_DIR = tmp_path
    environment(data_dir=tmp_path)
    return tmp_path


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_every_part_is_looked_at_and_told(environment: Any, tmp_path: Path) -> None:
    environment(models_dir=tmp_path)  # a developer's large models take seconds to read
    ids = [check.id for check in all_checks()]
    assert len(set(ids)) == len(ids)
    out = io.StringIO()
    try:
        call_command("doctor", "--json", stdout=out)
        status = 0
    except SystemExit as end:
        status = int(str(end.code))
    found = json.loads(out.getvalue())["checks"]
    assert [check["id"] for check in found] == ids
    assert status == int(any(check["level"] == "problem" for check in found))
    for check in found:
        assert check["detail"]
        assert check["level"] == "right" or check["cure"], check


@pytest.mark.parametrize(
    ("reranker", "level"),
    [
        (None, Level.RIGHT),
        ({"status": "ready", "detail": ""}, Level.RIGHT),
        ({"status": "loading", "detail": ""}, Level.NOTICE),
        ({"status": "error", "detail": "It has 3 classes."}, Level.NOTICE),
    ],
)
def test_a_reranker_that_is_not_there_is_told_and_is_no_problem(
    environment: Any, monkeypatch: pytest.MonkeyPatch, reranker: Any, level: Level
) -> None:
    class Encoder(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            health = {"status": "ready", "detail": ""} | ({"reranker": reranker} if reranker else {})
            body = json.dumps(health if self.path == "/health" else {"data": []}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Encoder) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            environment(encoder_port=server.server_port, encoder_url="")
            monkeypatch.setattr(engines, "platform_runs", lambda: True)
            found = engines.encoder_answers()
        finally:
            server.shutdown()
    assert found.level is level
    assert found.detail
    if reranker and reranker["detail"]:
        assert found.detail == reranker["detail"]


def test_a_check_that_breaks_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> Any:
        raise RuntimeError("secret words")

    finding = examine(Check("x", "X", broken))
    assert finding.level is Level.PROBLEM
    assert "RuntimeError" in finding.detail
    assert "secret words" not in finding.detail


def test_databases_are_right_here() -> None:
    assert databases.databases_answer().level is Level.RIGHT
    assert databases.migrations_are_done().level is Level.RIGHT
    assert databases.audit_triggers_are_there().level is Level.RIGHT
    assert keys.key_store_opens().level is Level.RIGHT


def test_a_missing_audit_trigger_is_found() -> None:
    remove_triggers(connection)
    finding = databases.audit_triggers_are_there()
    assert finding.level is Level.PROBLEM
    assert "audit_event" in finding.detail
    assert "migrate" in finding.cure


def test_a_missing_guard_of_prompt_versions_is_found() -> None:
    assert databases.prompt_guard_stands().level is Level.RIGHT
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DROP TRIGGER prompt_version_stays ON prompts_promptversion")
        else:
            cursor.execute("DROP TRIGGER prompt_version_stays")
    finding = databases.prompt_guard_stands()
    assert finding.level is Level.PROBLEM
    assert "migrate prompts" in finding.cure


def test_a_migration_that_is_not_made_is_found() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'audit'")
    finding = databases.migrations_are_done()
    assert finding.level is Level.PROBLEM
    assert "migrate" in finding.cure


def test_a_wrong_master_key_is_found(settings: Any) -> None:
    settings.MASTER_KEY = "bm90IGEga2V5"
    assert keys.key_store_opens().level is Level.PROBLEM


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_secret_that_others_can_read_is_found(data_folder: Path, mode: int) -> None:
    folder = data_folder / "secrets"
    folder.mkdir(mode=0o700)
    for name in ("secret.key", "engine.token", "master.key"):
        (folder / name).touch(mode=0o600)
    assert secret_files.secrets_are_private().level is Level.RIGHT
    (folder / "master.key").chmod(mode)
    finding = secret_files.secrets_are_private()
    assert finding.level is Level.PROBLEM
    assert "master.key" in finding.detail
    assert "chmod" in finding.cure


def test_a_missing_secret_is_found_unless_it_is_set_otherwise(data_folder: Path, environment: Any) -> None:
    assert secret_files.secrets_are_private().level is Level.PROBLEM
    environment(secret_key="a", engine_token="b", master_key="c")
    assert secret_files.secrets_are_private().level is Level.RIGHT


def test_a_clock_that_went_back_is_found(data_folder: Path) -> None:
    assert clock.clock_goes_forward().level is Level.RIGHT
    database = data_folder / "db.sqlite3"
    database.touch()
    os.utime(database, (4_102_444_800, 4_102_444_800))
    assert clock.clock_goes_forward().level is Level.PROBLEM


def test_a_full_disk_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "TOO_LITTLE_BYTES", 10**18)
    finding = disk.disk_space()
    assert finding.level is Level.PROBLEM
    assert "CHATPLATFORM_DATA_DIR" in finding.cure


def test_a_taken_port_is_found_while_we_are_stopped(data_folder: Path, environment: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        environment(port=port, llm_port=unused_port(), encoder_port=unused_port(), chroma_port=unused_port())
        finding = network_ports.ports_are_ours()
        assert finding.level is Level.PROBLEM
        assert str(port) in finding.detail
        with supervisor_lock(data_folder / "run" / "supervisor.lock"):
            assert network_ports.ports_are_ours().level is Level.RIGHT
    assert network_ports.ports_are_ours().level is Level.RIGHT


def test_an_engine_that_should_run_and_does_not_answer_is_found(data_folder: Path, environment: Any) -> None:
    environment(llm_port=unused_port(), encoder_port=unused_port(), chroma_port=unused_port())
    assert engines.language_engine_answers().level is Level.RIGHT
    with supervisor_lock(data_folder / "run" / "supervisor.lock"):
        assert engines.language_engine_answers().level is Level.PROBLEM
        assert engines.encoder_answers().level is Level.PROBLEM


def test_work_that_falls_back_to_the_cpu_is_told(data_folder: Path, environment: Any) -> None:
    assert accelerator.accelerator_is_used().level is Level.RIGHT
    said = {"status": "ready", "notices": ["big: everything runs on the CPU"]}

    class Engine(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Engine) as server:
        threading.Thread(target=server.serve_forever).start()
        environment(llm_port=server.server_port)
        try:
            with supervisor_lock(data_folder / "run" / "supervisor.lock"):
                finding = accelerator.accelerator_is_used()
                said["notices"] = []
                assert accelerator.accelerator_is_used().level is Level.RIGHT
        finally:
            server.shutdown()
    assert (finding.level, finding.detail) == (Level.NOTICE, "big: everything runs on the CPU")
    environment(llm_url="http://elsewhere/v1")
    assert accelerator.accelerator_is_used().level is Level.RIGHT


def test_a_server_elsewhere_that_does_not_answer_is_found(settings: Any, environment: Any) -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    environment(llm_url=f"{url}/v1", chroma_url=url)
    settings.LLM_URL, settings.CHROMA_URL = f"{url}/v1", url
    finding = engines.language_engine_answers()
    assert finding.level is Level.PROBLEM
    assert "CHATPLATFORM_LLM_URL" in finding.cure
    assert vector_store.chroma_answers().level is Level.PROBLEM


def test_missing_and_damaged_models_are_told_apart(
    tmp_path: Path, environment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment(
        models_dir=tmp_path, chat_model="smollm2-135m", quick_model="smollm2-135m", encoder_url="http://e"
    )
    missing = models.model_files_are_right()
    assert missing.level is Level.PROBLEM
    assert "not here" in missing.detail
    assert "models pull smollm2-135m" in missing.cure
    from chatplatform.inference.model_files import catalogue

    file = catalogue.get("smollm2-135m").files[0]
    (tmp_path / "smollm2-135m").mkdir()
    (tmp_path / "smollm2-135m" / file.name).write_bytes(b"GGUF, but not this one")
    damaged = models.model_files_are_right()
    assert damaged.level is Level.PROBLEM
    assert "damaged" in damaged.detail


def test_an_own_model_by_path(tmp_path: Path, environment: Any) -> None:
    own = tmp_path / "own.gguf"
    environment(chat_model=str(own), quick_model=str(own), encoder_url="http://e")
    assert models.model_files_are_right().level is Level.PROBLEM
    own.touch()
    assert models.model_files_are_right().level is Level.RIGHT


def test_a_language_that_is_not_compiled_is_found(settings: Any, tmp_path: Path) -> None:
    assert translations.translations_are_compiled().level is Level.RIGHT
    settings.LOCALE_PATHS = [tmp_path]
    finding = translations.translations_are_compiled()
    assert finding.level is Level.PROBLEM
    assert "zh-hans" in finding.detail


def test_a_broker_that_does_not_answer_is_found(settings: Any) -> None:
    from chatplatform.jobs.celery_app import celery_app

    settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{unused_port()}/0"
    celery_app.cache_clear()
    try:
        finding = jobs.broker_takes_jobs()
    finally:
        celery_app.cache_clear()
    assert finding.level is Level.PROBLEM
    assert "CHATPLATFORM_BROKER_URL" in finding.cure

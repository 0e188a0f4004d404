"""Every answer names its request, and so does every line that is logged for it."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from django.test import Client

from chatplatform.common.request_ids import request_id
from chatplatform.testing.chat_client import ChatClient
from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.site_process import SiteProcesses


@pytest.mark.django_db
def test_an_id_is_made_and_another_for_the_next_request(client: Client) -> None:
    ids = {client.get("/healthz").headers["X-Request-ID"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.django_db
def test_a_given_id_comes_back(client: Client) -> None:
    answer = client.get("/healthz", headers={"x-request-id": "proxy-12345678"})
    assert answer.headers["X-Request-ID"] == "proxy-12345678"
    assert request_id() == ""


@pytest.mark.django_db
def test_an_id_that_is_not_plain_does_not_come_back(client: Client) -> None:
    answer = client.get("/healthz", headers={"x-request-id": "<script>alert(1)</script>"})
    assert "script" not in answer.headers["X-Request-ID"]


@pytest.mark.django_db
def test_errors_have_an_id_too(client: Client) -> None:
    assert client.get("/nothing/here/").headers["X-Request-ID"]


async def test_a_socket_has_an_id_and_its_lines_are_json(tmp_path: Path) -> None:
    engine = ScriptedEngineProcess()
    site = SiteProcesses(tmp_path, engine_url=engine.url, engine_token=TOKEN, CHATPLATFORM_LOG_FORMAT="json")
    try:
        site.migrate()
        (cookie,) = site.people(1)
        site.start_web()
        async with ChatClient(site.socket_url, cookie=cookie) as client:
            assert client.handshake_header("X-Request-ID")
            await client.ask("Hello. [[tokens=2]]")
            await client.finished()
    finally:
        site.stop()
        engine.stop()
    lines = [json.loads(line) for line in site.log("web").splitlines()]
    assert {line["process"] for line in lines} == {"web"}
    assert logging.getLevelName(logging.ERROR) not in {line["level"] for line in lines}

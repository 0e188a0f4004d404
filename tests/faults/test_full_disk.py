"""A disk that is full: what is sent, attached or imported is refused in words, and works once there is room again.

The web process may write no further byte to any file, by the system's own limit on the size of files.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from chatplatform.testing.chat_client import ChatClient
from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.site_process import SiteProcesses
from tests.faults.api_client import api_of, send_piece, upload

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(500)]

IMPORTED = json.dumps(
    {
        "format": "chatplatform.conversation",
        "version": 1,
        "id": "c",
        "messages": [{"id": "a", "parent_id": None, "role": "user", "text": "Hi"}],
    }
).encode()


@pytest.fixture
def site(tmp_path: Path, scripted_engine: ScriptedEngineProcess) -> Iterator[SiteProcesses]:
    site = SiteProcesses(tmp_path, engine_url=scripted_engine.url, engine_token=TOKEN)
    site.migrate()
    site.start_web()
    try:
        yield site
    finally:
        site.stop()


@contextmanager
def full_disk(site: SiteProcesses) -> Iterator[None]:
    """The web process can write nothing meanwhile."""
    web = psutil.Process(site.pid("web"))
    web.rlimit(psutil.RLIMIT_FSIZE, (0, psutil.RLIM_INFINITY))
    try:
        yield
    finally:
        web.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))


def files_of(site: SiteProcesses) -> list[str]:
    return [path.name for path in (site.folder / "data" / "files").rglob("*") if path.is_file()]


def test_files_and_imports_on_a_full_disk(site: SiteProcesses) -> None:
    [cookie] = site.people(1)
    with api_of(site, cookie) as http:
        begun = http.post("/api/imports", json={"size_bytes": len(IMPORTED)}).json()
        address = f"/api/imports/{begun['id']}"
        with full_disk(site):
            refusals = [
                upload(http, b"The Fjord weighs 1.8 kg." * 50_000),
                upload(http, b"The Fjord weighs 1.8 kg."),
                send_piece(http, address, IMPORTED, 0),
                http.post("/api/exports", json={"format": "json"}),
            ]
        for refused in refusals:
            assert refused.status_code == 503, refused.text
            assert refused.json()["message"]
        assert "disk may be full" in refusals[0].json()["message"]
        assert files_of(site) == []

        assert upload(http, b"The Fjord weighs 1.8 kg.").status_code == 201
        assert len(files_of(site)) == 1
        assert http.get("/api/files").json()["items"][0]["name"] == "tents.txt"
        assert send_piece(http, address, IMPORTED, 0).status_code == 200
        assert http.post(f"{address}/start", json={}).status_code == 202
        assert http.post("/api/exports", json={"format": "json"}).status_code == 202


async def test_messages_and_answers_on_a_full_disk(site: SiteProcesses) -> None:
    [cookie, newcomer] = await asyncio.to_thread(site.people, 2)
    async with ChatClient(site.socket_url, cookie=newcomer) as client:
        # the very first message needs a key, which cannot be stored either
        with full_disk(site):
            await client.ask("Zero [[tokens=3]]")
            assert "disk may be full" in (await client.frame("error"))["message"]
        await client.ask("Zero [[tokens=3]]")
        await client.finished()
    async with ChatClient(site.socket_url, cookie=cookie) as client:
        await client.ask("Zero [[tokens=3]]")
        await client.finished()
        client_id = str(uuid4())
        with full_disk(site):
            await client.ask("One [[tokens=3]]", client_id=client_id)
            refused = await client.frame("error")
            assert (refused["code"], refused["client_id"]) == ("storage_unavailable", client_id)
            assert "disk may be full" in refused["message"]
        await client.ask("One [[tokens=3]]", client_id=client_id)
        await client.until(lambda s: len(s.messages) == 4)
        assert (await client.finished()).text == "w0 w1 w2"

        # in the middle of an answer: it goes on once there is room, and ends whole
        await client.ask("Two [[tokens=60 delay_ms=20]]")
        await client.until(lambda s: len(s.messages) == 6 and len(s.messages[-1].turn["tail"]["text"]) > 20)
        with full_disk(site):
            await asyncio.sleep(2)
        await client.until(lambda s: not s.messages[-1].is_running, timeout_s=120)
        answer = client.screen.messages[-1]
        if answer.turn["state"] == "failed":
            assert answer.turn["error"]["message"]
            await client.send("retry", turn_id=answer.turn["id"])
            await client.until(lambda s: s.messages[-1].is_running)
            await client.until(lambda s: not s.messages[-1].is_running, timeout_s=120)
        assert client.screen.messages[-1].text == " ".join(f"w{n}" for n in range(60))
        assert [m.role for m in client.screen.messages] == ["user", "assistant"] * 3

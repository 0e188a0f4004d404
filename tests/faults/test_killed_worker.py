"""kill -9 of the worker while it imports and exports: at the end everything is there as a whole, and once."""

from __future__ import annotations

import io
import json
import random
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.site_process import SiteProcesses
from tests.faults.api_client import api_of, begin_import

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(500)]

KILLS = 2
CONVERSATIONS = 120
MESSAGES = 40
# how many messages each conversation has just now
LENGTHS = """
import json, django
django.setup()
from collections import Counter
from chatplatform.chat.models import Conversation, Message
from chatplatform.common.scope import all_workspaces
with all_workspaces("test"):
    ids = list(Conversation.objects.values_list("id", flat=True))
    counts = Counter(Message.objects.values_list("conversation_id", flat=True))
    print(json.dumps([counts[each] for each in ids]))
"""


@pytest.fixture
def site(tmp_path: Path, scripted_engine: ScriptedEngineProcess) -> Iterator[SiteProcesses]:
    site = SiteProcesses(tmp_path, engine_url=scripted_engine.url, engine_token=TOKEN)
    site.migrate()
    site.start_web()
    site.start("worker")
    try:
        yield site
    finally:
        site.stop()


def conversation(number: int) -> dict[str, Any]:
    messages = [
        {
            "id": f"m{place}",
            "parent_id": f"m{place - 1}" if place else None,
            "role": ("user", "assistant")[place % 2],
            "text": f"Message {place} of conversation {number}",
        }
        for place in range(MESSAGES)
    ]
    return {"format": "chatplatform.conversation", "version": 1, "id": f"c{number}", "messages": messages}


def through_kills(
    site: SiteProcesses, look: Callable[[], dict[str, Any]], *, works: set[str], check: Callable[[], None]
) -> dict[str, Any]:
    """Kill the worker each time the work has begun, until it was killed often enough; gives the end of it."""
    chance, killed = random.Random(7), 0
    until = time.monotonic() + 240
    while time.monotonic() < until:
        state = look()
        if state["state"] not in works:
            if state["state"] not in {"waiting", "receiving"}:
                assert killed, "it was over before anything was killed"
                return state
        elif killed < KILLS:
            time.sleep(chance.uniform(0.0, 0.4))
            site.kill("worker")
            killed += 1
            check()
            site.start("worker")
        time.sleep(0.05)
    raise AssertionError(f"it is stuck: {look()}\n{site.log('worker')[-3000:]}")


def json_of(http: httpx.Client, address: str) -> dict[str, Any]:
    answer = http.get(address)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_an_import_and_an_export_are_whole_and_once(site: SiteProcesses) -> None:
    [cookie] = site.people(1)
    data = json.dumps([conversation(number) for number in range(CONVERSATIONS)]).encode()

    def none_is_in_part() -> None:
        assert set(json.loads(site.script(LENGTHS))) <= {MESSAGES}

    with api_of(site, cookie) as http:
        address = begin_import(http, data)
        report = through_kills(site, lambda: json_of(http, address), works={"running"}, check=none_is_in_part)
        assert report["state"] == "done", report
        assert (report["found"], report["imported"], report["refused"]) == (CONVERSATIONS, CONVERSATIONS, 0)
        assert json.loads(site.script(LENGTHS)) == [MESSAGES] * CONVERSATIONS

        begun = http.post("/api/exports", json={"format": "json"}).json()
        address = f"/api/exports/{begun['id']}"

        def none_is_given_in_part() -> None:
            refused = http.get(f"{address}/file")
            assert refused.status_code == 409
            assert refused.json()["message"] == "The file is not ready yet."

        state = through_kills(
            site, lambda: json_of(http, address), works={"running"}, check=none_is_given_in_part
        )
        assert state["state"] == "done", state
        archive = zipfile.ZipFile(io.BytesIO(http.get(f"{address}/file").content))
        assert archive.testzip() is None
        texts = {
            tuple(message["text"] for message in json.loads(archive.read(name))["messages"])
            for name in archive.namelist()
        }
        assert texts == {
            tuple(message["text"] for message in conversation(number)["messages"])
            for number in range(CONVERSATIONS)
        }
        assert len(archive.namelist()) == CONVERSATIONS

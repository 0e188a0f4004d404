"""kill -9 of the web process while messages wait: each is sent once, in its order, whatever was going on."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from chatplatform.testing.chat_client import ChatClient
from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.site_process import SiteProcesses
from tests.faults.asking import LOST

KILLS = int(os.environ.get("CHATPLATFORM_FAULTS_QUEUE_KILLS", "6"))
WAITING = 12
ROWS = """
import json, django
django.setup()
from chatplatform.chat.content import text_of
from chatplatform.chat.models import Message, QueuedMessage, Turn
from chatplatform.common.scope import all_workspaces
from chatplatform.privacy.subjects import Subject
with all_workspaces("test"):
    questions = Message.objects.filter(role="user").order_by("number").select_related("conversation")
    print(json.dumps({
        "questions": [text_of(row, Subject.person(row.conversation.owner_id)) for row in questions],
        "parents": [str(row.parent_id or "") for row in questions],
        "answers": [str(turn.answer_id) for turn in Turn.objects.order_by("answer__number")],
        "states": list(Turn.objects.order_by("answer__number").values_list("state", flat=True)),
        "waiting": QueuedMessage.objects.count(),
    }))
"""


@pytest.fixture
def site(tmp_path: Path, scripted_engine: ScriptedEngineProcess) -> Iterator[SiteProcesses]:
    site = SiteProcesses(tmp_path, engine_url=scripted_engine.url, engine_token=TOKEN)
    site.migrate()
    site.start_web()
    try:
        yield site
    finally:
        site.stop()


async def _keep_saying(site: SiteProcesses, cookie: str, wanted: list[tuple[str, str]]) -> None:
    """Say all of it as fast as it is taken, over lost connections, as the page does."""
    conversation_id, at = "", 0
    while at < len(wanted):
        client_id, text = wanted[at]
        try:
            async with ChatClient(site.socket_url, cookie=cookie) as client:
                while at < len(wanted):
                    client_id, text = wanted[at]
                    client.frames.clear()
                    await client.ask(
                        text, client_id=client_id, conversation_id=conversation_id or None, if_busy="queue"
                    )
                    mine = await _taken(client, client_id)
                    conversation_id = mine
                    at += 1
        except LOST:
            with suppress(TimeoutError):
                await asyncio.sleep(0.1)


async def _taken(client: ChatClient, client_id: str) -> str:
    def told(_: object) -> bool:
        return any(f["type"] in {"accepted", "queued"} and f["client_id"] == client_id for f in client.frames)

    await client.until(told, timeout_s=10)
    frame = next(f for f in client.frames if f.get("client_id") == client_id)
    return str(frame["conversation"]["id"] if frame["type"] == "accepted" else frame["conversation_id"])


@pytest.mark.faults
@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_no_waiting_message_is_lost_or_said_twice(site: SiteProcesses) -> None:
    [cookie] = await asyncio.to_thread(site.people, 1)
    chance = random.Random(5)
    wanted = [(str(uuid4()), f"Message {n} [[tokens=12 delay_ms=25]]") for n in range(WAITING)]
    saying = asyncio.create_task(_keep_saying(site, cookie, wanted))
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.2, 1.2))
        site.kill("web")
        await asyncio.to_thread(site.start_web)
    await asyncio.wait_for(saying, 60)
    for _ in range(120):  # nobody is connected any more
        rows = json.loads((await asyncio.to_thread(site.script, ROWS)).splitlines()[-1])
        if not rows["waiting"] and set(rows["states"]) == {"finished"}:
            break
        await asyncio.sleep(0.5)
    assert rows["questions"] == [text for _, text in wanted]
    assert rows["states"] == ["finished"] * WAITING
    assert rows["parents"] == ["", *rows["answers"][:-1]], "each follows the answer before it"
    assert rows["waiting"] == 0

"""A secret in a temporary chat, through whole turns: no byte of it on the disk, not even encrypted.

Everything that the processes left behind is searched raw, as in test_canary_on_disk: databases with their write-ahead
logs and free pages, key store, broker files, logs, engine folders. The cipher is switched off: what is not written
down cannot be found, whoever has the key. The same search finds what was said in a chat that is kept.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from chatplatform.testing.chat_client import ChatClient
from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.site_process import SiteProcesses
from tests.privacy.test_canary_on_disk import SABOTAGED_MANAGE, files_with

SECRET = "quartz-canary-19b2c7"
KEPT = "walnut-canary-83d0e4"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SiteProcesses]:
    engine = ScriptedEngineProcess()
    site = SiteProcesses(tmp_path, engine_url=engine.url, engine_token=TOKEN)
    site.command = [sys.executable, "-c", SABOTAGED_MANAGE]
    yield site
    site.stop()
    engine.stop()


async def say(client: ChatClient, secret: str) -> str:
    """A temporary chat of two turns, one stopped, one answered again; its id."""
    client.screen.conversation = None
    client.screen.messages = []
    chat_id = None
    for asked in (
        f"My password is {secret}. [[tokens=3 word={secret}]]",
        f"{secret}? [[tokens=9000 delay_ms=5]]",
    ):
        await client.send("send", client_id=str(uuid4()), conversation_id=chat_id, text=asked, temporary=True)
        await client.until(lambda s: bool(s.messages) and s.messages[-1].is_running)
        if chat_id is not None:
            await client.until(lambda s: len(s.messages[-1].turn["tail"]["text"]) > 20)  # type: ignore[index]
            await client.send("stop", turn_id=client.screen.messages[-1].turn["id"])  # type: ignore[index]
        await client.finished()
        assert client.screen.conversation is not None
        chat_id = client.screen.conversation["id"]
    last = client.screen.messages[-1].id
    await client.send("regenerate", client_id=str(uuid4()), message_id=last)
    await client.until(lambda s: s.messages[-1].id != last)
    await client.send("stop", turn_id=client.screen.messages[-1].turn["id"])  # type: ignore[index]
    await client.finished()
    assert chat_id is not None
    return str(chat_id)


@pytest.mark.slow
async def test_nothing_of_it_is_written_down(site: SiteProcesses, tmp_path: Path) -> None:
    site.migrate()
    site.start_web()
    site.start("worker")
    (cookie,) = site.people(1)
    async with ChatClient(site.socket_url, cookie=cookie) as client:
        left = await say(client, SECRET)
        kept = await say(client, KEPT)
        assert files_with(SECRET, tmp_path) == []
        assert files_with(KEPT, tmp_path) == []
        await client.send("keep", conversation_id=kept)
        await client.until(lambda s: kept in s.kept_as)
        await client.send("open", conversation_id=left)
        await client.until(lambda s: s.conversation is not None and s.conversation["id"] == left)
        await client.send("end", conversation_id=left)
        await client.until(lambda s: left in s.removed)
    site.stop()
    assert files_with(SECRET, tmp_path) == []
    assert any("db.sqlite3" in name for name in files_with(KEPT, tmp_path))

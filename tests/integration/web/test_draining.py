"""A web process that is told to stop: people move to another one and lose no word."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic

import psutil
import pytest

from chatplatform.chat import limits
from chatplatform.testing.chat_client import ChatClient
from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.scripted_replies import Directives, directives, reply
from chatplatform.testing.site_process import SiteProcesses, free_port
from tests.faults.asking import letters

pytestmark = pytest.mark.slow

ATTEMPTS = """
import django
django.setup()
from chatplatform.chat.models import Turn
from chatplatform.common.scope import all_workspaces
with all_workspaces("a test asks"):
    print(*Turn.objects.values_list("attempts", flat=True))
"""


class TwoWebs:
    def __init__(self, site: SiteProcesses, cookie: str) -> None:
        self.site = site
        self.cookie = cookie
        self.ports = {"first": site.port, "second": free_port()}

    def start(self, **environment: str) -> None:
        for name, port in self.ports.items():
            self.site.start("web", known_as=name, CHATPLATFORM_PORT=str(port), **environment)
        for name, port in self.ports.items():
            self.site.wait_for_web(port=port, known_as=name)

    def client(self, name: str) -> ChatClient:
        return ChatClient(
            f"ws://127.0.0.1:{self.ports[name]}/ws/chat/", cookie=self.cookie, origin=self.site.url
        )

    def stop_first(self) -> None:
        os.kill(self.site.pid("first"), signal.SIGTERM)

    async def first_is_gone(self, *, within_s: float) -> None:
        await asyncio.to_thread(psutil.Process(self.site.pid("first")).wait, within_s)

    def ready(self, name: str) -> tuple[int, dict[str, object]]:
        with closing(HTTPConnection("127.0.0.1", self.ports[name], timeout=5)) as connection:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())


@pytest.fixture
def webs(tmp_path: Path) -> Iterator[TwoWebs]:
    engine = ScriptedEngineProcess()
    site = SiteProcesses(tmp_path, engine_url=engine.url, engine_token=TOKEN)
    site.environment["CHATPLATFORM_PUBLIC_URL"] = site.url
    site.migrate()
    (cookie,) = site.people(1)
    yield TwoWebs(site, cookie)
    site.stop()
    engine.stop()


def whole(question: str) -> str:
    return letters(reply(question, directives(question, Directives()), []))


async def test_a_long_answer_goes_on_in_the_other_process(webs: TwoWebs) -> None:
    webs.start(CHATPLATFORM_DRAIN_S="1", CHATPLATFORM_DRAIN_NOTICE_S="1")
    assert webs.ready("first") == (200, {"status": "ready"})
    question = "Tell me all. [[tokens=250 delay_ms=25]]"
    async with webs.client("first") as client:
        await client.ask(question)
        accepted = await client.frame("accepted")
        await client.frame("delta")
        webs.stop_first()
        told_at = monotonic()
        await asyncio.sleep(0.3)
        assert await asyncio.to_thread(webs.ready, "first") == (
            503,
            {"status": "not_ready", "reasons": ["draining"]},
        )
        client.frames.clear()
        await client.frame("delta")
        assert await client.closed(timeout_s=3) == 1012
        assert monotonic() - told_at >= 0.9
    async with webs.client("second") as client:
        await client.send("open", conversation_id=accepted["conversation"]["id"])
        await webs.first_is_gone(within_s=4)
        client.frames.clear()
        handed_over_at = monotonic()
        await client.frame("delta")
        assert monotonic() - handed_over_at < limits.LEASE_S / 2
        answer = await client.finished()
    assert letters(answer.html) == whole(question)
    assert webs.site.script(ATTEMPTS).split()[-1] == "1"


async def test_a_short_answer_ends_where_it_began_and_nobody_waits_longer(webs: TwoWebs) -> None:
    webs.start(CHATPLATFORM_DRAIN_S="20")
    question = "Be brief. [[tokens=60 delay_ms=25]]"
    async with webs.client("first") as client:
        await client.ask(question)
        accepted = await client.frame("accepted")
        await client.frame("delta")
        webs.stop_first()
        assert await client.closed(timeout_s=3) == 1012
    async with webs.client("second") as client:
        await client.send("open", conversation_id=accepted["conversation"]["id"])
        answer = await client.finished()
    assert letters(answer.html) == whole(question)
    await webs.first_is_gone(within_s=6)
    assert webs.site.script(ATTEMPTS).split()[-1] == "0"


async def test_a_stop_reaches_an_answer_that_ends_in_a_leaving_process(webs: TwoWebs) -> None:
    webs.start(CHATPLATFORM_DRAIN_S="20")
    async with webs.client("first") as client:
        await client.ask("Never ends. [[tokens=2000 delay_ms=25]]")
        accepted = await client.frame("accepted")
        await client.frame("delta")
        webs.stop_first()
        await client.closed(timeout_s=3)
    async with webs.client("second") as client:
        await client.send("open", conversation_id=accepted["conversation"]["id"])
        await client.frame("snapshot")
        await client.send("stop", turn_id=accepted["answer"]["turn"]["id"])
        await client.finished(timeout_s=5)
    await webs.first_is_gone(within_s=6)

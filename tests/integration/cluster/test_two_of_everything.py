"""Two web processes, two workers and two engines behind proxies: everything still holds.

On SQLite and files, and where CHATPLATFORM_TEST_POSTGRES_URL and its sisters name servers, on those.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest

from chatplatform.testing.chat_client import ChatClient
from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.site_process import SiteProcesses, free_port
from tests.faults.asking import letters, shown_letters
from tests.integration.cluster.proxy import RoundRobin
from tests.servers import environment, servers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

ASK = """
import json, sys, django
django.setup()
from chatplatform.common.scope import all_workspaces
with all_workspaces("a test asks"):
    print(json.dumps((lambda: %s)()))
"""
SLOWLY = "[[tokens=120 delay_ms=30]]"


@dataclass
class Cluster:
    """`urls` are the two web processes; `url` is the proxy before both."""

    site: SiteProcesses
    ports: tuple[int, int]
    proxy: RoundRobin

    def socket(self, port: int | None = None) -> str:
        return f"ws://127.0.0.1:{port or self.proxy.port}/ws/chat/"

    async def ask_rows(self, expression: str) -> object:
        out = await asyncio.to_thread(self.site.script, ASK % expression)
        return json.loads(out.splitlines()[-1])

    async def manage(self, *arguments: str) -> str:
        return await asyncio.to_thread(self.site.manage, *arguments)


@pytest.fixture
def engines() -> Iterator[list[ScriptedEngineProcess]]:
    running = [ScriptedEngineProcess() for _ in range(2)]
    yield running
    for engine in running:
        engine.stop()


@pytest.fixture
def settings_of_servers() -> Iterator[dict[str, str]]:
    """Settings for the servers that were named, with databases made for the test; none where none was named."""
    named = servers()
    if named is None:
        yield {}
        return
    chosen = environment(*named)
    made = [
        urlsplit(chosen[name]).path[1:]
        for name in ("CHATPLATFORM_DATABASE_URL", "CHATPLATFORM_KEYS_DATABASE_URL")
    ]
    with psycopg.connect(urlunsplit(urlsplit(named.postgres)), autocommit=True) as server:
        for name in made:
            server.execute(f'CREATE DATABASE "{name}"')
        yield chosen
        for name in made:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def cluster(
    tmp_path: Path, engines: list[ScriptedEngineProcess], settings_of_servers: dict[str, str]
) -> AsyncIterator[Cluster]:
    ports = (free_port(), free_port())
    async with (
        RoundRobin([engine.port for engine in engines]) as engine_proxy,
        RoundRobin(list(ports)) as proxy,
    ):
        site = SiteProcesses(
            tmp_path,
            engine_url=f"http://127.0.0.1:{engine_proxy.port}/v1",
            engine_token=TOKEN,
            CHATPLATFORM_PUBLIC_URL=f"http://127.0.0.1:{proxy.port}",
            **settings_of_servers,
        )
        await asyncio.to_thread(site.migrate)
        try:
            for number, port in enumerate(ports, start=1):
                site.start("web", known_as=f"web{number}", CHATPLATFORM_PORT=str(port))
                site.start("worker", known_as=f"worker{number}")
            for number, port in enumerate(ports, start=1):
                await asyncio.to_thread(site.wait_for_web, port=port, known_as=f"web{number}")
            yield Cluster(site, ports, proxy)
        finally:
            await asyncio.to_thread(site.stop)


async def test_streams_stops_jobs_and_a_death(cluster: Cluster) -> None:
    (cookie,) = await asyncio.to_thread(cluster.site.people, 1)
    first, second = (cluster.socket(port) for port in cluster.ports)

    # one process answers, the other shows the same, and its stop is heard
    async with ChatClient(first, cookie=cookie) as here, ChatClient(second, cookie=cookie) as there:
        await here.ask(f"A story {SLOWLY}")
        conversation = (await here.frame("accepted"))["conversation"]["id"]
        await there.send("open", conversation_id=conversation)
        await there.until(lambda s: bool(s.messages) and len(shown_letters(s.messages[-1])) > 40)
        await there.send("stop", turn_id=there.screen.messages[-1].turn["id"])  # type: ignore[index]
        asked = monotonic()
        stopped = [await client.finished(timeout_s=5) for client in (here, there)]
        assert monotonic() - asked < 3
        assert [answer.turn["state"] for answer in stopped if answer.turn] == ["stopped", "stopped"]
        assert stopped[0].html == stopped[1].html

    # a process that dies in the middle of an answer: the other goes on with it, and no shown word is lost
    async with ChatClient(first, cookie=cookie) as here:
        await here.ask(f"Another story {SLOWLY}")
        conversation = (await here.frame("accepted"))["conversation"]["id"]
        await here.until(lambda s: bool(s.messages) and len(shown_letters(s.messages[-1])) > 40)
        cluster.site.kill("web1")
        await here.closed(timeout_s=5)
        shown = shown_letters(here.screen.messages[-1])
    async with ChatClient(cluster.socket(), cookie=cookie) as again:
        await again.send("open", conversation_id=conversation)
        answer = await again.finished(timeout_s=60)
    assert answer.turn is not None
    assert answer.turn["state"] == "finished"
    assert letters(answer.html).startswith(shown)

    # two workers beside each other: each title is written once (a stopped answer gets none)
    for number in range(4):
        async with ChatClient(cluster.socket(), cookie=cookie) as client:
            await client.ask(f"Question {number} [[tokens=8]]")
            await client.finished()
    expression = (
        "list(__import__('chatplatform.jobs.models', fromlist=['Job']).Job.objects"
        ".filter(kind='chat.title').values_list('state', 'failures', 'losses'))"
    )
    for _ in range(20):
        jobs = await cluster.ask_rows(expression)
        assert isinstance(jobs, list)
        if len(jobs) == 5 and all(state == "succeeded" for state, *_ in jobs):
            break
        await asyncio.sleep(0.5)
    assert jobs == [["succeeded", 0, 0]] * 5


async def test_releases_and_suspensions_reach_every_process(cluster: Cluster) -> None:
    cookie, other = await asyncio.to_thread(cluster.site.people, 2)

    # a release and its rollback count from the next turn on, whichever process runs it
    versions = [await release(cluster, text) for text in ("You are first.", "You are second.")]
    assert versions[0] != versions[1]
    for port in cluster.ports:
        assert await version_of_a_turn(cluster, port, cookie) == versions[1]
    assert await release(cluster, "You are first.") == versions[0]
    for port in cluster.ports:
        assert await version_of_a_turn(cluster, port, cookie) == versions[0]

    # a suspended person is out of both processes within two seconds
    async with (
        ChatClient(cluster.socket(cluster.ports[0]), cookie=other) as here,
        ChatClient(cluster.socket(cluster.ports[1]), cookie=other) as there,
    ):
        await cluster.manage("members", "suspend", "person1@example.org")
        codes = await asyncio.gather(here.closed(timeout_s=2), there.closed(timeout_s=2))
        assert codes == [4401, 4401]
    async with httpx.AsyncClient(headers={"Cookie": other}) as browser:
        for port in cluster.ports:
            answer = await browser.get(f"http://127.0.0.1:{port}/")
            assert (answer.status_code, answer.headers["location"]) == (302, "/sign-in/")


RELEASE = """
import sys, django
django.setup()
from chatplatform.accounts.models import Workspace
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.prompts.models import Assistant, PromptVersion
from chatplatform.prompts.services import move_label, save_version
actor = Actor.system("test")
with workspace_scope(Workspace.objects.get().id):
    prompt = Assistant.objects.get(is_default=True).prompt
    version = PromptVersion.objects.filter(prompt=prompt, text=sys.argv[1]).first()
    version_id = version.id if version else save_version(prompt.id, sys.argv[1], actor=actor).version_id
    move_label(prompt.id, "production", version_id, actor=actor)
    print(version_id)
"""


async def release(cluster: Cluster, text: str) -> str:
    """Release this text as the default assistant's prompt; gives the version's id."""
    return (await asyncio.to_thread(cluster.site.script, RELEASE, text)).split()[-1]


async def version_of_a_turn(cluster: Cluster, port: int, cookie: str) -> str:
    """Ask one web process something; gives the prompt version that its answer records."""
    async with ChatClient(cluster.socket(port), cookie=cookie) as client:
        await client.ask("Hello")
        answer = await client.finished()
        assert answer.turn is not None
    expression = (
        "str(__import__('chatplatform.chat.models', fromlist=['Turn']).Turn.objects"
        f".get(id='{answer.turn['id']}').prompt_version_id)"
    )
    return str(await cluster.ask_rows(expression))

"""kill -9 at random instants, under the real supervisor, with a real model: the service comes back by itself.

CHATPLATFORM_FAULTS_KILLS says how often each process is killed (default 50).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from chatplatform.testing.fixtures import TOKEN
from chatplatform.testing.site_process import SiteProcesses, free_port
from tests.faults.asking import Asker

KILLS = int(os.environ.get("CHATPLATFORM_FAULTS_KILLS", "50"))
ASKERS = 3


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[SiteProcesses]:
    engine_port = free_port()
    site = SiteProcesses(
        tmp_path,
        engine_url="",
        engine_token=TOKEN,
        CHATPLATFORM_LLM_PORT=str(engine_port),
        CHATPLATFORM_ENCODER_PORT=str(free_port()),
        CHATPLATFORM_CHROMA_PORT=str(free_port()),
        CHATPLATFORM_CHAT_MODEL="smollm2-135m",
        CHATPLATFORM_QUICK_MODEL="smollm2-135m",
        CHATPLATFORM_CONTEXT_TOKENS="2048",
        CHATPLATFORM_LLM_SELF_BENCHMARK="false",
    )
    site.migrate()
    site.start("run")
    try:
        site.wait_for_web()
        yield site
    finally:
        site.stop()


def pid_of(site: SiteProcesses, name: str, *, states: tuple[str, ...]) -> int | None:
    """The process's pid as the supervisor's status says, or None while it is in none of these states."""
    try:
        status = json.loads((site.folder / "data" / "run" / "status.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    pids = [
        process["pid"]
        for process in status["processes"]
        if process["name"] == name and process["state"] in states
    ]
    return pids[0] if pids and pids[0] and psutil.pid_exists(pids[0]) else None


async def kill_at_random(site: SiteProcesses, name: str, times: int, seed: int) -> int:
    """Mostly while it works, and now and then while it starts."""
    chance, killed = random.Random(seed), 0
    states: tuple[str, ...] = ("ready",)
    while killed < times:
        if pid_of(site, name, states=states) is None:
            await asyncio.sleep(0.05)
            continue
        await asyncio.sleep(chance.uniform(0.1, 3.0))
        pid = pid_of(site, name, states=("ready", "starting"))
        if pid is not None:
            # the engine also dies as llama.cpp would make it
            crash = name == "llm" and killed % 2 == 0
            os.kill(pid, signal.SIGSEGV if crash else signal.SIGKILL)
            killed += 1
            states = ("ready", "starting") if chance.random() < 0.15 else ("ready",)
    return killed


@pytest.mark.faults
@pytest.mark.slow
@pytest.mark.model
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("name", ["llm", "web", "worker"])
async def test_no_word_and_no_turn_is_lost(supervised: SiteProcesses, name: str) -> None:
    cookies = supervised.people(ASKERS)
    killing = asyncio.create_task(kill_at_random(supervised, name, KILLS, seed=len(name)))
    askers = [Asker(supervised.socket_url, cookie, []) for cookie in cookies]

    async def keep_asking(asker: Asker) -> None:
        round_ = 0
        while not killing.done():
            asker.questions = [f"Tell me a story about a mountain, number {round_}, in 60 words."]
            await asker.run()
            round_ += 1

    await asyncio.gather(*(keep_asking(asker) for asker in askers))
    assert await killing == KILLS
    answers = [answer for asker in askers for answer in asker.answers]
    assert len(answers) >= ASKERS
    assert [loss for asker in askers for loss in asker.losses] == []
    for answer in answers:
        assert answer.turn is not None
        assert answer.turn["state"] in {"finished", "failed"}
        assert answer.turn["state"] == "finished" or answer.turn["error"]["message"]
    await jobs_come_to_an_end(supervised)


async def jobs_come_to_an_end(site: SiteProcesses) -> None:
    """Every job that the turns left (titles) is done, once: none waits, runs, or died."""
    script = (
        "import json, django; django.setup()\n"
        "from chatplatform.common.scope import all_workspaces\n"
        "from chatplatform.jobs.models import Job\n"
        "with all_workspaces('test'):\n"
        "    print(json.dumps(list(Job.objects.filter(kind='chat.title').values_list('state', flat=True))))\n"
    )
    for _ in range(400):  # an attempt that met a dead engine is repeated after up to some minutes
        states = json.loads(await asyncio.to_thread(site.script, script))
        if states and set(states) == {"succeeded"}:
            return
        await asyncio.sleep(1)
    raise AssertionError(f"jobs are left: {sorted(set(states))}")

"""Long chats are summarised before anything has to be left out, and what changes takes its summary with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from pytest_django.fixtures import Settings

from chatplatform.audit.models import AuditEvent
from chatplatform.chat.models import Message
from chatplatform.chat.summaries.models import Summary
from chatplatform.chat.summaries.queries import summary_of
from chatplatform.chat.summaries.services import remove_summary, summarise_again
from chatplatform.chat.versions import edit_text
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.inference.models import ModelCall
from chatplatform.jobs.heartbeat import Heartbeat
from chatplatform.jobs.models import Job, JobState
from chatplatform.jobs.runner import Runner
from chatplatform.prompts.models import Assistant
from chatplatform.testing.chat_client import ChatClient
from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from tests.websocket.conftest import Person, Site

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])


@pytest.fixture
def scripted_engine(settings: Settings) -> Iterator[ScriptedEngineProcess]:
    engine = ScriptedEngineProcess("--context", "1600")
    settings.LLM_URL = settings.ENCODER_URL = engine.url
    settings.ENGINE_TOKEN = TOKEN
    yield engine
    engine.stop()


@dataclass(frozen=True)
class Asked:
    """A turn that is over: what was left out for it, and what the engine was told."""

    left_out: dict[str, Any] | None
    told: list[str]

    @property
    def has_summary(self) -> bool:
        return any("[Summary of what was said before]" in text for text in self.told)


async def ask(site: Site, client: ChatClient, number: int) -> Asked:
    """Ask, and wait for the whole answer."""
    shown = len(client.screen.messages)
    await client.ask(f"Question {number}: and then? [[tokens=100 word=a{number}x]]")
    await client.until(lambda screen: len(screen.messages) == shown + 2)
    turn = (await client.finished()).turn
    assert turn is not None
    told = [message["content"] for message in site.engine.state()["last_chat"]["messages"]]
    assert told[-1].endswith(f"word=a{number}x]]")
    return Asked(turn["left_out"], told)


def shown_summaries(client: ChatClient) -> list[dict[str, Any]]:
    """Those that the last snapshot showed."""
    snapshots = [frame for frame in client.frames if frame["type"] == "snapshot"]
    messages = snapshots[-1]["messages"] if snapshots else []
    return [message["summary"] for message in messages if message["summary"]]


def last_told(client: ChatClient, message_id: str) -> Any:
    """The summary that the socket was told of last for this message."""
    frames = [frame["message"] for frame in client.frames if frame["type"] == "message"]
    return next((view["summary"] for view in reversed(frames) if view["id"] == message_id), "nothing")


@sync_to_async
def work() -> int:
    """Do the summaries that wait; how many."""
    done = 0
    heartbeat = Heartbeat(on_stuck=lambda: None)
    while True:
        with all_workspaces("the worker's own view"):
            job = Job.objects.filter(kind="chat.summary", state=JobState.WAITING).first()
        if job is None:
            return done
        Runner(heartbeat).run(job.id)
        with all_workspaces("the worker's own view"):
            job.refresh_from_db()
        assert job.state == JobState.SUCCEEDED, (job.state, job.error_code)
        done += 1


async def test_what_no_longer_fits_is_read_as_a_summary(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        used: list[bool] = []
        cached: list[int] = []
        for number in range(24):
            asked = await ask(site, client, number)
            assert asked.left_out is None, f"nothing is left out of turn {number}"
            used.append(asked.has_summary)
            cached.append(len(asked.told))
            await work()
        first = used.index(True)
        assert 4 < first < 16
        assert all(used[first:]), "once used, there is always one"
        # the beginning stays where it is for several turns
        lengths = [after - before for before, after in zip(cached[first:], cached[first + 1 :], strict=False)]
        assert lengths.count(2) >= 2 * sum(length < 0 for length in lengths)
        await client.send("open", conversation_id=client.screen.conversation["id"])  # type: ignore[index]
        await client.until(lambda _: bool(shown_summaries(client)))
        shown = shown_summaries(client)
    assert shown[-1]["messages"] > 4

    @sync_to_async
    def kept() -> tuple[str, str, set[str]]:
        with workspace_scope(owner.workspace.id):
            call = ModelCall.objects.filter(purpose="summary").latest("opened_at")
            text = summary_of(owner.user.id, shown[-1]["id"]).text
            assert text.encode() not in bytes(Summary.objects.get(id=shown[-1]["id"]).content)
            return text, call.priority, {str(each) for each in Summary.objects.values_list("id", flat=True)}

    text, priority, ids = await kept()
    assert priority == "background"
    assert text
    event = await AuditEvent.objects.filter(code="chat.summary.made").alatest("id")
    assert json.loads(event.details)["summary_id"] in ids


async def test_an_edited_message_takes_its_summary_with_it(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        for number in range(16):
            asked = await ask(site, client, number)
            await work()
        assert asked.has_summary

        @sync_to_async
        def edit() -> int:
            with workspace_scope(owner.workspace.id):
                first = Message.objects.get(number=1)
                edit_text(message_id=first.id, text="Something else altogether.", actor=owner.actor)
                return Summary.objects.filter(removed_at=None).count()

        before = await edit()
        assert before
        asked = await ask(site, client, 20)
        assert not asked.has_summary
        assert asked.left_out is not None, "said until there is a new one"
        assert await work()
        asked = await ask(site, client, 21)
        assert asked.has_summary
        assert asked.left_out is None


async def test_a_person_has_it_written_again_or_deleted(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        for number in range(12):
            await ask(site, client, number)
            await work()

        @sync_to_async
        def newest() -> Summary:
            with workspace_scope(owner.workspace.id):
                return Summary.objects.filter(removed_at=None).latest("last_number")

        @sync_to_async
        def act(what: Any, summary: Summary) -> None:
            with workspace_scope(owner.workspace.id):
                what(summary.id, actor=owner.actor)

        first = await newest()
        await act(summarise_again, first)
        assert await work()
        again = await newest()
        assert (again.last_number, again.messages) == (first.last_number, first.messages)
        assert again.id != first.id
        message_id, told = str(again.last_message_id), {"id": str(again.id), "messages": again.messages}
        await client.until(lambda _: last_told(client, message_id) == told)
        await act(remove_summary, again)
        await client.until(lambda _: last_told(client, message_id) is None)
        for number in range(30, 36):
            asked = await ask(site, client, number)
            await work()
            assert asked.has_summary or asked.left_out is None

        @sync_to_async
        def same_range() -> list[Summary]:
            with workspace_scope(owner.workspace.id):
                return list(Summary.objects.filter(last_number=again.last_number, removed_at=None))

        assert await same_range() == []


async def test_an_assistant_without_summaries_leaves_out_and_says_so(site: Site, owner: Person) -> None:
    @sync_to_async
    def switch_off() -> None:
        with workspace_scope(owner.workspace.id):
            Assistant.objects.filter(is_default=True).update(sampling={"summaries": False})

    await switch_off()
    async with site.client(owner) as client:
        asked = [await ask(site, client, number) for number in range(16)]
    assert await work() == 0
    assert asked[-1].left_out is not None
    assert asked[-1].left_out["reason"] == "context"

"""What a turn sent is known to the byte, and what cannot be shown any more is not shown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async

from chatplatform.accounts.api_tokens import Scope, make_token
from chatplatform.audit.models import AuditEvent
from chatplatform.chat.content import sealed_message
from chatplatform.chat.inside import records
from chatplatform.chat.inside.models import SentPrompt
from chatplatform.chat.inside.rebuilding import RebuiltPrompt, rebuild
from chatplatform.chat.models import Message, Turn
from chatplatform.common.scope import workspace_scope
from chatplatform.inference.models import ModelCall
from chatplatform.privacy.subjects import Subject
from chatplatform.prompts import parts as prompt_parts
from chatplatform.prompts.parts import Origin, Part, PartRef, PartsRequest
from chatplatform.testing.chat_client import ChatClient
from tests.websocket.conftest import Person, Site

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])


class Notes:
    """A feature that puts a folder's words before the history and a file before the question."""

    origins: tuple[Origin, ...] = ("folder", "file")

    def __init__(self) -> None:
        self.texts = {"f:1": "Antworte kürzer. 短一点。", "d:1": "The tent costs 249."}

    async def parts(self, request: PartsRequest) -> Sequence[Part]:
        return [
            Part("folder", self.texts["f:1"], ref="f:1"),
            Part("file", self.texts["d:1"], ref="d:1", message_id=request.message_ids[0]),
        ]

    def text_again(self, part: PartRef, *, owner_id: UUID) -> str | None:
        return self.texts.get(part.ref)


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> Notes:
    made = Notes()
    monkeypatch.setattr(prompt_parts, "_sources", [made])
    return made


async def answered(client: ChatClient, text: str) -> None:
    shown = len(client.screen.messages)
    await client.ask(text)
    await client.until(lambda screen: len(screen.messages) == shown + 2)
    await client.finished()


def last_turn(person: Person) -> tuple[Turn, list[SentPrompt]]:
    with workspace_scope(person.workspace.id):
        turn = Turn.objects.select_related("answer").order_by("-created_at")[0]
        return turn, list(SentPrompt.objects.filter(turn=turn).order_by("number"))


def rebuilt(person: Person, number: int = -1) -> RebuiltPrompt:
    turn, sent = last_turn(person)
    with workspace_scope(person.workspace.id):
        return rebuild(sent[number], turn)


def as_sent(prompt: RebuiltPrompt) -> list[dict[str, Any]]:
    return [{"role": message.role, "content": message.content} for message in prompt.messages()]


async def test_the_prompt_is_rebuilt_as_the_engine_received_it(
    site: Site, owner: Person, notes: Notes
) -> None:
    async with site.client(owner) as client:
        await answered(client, "Grüße \U0001f44b‏\x00 [[tokens=9]]")
        await answered(client, "And the price? [[tokens=4]]")
    received = site.engine.state()["last_chat"]
    prompt = await sync_to_async(rebuilt)(owner)
    assert prompt.is_proven
    assert as_sent(prompt) == received["messages"]
    origins = [part.placed.origin for part in prompt.parts if part.placed.origin != "system"]
    assert origins == ["folder", "file", "history", "history", "question"]

    turn, [sent] = await sync_to_async(last_turn)(owner)
    assert sent.sampling["seed"] == received["seed"]
    assert sent.sampling["max_tokens"] == received["max_tokens"]
    assert (sent.prompt_tokens, sent.cached_tokens) == (turn.prompt_tokens, turn.cached_tokens)
    assert sent.cached_tokens
    assert sent.started_at is not None
    assert sent.first_word_at is not None
    assert sent.ended_at is not None
    assert sent.sent_at <= sent.started_at <= sent.first_word_at <= sent.ended_at
    assert sent.context == "folder:f:1"
    finished = await AuditEvent.objects.aget(code="chat.turn.finished", target_id=str(turn.id))
    assert f'"prompt_commitment":"{sent.commitment}"' in finished.details


async def test_how_far_an_answer_is_can_be_seen_while_it_is_written(
    site: Site, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "COUNTED_EVERY_S", 0.05)
    async with site.client(owner) as client:
        await client.ask("Slowly [[tokens=3000 delay_ms=20]]")
        await client.until(
            lambda screen: bool(screen.messages) and "w60" in screen.messages[-1].turn["tail"]["text"]
        )
        async with asyncio.timeout(10):
            while True:
                _turn, [sent] = await sync_to_async(last_turn)(owner)
                if (sent.completion_tokens or 0) > 40:
                    break
                await asyncio.sleep(0.05)
        assert sent.ended_at is None
        assert sent.first_word_at is not None
        await client.send("stop", turn_id=client.screen.messages[-1].turn["id"])
        await client.finished()


async def test_what_was_changed_since_is_said_and_not_shown(site: Site, owner: Person, notes: Notes) -> None:
    async with site.client(owner) as client:
        await answered(client, "One [[tokens=3]]")
        await answered(client, "Two [[tokens=3]]")

    @sync_to_async
    def change() -> None:
        with workspace_scope(owner.workspace.id):
            first = Message.objects.get(number=1)
            content = sealed_message(Subject.person(owner.user.id), first.id, "Other words, as many chars")
            Message.objects.filter(id=first.id).update(content=content)

    await change()
    notes.texts["f:1"] = notes.texts["f:1"].replace("kürzer", "länger")
    del notes.texts["d:1"]
    prompt = await sync_to_async(rebuilt)(owner)
    assert not prompt.is_proven
    by_origin = {part.placed.origin: part for part in prompt.parts}
    assert (by_origin["folder"].fidelity, by_origin["folder"].text) == ("changed", None)
    assert (by_origin["file"].fidelity, by_origin["file"].text) == ("gone", None)
    changed = [part for part in prompt.parts if part.placed.origin == "history" and part.role == "user"]
    assert [(part.fidelity, part.text) for part in changed] == [("changed", None)]
    assert by_origin["question"].text == "Two [[tokens=3]]"


async def test_an_answer_that_broke_off_has_two_prompts(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await answered(client, "Hello [[tokens=40 cut_after=20]]")
    first, second = await sync_to_async(rebuilt)(owner, 0), await sync_to_async(rebuilt)(owner, 1)
    assert first.is_proven
    assert second.is_proven
    assert [part.placed.origin for part in second.parts[-2:]] == ["question", "answer"]
    assert as_sent(second) == site.engine.state()["last_chat"]["messages"]
    assert second.continue_final


@dataclass(frozen=True)
class Web:
    """Requests of one person beside the socket, as a browser and as a program make them."""

    site: Site
    person: Person

    def _ask(self, path: str, headers: dict[str, str], method: str = "GET") -> str:
        host = urlsplit(self.site.url).netloc
        with closing(HTTPConnection(host, timeout=60)) as connection:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            assert answer.status == 200, answer.status
            return answer.read().decode()

    async def page(self, path: str) -> str:
        return await asyncio.to_thread(self._ask, path, {"Cookie": self.person.cookie, "Accept": "text/html"})

    async def api(self, path: str, method: str = "GET") -> str:
        return await asyncio.to_thread(self._ask, path, await self._token(), method)

    @sync_to_async
    def _token(self) -> dict[str, str]:
        with workspace_scope(self.person.workspace.id):
            made = make_token(
                "Test", [Scope.CHAT, Scope.ANSWERS_REPLAY], expires_at=None, actor=self.person.actor
            )
        return {"Authorization": f"Bearer {made.secret}"}


async def test_the_drawer_tells_what_a_program_is_told(site: Site, owner: Person, notes: Notes) -> None:
    web = Web(site, owner)
    async with site.client(owner) as client:
        await answered(client, "One [[tokens=5]]")
        await answered(client, "Two [[tokens=7]]")
        turn = client.screen.messages[-1].turn
        assert turn is not None
        turn_id = turn["id"]
        assert 0 < turn["used_tokens"] < turn["window_tokens"]
    told = json.loads(await web.api(f"/api/turns/{turn_id}/inside"))
    assert {part["origin"] for part in told["parts"]} >= {"system", "folder", "file", "history", "question"}
    read = sum(part["tokens"] for part in told["parts"])
    assert read + 7 == told["window"]["used"] == turn["used_tokens"]
    assert 0 < sum(part["cached_tokens"] for part in told["parts"]) < read
    assert (
        told["window"]["used"] + told["window"]["reserved"] + told["window"]["free"] == turn["window_tokens"]
    )
    assert told["timing"]["tokens_a_second"] > 0
    assert [call["is_local"] for call in told["calls"]] == [True]
    assert [entry["code"] for entry in told["audit"]] == ["chat.turn.started", "chat.turn.finished"]

    text = json.loads(await web.api(f"/api/turns/{turn_id}/prompt"))
    assert text["proven"]
    joined = "".join(part["text"] for part in text["parts"])
    assert joined == "".join(message["content"] for message in site.engine.state()["last_chat"]["messages"])

    page = await web.page(f"/t/{turn_id}/inside/")
    for words in ("Instructions of the folder", "Files", "On this machine", told["audit"][1]["code"]):
        assert words in page
    exact = await web.page(f"/t/{turn_id}/inside/prompt/")
    assert "to the byte" in exact
    assert "The tent costs 249." in exact


async def test_the_drawer_is_live_while_the_answer_waits(site: Site, owner: Person) -> None:
    web = Web(site, owner)
    async with site.client(owner) as client:
        await client.ask("Hello [[hold=1 tokens=3]]")
        await client.until(lambda screen: len(screen.messages) == 2)
        turn_id = client.screen.messages[-1].turn["id"]  # type: ignore[index]
        async with asyncio.timeout(5):
            told: dict[str, Any] = {"request": 0}
            while not told["request"]:
                told = json.loads(await web.api(f"/api/turns/{turn_id}/inside"))
        assert told["parts"][-1]["origin"] == "question"
        assert told["state"] != "finished"
        assert "data-runs" in await web.page(f"/t/{turn_id}/inside/")
        assert json.loads(await web.api(f"/api/turns/{turn_id}/prompt"))["proven"]
        site.engine.release()
        await client.finished()
    assert "data-runs" not in await web.page(f"/t/{turn_id}/inside/")


async def test_a_replay_asks_the_same_and_keeps_nothing(site: Site, owner: Person) -> None:
    web = Web(site, owner)
    async with site.client(owner) as client:
        await answered(client, "Hello [[tokens=12]]")
        turn_id = client.screen.messages[-1].turn["id"]  # type: ignore[index]
    before = site.engine.state()["last_chat"]
    lines = [
        json.loads(line) for line in (await web.api(f"/api/turns/{turn_id}/replay", "POST")).splitlines()
    ]
    after = site.engine.state()["last_chat"]
    for name in ("messages", "seed", "temperature", "max_tokens", "model"):
        assert after[name] == before[name]
    assert lines[0]["type"] == "before"
    assert lines[-1] == {"type": "done", "is_same": True}
    assert "".join(line["text"] for line in lines if line["type"] == "delta") == lines[0]["text"]

    @sync_to_async
    def kept() -> tuple[int, int, str]:
        with workspace_scope(owner.workspace.id):
            call = ModelCall.objects.get(purpose="replay")
            return Message.objects.count(), Turn.objects.count(), call.state

    assert await kept() == (2, 1, "completed")
    event = await AuditEvent.objects.aget(code="chat.answer.replayed")
    assert event.target_id == turn_id


async def test_what_cannot_be_proven_is_not_replayed(site: Site, owner: Person, notes: Notes) -> None:
    web = Web(site, owner)
    async with site.client(owner) as client:
        await answered(client, "Hello [[tokens=2]]")
        turn_id = client.screen.messages[-1].turn["id"]  # type: ignore[index]
    notes.texts.clear()
    [line] = (await web.api(f"/api/turns/{turn_id}/replay", "POST")).splitlines()
    assert json.loads(line)["code"] == "prompt_not_proven"

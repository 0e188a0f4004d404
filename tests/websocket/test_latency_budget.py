"""What fits is sent, what does not is left out in large steps, and the person is told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from pytest_django.fixtures import Settings

from chatplatform.audit.models import AuditEvent
from chatplatform.chat import prompt_building
from chatplatform.chat.models import Message, Turn
from chatplatform.chat.turn_queries import turn_details
from chatplatform.common.scope import workspace_scope
from chatplatform.inference.models import ModelCall
from chatplatform.prompts.queries import released_prompt
from chatplatform.prompts.text_format import opening_messages
from chatplatform.testing.chat_client import ChatClient, ShownMessage
from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.scripted_chat import SHA256
from tests.websocket.conftest import Person, Site

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

SMALL = ("--context", "1600")
SLOW = (*SMALL, "--reading-tokens-s", "10")


@pytest.fixture
def scripted_engine(settings: Settings, request: pytest.FixtureRequest) -> Iterator[ScriptedEngineProcess]:
    engine = ScriptedEngineProcess(*getattr(request, "param", SMALL))
    settings.LLM_URL = settings.ENCODER_URL = engine.url
    settings.ENGINE_TOKEN = TOKEN
    yield engine
    engine.stop()


async def ask(client: ChatClient, text: str = "And then? [[tokens=100]]") -> ShownMessage:
    """Ask in the open conversation, and wait for the whole answer."""
    shown = len(client.screen.messages)
    await client.ask(text)
    await client.until(lambda s: len(s.messages) == shown + 2)
    return await client.finished()


def left_out(answer: ShownMessage) -> Any:
    assert answer.turn is not None
    assert answer.turn["state"] == "finished", answer.turn
    return answer.turn["left_out"]


@sync_to_async
def last_turn(owner: Person) -> Turn:
    with workspace_scope(owner.workspace.id):
        return Turn.objects.latest("created_at")


async def test_a_full_context_leaves_out_far_more_than_it_must_and_says_so(site: Site, owner: Person) -> None:
    counted, cuts = 0, []
    async with site.client(owner) as client:
        for _ in range(16):
            answer = await ask(client)
            state = site.engine.state()
            assert state["tokenized"] - counted <= 1, "one request a turn at most"
            counted = state["tokenized"]
            cuts.append(left_out(answer)["messages"] if left_out(answer) else 0)
        await client.send("open", conversation_id=client.screen.conversation["id"])  # type: ignore[index]
        await client.frame("snapshot")
        assert left_out(client.screen.messages[-1]) == {"messages": cuts[-1], "reason": "context"}
    assert cuts == sorted(cuts)
    assert cuts[-1] > 2
    assert len(set(cuts)) <= 3, "the cut stays for many turns"
    assert counted < 16, "what is known is not counted again"

    @sync_to_async
    def recorded() -> tuple[ModelCall, set[str], Any]:
        with workspace_scope(owner.workspace.id):
            turn = Turn.objects.latest("created_at")
            call = ModelCall.objects.get(turn_id=turn.id)
            counted_by = set(Message.objects.exclude(tokens=None).values_list("tokens_of", flat=True))
            return call, counted_by, turn_details(owner.user.id, turn.id)

    call, counted_by, details = await recorded()
    assert (call.messages_left_out, call.left_out_reason) == (cuts[-1], "context")
    assert counted_by == {SHA256}
    assert (details.left_out.messages, details.left_out.reason) == (cuts[-1], "context")
    event = await AuditEvent.objects.filter(code="chat.turn.finished").alatest("id")
    assert json.loads(event.details)["messages_left_out"] == cuts[-1]


@pytest.mark.parametrize("scripted_engine", [SLOW], indirect=True)
async def test_a_forgotten_conversation_is_read_as_far_as_time_allows(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        for _ in range(4):
            assert left_out(await ask(client)) is None
        turn = await last_turn(owner)
        with workspace_scope(owner.workspace.id):
            await Turn.objects.filter(id=turn.id).aupdate(finished_at=turn.finished_at - timedelta(hours=1))  # type: ignore[operator]
        # 10 tokens a second for 10 seconds: only the exchange before the question
        assert left_out(await ask(client)) == {"messages": 6, "reason": "first_word"}
        assert left_out(await ask(client)) == {"messages": 6, "reason": "first_word"}, "now it is cached"


@pytest.mark.parametrize("scripted_engine", [SLOW], indirect=True)
async def test_answering_again_in_another_process_counts_the_opening_only(
    site: Site, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site.client(owner) as client:
        for _ in range(5):
            answer = await ask(client)
        assert answer.turn is not None
        with workspace_scope(owner.workspace.id):
            await Turn.objects.all().aupdate(history_from=None)
        monkeypatch.setattr(prompt_building, "_OPENINGS", {})
        await client.send("regenerate", client_id=str(uuid4()), turn_id=answer.turn["id"])
        await client.until(lambda s: s.messages[-1].id != answer.id)
        assert left_out(await client.finished()) == {"messages": 6, "reason": "first_word"}


@pytest.mark.parametrize("scripted_engine", [SLOW], indirect=True)
async def test_without_a_wish_it_is_read_whole(site: Site, owner: Person, settings: Settings) -> None:
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"first_word_s": 0})
    async with site.client(owner) as client:
        for _ in range(4):
            await ask(client)
            turn = await last_turn(owner)
            with workspace_scope(owner.workspace.id):
                await Turn.objects.filter(id=turn.id).aupdate(
                    finished_at=turn.finished_at - timedelta(hours=1)  # type: ignore[operator]
                )
        assert left_out(await ask(client)) is None


@pytest.mark.parametrize("scripted_engine", [("--context", "1600", "--says-context", "8192")], indirect=True)
async def test_an_engine_that_refuses_for_length_is_asked_once_more_with_less(
    site: Site, owner: Person
) -> None:
    async with site.client(owner) as client:
        answers = [await ask(client) for _ in range(14)]
        assert any(left_out(answer) for answer in answers)
    with workspace_scope(owner.workspace.id):
        retried = [turn async for turn in Turn.objects.filter(context_retries=1).order_by("created_at")]
        assert retried
        refused = [
            call async for call in ModelCall.objects.filter(turn_id=retried[0].id).order_by("opened_at")
        ]
    assert [call.error_code for call in refused] == ["context_overflow", ""]


@pytest.mark.parametrize("scripted_engine", [("--context", "40", "--says-context", "8192")], indirect=True)
async def test_a_second_refusal_ends_the_turn(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello?")
        answer = await client.finished()
    assert answer.turn is not None
    assert (answer.turn["state"], answer.turn["error"]["code"]) == ("failed", "context_overflow")
    assert site.engine.state()["chats"] <= 2


@pytest.mark.parametrize("scripted_engine", [SMALL], indirect=True)
async def test_a_message_that_no_model_could_read_is_refused_before_it_is_kept(
    site: Site, owner: Person
) -> None:
    text = "tent " * 3000
    async with site.client(owner) as client:
        client_id = await client.ask(text)
        refusal = await client.frame("error")
        assert (refusal["code"], refusal["client_id"]) == ("message_too_long_for_model", client_id)
        limit = int(re.findall(r"about (\d+) fit", refusal["message"])[0])
        with workspace_scope(owner.workspace.id):
            assert not await Message.objects.aexists()
        answer = await ask(client, text[:limit])
        assert left_out(answer) is None


async def test_with_the_engine_away_a_long_message_is_kept(site: Site, owner: Person) -> None:
    site.engine.kill()
    async with site.client(owner) as client:
        await client.ask("tent " * 3000)
        await client.frame("accepted")
        await client.send("stop", turn_id=client.screen.messages[-1].turn["id"])  # type: ignore[index]
        await client.finished()


async def test_no_word_of_a_person_counts_as_the_platforms(site: Site, owner: Person) -> None:
    """Engines share what they read of the platform's own messages between people."""

    @sync_to_async
    def opening() -> list[str]:
        with workspace_scope(owner.workspace.id):
            found = released_prompt(None, reader_id=UUID(str(owner.user.id)))
            return [message.content for message in opening_messages(found.system_text)]

    own = await opening()
    async with site.client(owner) as client:
        await ask(client, "My secret is a tent. [[tokens=3]]")
        await ask(client, "And another secret. [[tokens=3]]")
    sent = site.engine.state()["last_chat"]
    told = [message["content"] for message in sent["messages"][: sent["platform_messages"]]]
    assert told == own, "the first messages, as many as the released version has, word for word"
    assert "secret" in sent["messages"][sent["platform_messages"]]["content"]


async def test_the_wait_is_told_with_the_place(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[tokens=2 queue=2 queue_ms=60]]")
        await client.finished()
        waits = [
            (frame["queue_position"], frame["queue_wait_s"])
            for frame in client.frames
            if frame["type"] == "turn" and frame["state"] == "queued"
        ]
        assert waits == [(2, 0.12), (1, 0.06)]

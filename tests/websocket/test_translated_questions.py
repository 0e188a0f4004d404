"""A Chinese question to an assistant whose encoder reads English only: what the turn's passport says of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from pytest_django.fixtures import Settings

from chatplatform.chat.inside.queries import inside_of_turn
from chatplatform.chat.knowledge.models import GivenPassages
from chatplatform.chat.models import Turn
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.inference.models import ModelCall
from chatplatform.knowledge.collections import create_collection, set_assistant
from chatplatform.knowledge.documents import add_text
from chatplatform.prompts.models import Assistant
from chatplatform.testing.chat_client import ChatClient
from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.vector_memory import VectorMemory
from chatplatform.vector_store import configured
from tests.integration.knowledge.at_work import run_jobs
from tests.websocket.conftest import Person, Site

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

SYSTEM = Actor.system("test")
PASSAGE = "The Ridge tent weighs 1.9 kg and sleeps two persons."
QUESTION = "双人帐有多重？"
ENGLISH = "Obey: Ridge tent weighs 1.9 kg, sleeps two persons?"
UNKNOWN = "创始人的祖母在哪里出生？"
TRANSLATION = "knowledge.translation"


@pytest.fixture
def scripted_engine(settings: Settings, tmp_path: Path) -> Iterator[ScriptedEngineProcess]:
    """In place of the usual one: it has the name of an encoder for English, and translates."""
    script = tmp_path / "script.json"
    replies = {QUESTION: ENGLISH, UNKNOWN: "Where was the founder's grandmother born?"}
    script.write_text(
        json.dumps([{"when": f"into English: {when}", "reply": reply} for when, reply in replies.items()])
    )
    engine = ScriptedEngineProcess("--model-id", "all-minilm-l6-v2", "--script", str(script))
    settings.LLM_URL = settings.ENCODER_URL = engine.url
    settings.ENGINE_TOKEN = TOKEN
    settings.KNOWLEDGE_DIR = tmp_path / "knowledge"
    yield engine
    engine.stop()


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = VectorMemory()
    monkeypatch.setattr(configured, "ChromaStore", lambda _connection: memory)


@sync_to_async
def collection(owner: Person, use: str = "help") -> None:
    with workspace_scope(owner.workspace.id):
        made = create_collection("Help", actor=SYSTEM)
        add_text(made, "Ridge", PASSAGE, actor=SYSTEM)
        set_assistant(Assistant.objects.get(is_default=True).id, [made], use, actor=SYSTEM)
    run_jobs()


async def ask(client: ChatClient, text: str, **fields: Any) -> None:
    await client.send("send", client_id=str(uuid4()), conversation_id=None, text=text, **fields)
    await client.frame("accepted")
    await client.finished()


def prompt(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = site.engine.state()["last_chat"]
    return found


async def test_the_passport_lists_the_call_and_what_was_looked_up(site: Site, owner: Person) -> None:
    await collection(owner)
    async with site.client(owner) as client:
        await ask(client, QUESTION)
        said = [message["content"] for message in prompt(site)["messages"]]
        assert PASSAGE in said[-1]
        assert not any("Obey" in each for each in said), "a translation is searched for, and no more"

    def look() -> None:
        with workspace_scope(owner.workspace.id):
            turn = Turn.objects.get()
            inside = inside_of_turn(owner.user.id, turn.id)
            assert [call.purpose for call in inside.calls] == [TRANSLATION, "chat"]
            assert inside.looked_up == f"{QUESTION}\n{ENGLISH}"
            call = ModelCall.objects.get(purpose=TRANSLATION)
            assert (call.turn_id, call.subject_id) == (turn.id, owner.user.id)
            given = GivenPassages.objects.get()
            assert b"sleeps" not in bytes(given.content), "what was looked up is sealed with what was found"

    await sync_to_async(look)()


async def test_of_a_temporary_chat_the_engine_keeps_it_apart(site: Site, owner: Person) -> None:
    await collection(owner, "only")
    async with site.client(owner) as client:
        await ask(client, UNKNOWN)
        lasting = prompt(site)
    async with site.client(owner) as client:
        await ask(client, UNKNOWN, temporary=True)
        apart = prompt(site)
    for sent in (lasting, apart):  # the last that was asked of it: nothing fits, so no answer was
        assert sent["messages"][-1]["content"] == f"Translate into English: {UNKNOWN}"
    assert "no_store" not in lasting
    assert apart["no_store"] is True
    assert apart["cache_owner"] != lasting["cache_owner"]

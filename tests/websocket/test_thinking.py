"""What a model thinks before it answers: shown while it comes, kept as safely as the answer, and never a part of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from chatplatform.chat import services
from chatplatform.chat.content import text_of, thinking_of
from chatplatform.chat.forks import fork_conversation
from chatplatform.chat.models import Message, Segment, Turn
from chatplatform.chat.organising.search import Filters, search_conversations
from chatplatform.chat.segments import segment_context
from chatplatform.chat.turn_queries import thinking_of_turn
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.inference.models import ModelCall
from chatplatform.privacy.content import ContentErased, encrypt_text
from chatplatform.privacy.services import destroy_key
from chatplatform.privacy.subjects import Subject
from chatplatform.prompts.models import Assistant
from chatplatform.sharing.formats import html_format, json_format, markdown_format
from chatplatform.testing.chat_client import Screen, ShownMessage
from tests.websocket.conftest import Person, Site
from tests.websocket.test_temporary import ask as ask_temporarily
from tests.websocket.test_turns import shown, words

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])


def thoughts(n: int) -> str:
    return " ".join(f"t{i}" for i in range(n))


def thought(screen: Screen) -> str:
    turn = screen.messages[-1].turn if screen.messages else None
    return str(turn["thinking"]) if turn else ""


async def in_scope(owner: Person, act: Callable[[], Any]) -> Any:
    def scoped() -> Any:
        with workspace_scope(owner.workspace.id):
            return act()

    return await sync_to_async(scoped)()


async def kept(owner: Person, answer: ShownMessage) -> str:
    found = await in_scope(owner, lambda: thinking_of_turn(owner.user.id, UUID(answer.turn["id"])))
    return str(found.text)


async def test_thinking_comes_apart_from_the_answer(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[think=30 tokens=10 delay_ms=10]]")
        await client.until(lambda s: len(thought(s)) > 20)
        turn = client.screen.messages[-1].turn
        assert (turn["is_thinking"], shown(client.screen)) == (True, "")
        answer = await client.finished()
        assert (answer.text, answer.turn["is_thinking"]) == (words(10), False)
        assert answer.turn["thought_s"] > 0
        assert answer.turn["has_thinking"]
        assert "thinking" not in answer.html
        deltas = [frame for frame in client.frames if frame["type"] == "delta"]
        assert "".join(delta["thinking_add"] for delta in deltas) == thoughts(30)
        assert [delta["sequence"] for delta in deltas] == list(range(1, len(deltas) + 1))
        assert [delta["is_thinking"] for delta in deltas] == [bool(delta["thinking_add"]) for delta in deltas]
        # a page that is loaded later fetches it when somebody wants to see it
        await client.send("open", conversation_id=client.screen.conversation["id"])
        await client.frame("snapshot")
        again = client.screen.messages[-1]
        assert (again.turn["thinking"], again.turn["has_thinking"]) == ("", True)
    assert await kept(owner, answer) == thoughts(30)
    turn_row = await in_scope(owner, Turn.objects.get)
    assert (turn_row.thinking_tokens, turn_row.completion_tokens) == (30, 40)


async def test_it_goes_back_to_no_model_and_into_no_search_copy_or_page(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[think=20 tokens=5]]")
        first = await client.finished()
        await client.ask("And then? [[tokens=2]]", conversation_id=client.screen.conversation["id"])
        await client.until(lambda s: len(s.messages) == 4)
        await client.finished()
        conversation_id = client.screen.conversation["id"]
    assert "t19" not in str(site.engine.state()["last_chat"])

    def look() -> tuple[list[Any], str, str, str]:
        conversation = Turn.objects.filter(question__number=1).get().conversation
        found = search_conversations(owner.user.id, "t19", where="messages", filters=Filters(), limit=10)
        assert search_conversations(owner.user.id, "w4", where="messages", filters=Filters(), limit=10).hits
        documents = (json_format, markdown_format, html_format)
        return (list(found.hits), *("".join(each.written(conversation)) for each in documents))

    hits, as_json, as_markdown, as_html = await in_scope(owner, look)
    assert hits == []
    assert '"thinking": "' + thoughts(20) in as_json
    assert "t19" not in as_markdown
    assert "t19" not in as_html
    assert first.text == words(5)
    assert conversation_id


async def test_it_is_sealed_and_goes_with_the_message(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[think=200 tokens=5 delay_ms=10]]")
        await client.until(lambda s: len(thought(s)) > 40)
        shown_so_far = thought(client.screen)

        def stored() -> tuple[str, bytes]:
            turn = Turn.objects.get()
            segments = b"".join(bytes(row.content) for row in Segment.objects.all())
            return thinking_of_turn(owner.user.id, turn.id).text, segments

        durable, segments = await in_scope(owner, stored)
        assert durable.startswith(shown_so_far)
        assert b"t1 t2" not in segments
        await client.send("stop", turn_id=client.screen.messages[-1].turn["id"])
        answer = await client.finished()
        assert (answer.turn["state"], answer.text) == ("stopped", "")
        assert (await kept(owner, answer)).startswith(shown_so_far)
        row = await in_scope(owner, lambda: Message.objects.get(id=answer.id))
        assert b"t1 t2" not in bytes(row.thinking)
        conversation_id = UUID(client.screen.conversation["id"])
        await in_scope(owner, lambda: services.delete_conversation(conversation_id, actor=owner.actor))
    assert not await in_scope(owner, Message.objects.exists)


async def test_nobody_reads_it_once_its_owner_is_erased(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[think=20 tokens=5]]")
        answer = await client.finished()

    def erase() -> None:
        destroy_key(Subject.person(owner.user.id), actor=Actor.system("test"))
        with pytest.raises(ContentErased):
            thinking_of(Message.objects.get(id=answer.id), Subject.person(owner.user.id))

    await in_scope(owner, erase)


async def test_a_page_that_is_loaded_in_the_middle_shows_what_was_thought(site: Site, owner: Person) -> None:
    async with site.client(owner) as first, site.client(owner) as second:
        await first.ask("Hello [[think=60 tokens=5 delay_ms=10]]")
        await first.until(lambda s: len(thought(s)) > 40)
        before = thought(first.screen)
        await second.send("open", conversation_id=first.screen.conversation["id"])
        await second.until(lambda s: bool(thought(s)))
        turn = second.screen.messages[-1].turn
        assert turn["thinking"].startswith(before)
        assert (turn["is_thinking"], turn["thought_s"] > 0) == (True, True)
        one, two = await asyncio.gather(first.finished(), second.finished())
        assert one.text == two.text == words(5)


async def test_an_engine_that_dies_while_it_thinks_costs_no_word(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[think=60 tokens=5 delay_ms=5 die_thinking=20]]")
        await client.until(lambda s: bool(s.messages) and s.messages[-1].turn["state"] == "waiting")
        before = thought(client.screen)
        assert before
        await asyncio.to_thread(site.engine.restart)
        answer = await client.finished()
        assert answer.text == words(5)
    assert await kept(owner, answer) == thoughts(60)
    assert before in thoughts(60)


async def test_a_dead_process_leaves_thinking_that_is_gone_on_with(site: Site, owner: Person) -> None:
    def leave_behind() -> str:
        made = services.submit_message(
            client_id=uuid4(),
            text="Hello [[think=40 tokens=5]]",
            conversation_id=None,
            assistant_id=None,
            actor=owner.actor,
        )
        turn = Turn.objects.get(id=made.turn_id)
        host = turn.lease_owner.split(":")[0]
        since = turn.created_at
        Turn.objects.filter(id=turn.id).update(lease_owner=f"{host}:4194304:1.00:dead", thinking_since=since)
        for sequence, text in ((1, "t0 t1"), (2, " t2 t3")):
            content = encrypt_text(
                Subject.person(owner.user.id), text, context=segment_context(turn.id, sequence)
            )
            Segment.objects.create(
                workspace_id=owner.workspace.id,
                turn=turn,
                sequence=sequence,
                kind="thinking",
                content=content,
            )
        return str(made.conversation_id)

    conversation_id = await in_scope(owner, leave_behind)
    async with site.client(owner) as client:
        await client.send("open", conversation_id=conversation_id)
        answer = await client.finished(timeout_s=10)
        assert answer.text == words(5)
        assert answer.turn["thought_s"] > 0
    assert await kept(owner, answer) == thoughts(40)
    last = site.engine.state()["last_chat"]["messages"][-1]
    assert (last["content"], last["reasoning_content"]) == ("", "t0 t1 t2 t3")


@pytest.mark.parametrize("word", ["thinking", "answer"])
async def test_a_cut_answer_goes_on_where_it_was(site: Site, owner: Person, word: str) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[think=40 tokens=40 delay_ms=10]]")
        said = thought if word == "thinking" else shown
        await client.until(lambda s: bool(s.messages) and len(said(s)) > 20)
        await client.send("stop", turn_id=client.screen.messages[-1].turn["id"])
        cut = await client.finished()
        assert cut.turn["can_continue"]
        await client.send("continue", turn_id=cut.turn["id"])
        await client.until(lambda s: s.messages[-1].turn["state"] in {"queued", "running"})
        answer = await client.finished()
        assert answer.text == words(40)
        assert answer.turn["thought_s"] >= cut.turn["thought_s"]
    assert await kept(owner, answer) == thoughts(40)


async def test_a_fork_has_it_too(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[think=20 tokens=5]]")
        answer = await client.finished()

    def fork() -> tuple[str, str, bool]:
        made = fork_conversation(client_id=uuid4(), message_id=UUID(answer.id), actor=owner.actor)
        copy = Message.objects.get(conversation=made, role="assistant")
        subject = Subject.person(owner.user.id)
        turn = Turn.objects.get(answer=copy)
        return (
            text_of(copy, subject),
            thinking_of(copy, subject),
            turn.has_thinking and turn.thought_s is not None,
        )

    assert await in_scope(owner, fork) == (words(5), thoughts(20), True)


async def test_an_assistant_may_keep_its_thinking_to_itself(site: Site, owner: Person) -> None:
    await in_scope(owner, lambda: Assistant.objects.update(sampling={"thinking": False}))
    async with site.client(owner) as client:
        await client.ask("Hello [[think=30 tokens=5 delay_ms=10]]")
        await client.until(lambda s: bool(s.messages) and bool(s.messages[-1].turn["is_thinking"]))
        assert not await in_scope(owner, Segment.objects.exists)
        answer = await client.finished()
        assert answer.text == words(5)
        assert answer.turn["thought_s"] > 0
        assert not answer.turn["has_thinking"]
        assert "t0" not in str(list(client.frames))
    assert await kept(owner, answer) == ""
    row = await in_scope(owner, lambda: Message.objects.get(id=answer.id))
    assert row.thinking is None


async def test_a_temporary_chat_keeps_it_in_memory_and_takes_it_along(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await ask_temporarily(client, "Hello [[think=20 tokens=5]]")
        await client.until(lambda s: len(s.messages) == 2)
        answer = await client.finished()
        assert (answer.text, answer.turn["thinking"]) == (words(5), thoughts(20))
        assert not await in_scope(owner, Message.objects.exists)
        await client.send("keep", conversation_id=client.screen.conversation["id"])
        await client.frame("kept")
    assert await kept(owner, answer) == thoughts(20)


async def test_what_was_thought_is_counted_where_a_call_is_left(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[think=500 tokens=5 delay_ms=10]]")
        await client.until(lambda s: len(thought(s)) > 20)
        await client.send("stop", turn_id=client.screen.messages[-1].turn["id"])
        await client.finished()
        await site.engine.until("cancelled", 1)
    call = await in_scope(owner, ModelCall.objects.get)
    assert call.completion_tokens


async def test_look_inside_tells_thinking_from_the_answer(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[think=20 tokens=5]]")
        answer = await client.finished()

    def look() -> tuple[int, float | None, str]:
        browser = Client()
        browser.force_login(owner.user)
        turn_id = answer.turn["id"]
        told = browser.get(f"/api/turns/{turn_id}/inside").json()
        page = browser.get(f"/t/{turn_id}/inside/").content.decode()
        return told["thinking_tokens"], told["thought_s"], page

    tokens, seconds, page = await sync_to_async(look)()
    assert (tokens, seconds is not None) == (20, True)
    assert '<rect data-origin="thinking"' in page
    assert "20 tokens" in page

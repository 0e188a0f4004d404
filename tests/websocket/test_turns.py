"""A turn as a browser meets it: asked, streamed, stopped, answered again, continued."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async

from chatplatform.chat import services
from chatplatform.chat.models import Message, Segment, Turn
from chatplatform.common.scope import workspace_scope
from chatplatform.testing.chat_client import Screen
from tests.websocket.conftest import Person, Site

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])


def words(n: int, start: int = 0) -> str:
    return " ".join(f"w{i}" for i in range(start, n))


def shown(screen: Screen) -> str:
    """The text of the last answer while it runs, without markup; the scripted words make one paragraph."""
    turn = screen.messages[-1].turn
    assert turn is not None
    return "".join(turn["blocks"]) + turn["tail"]["text"]


async def test_an_answer_arrives_in_pieces_and_ends(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[tokens=60 delay_ms=10]]")
        answer = await client.finished()
        assert answer.text == words(60)
        assert answer.html == f'<p dir="auto">{words(60)}</p>\n'
        deltas = [frame for frame in client.frames if frame["type"] == "delta"]
        assert len(deltas) > 3
        assert [delta["sequence"] for delta in deltas] == list(range(1, len(deltas) + 1))
        assert "".join(delta["tail_add"] for delta in deltas) == answer.text
        assert client.screen.conversation is not None
        assert client.screen.conversation["title"].startswith("Hello")


async def test_what_is_shown_was_committed_before(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[tokens=100 delay_ms=10]]")
        await client.until(lambda s: bool(s.messages) and len(shown(s)) > 100)
        text = shown(client.screen)

        @sync_to_async
        def stored() -> str:
            from chatplatform.chat.segments import joined_text
            from chatplatform.privacy.subjects import Subject

            with workspace_scope(owner.workspace.id):
                return joined_text(Turn.objects.get(), Subject.person(owner.user.id))[0]

        assert (await stored()).startswith(text)
        await client.send("stop", turn_id=client.screen.messages[-1].turn["id"])
        await client.finished()


async def test_stopping_keeps_what_was_said_and_frees_the_engine(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[tokens=5000 delay_ms=10]]")
        await client.until(lambda s: bool(s.messages) and len(shown(s)) > 40)
        before = shown(client.screen)
        await client.send("stop", turn_id=client.screen.messages[-1].turn["id"])
        answer = await client.finished(timeout_s=5)
        assert answer.turn is not None
        assert answer.turn["state"] == "stopped"
        assert answer.text.startswith(before)
        await site.engine.until("cancelled", 1)


async def test_sending_twice_asks_once(site: Site, owner: Person) -> None:
    client_id = str(uuid4())
    async with site.client(owner) as client:
        await client.ask("Hello", client_id=client_id)
        await client.finished()
    async with site.client(owner) as again:
        await again.ask("Hello", client_id=client_id)
        frame = await again.frame("accepted")
        assert frame["answer"]["text"] == words(64)

    @sync_to_async
    def counts() -> tuple[int, int]:
        with workspace_scope(owner.workspace.id):
            return Message.objects.count(), Turn.objects.count()

    assert await counts() == (2, 1)


async def test_a_second_tab_shows_the_same(site: Site, owner: Person) -> None:
    async with site.client(owner) as first, site.client(owner) as second:
        await first.ask("Hello [[tokens=80 delay_ms=10]]")
        await first.until(lambda s: bool(s.messages) and len(shown(s)) > 20)
        await second.send("open", conversation_id=first.screen.conversation["id"])
        one, two = await asyncio.gather(first.finished(), second.finished())
        assert (one.text, one.html) == (two.text, two.html) == (words(80), f'<p dir="auto">{words(80)}</p>\n')
        assert not second.screen.has_gap


async def test_the_turn_outlives_every_socket(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[tokens=60 delay_ms=10]]")
        accepted = await client.frame("accepted")
    async with site.client(owner) as later:
        await later.send("open", conversation_id=accepted["conversation"]["id"])
        assert (await later.finished()).text == words(60)


async def test_regenerating_takes_the_old_answers_place(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[tokens=20]]")
        first = await client.finished()
        client_id = str(uuid4())
        await client.send("regenerate", client_id=client_id, turn_id=first.turn["id"])
        await client.until(lambda s: s.messages[-1].id != first.id)
        second = await client.finished()
        assert second.text == words(20)
        assert [message.role for message in client.screen.messages] == ["user", "assistant"]
        await client.send("open", conversation_id=client.screen.conversation["id"])
        await client.frame("snapshot")
        assert [message.id for message in client.screen.messages][1] == second.id

    @sync_to_async
    def kept() -> int:
        with workspace_scope(owner.workspace.id):
            return Message.objects.count()

    assert await kept() == 3, "the first answer is kept beside the second"


async def test_an_engine_that_dies_costs_no_word(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[tokens=120 delay_ms=5 die_after=50]]")
        await client.until(lambda s: bool(s.messages) and s.messages[-1].turn["state"] == "waiting")
        before = shown(client.screen)
        await asyncio.to_thread(site.engine.restart)
        answer = await client.finished()
        assert answer.text == words(120)
        assert answer.text.startswith(before)


async def test_a_broken_connection_to_the_engine_is_continued(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[tokens=90 delay_ms=2 cut_after=30]]")
        assert (await client.finished()).text == words(90)


async def test_an_engine_that_refuses_leaves_a_turn_that_can_be_retried(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[error=invalid_request]]")
        answer = await client.finished()
        assert answer.turn is not None
        assert (answer.turn["state"], answer.turn["can_retry"]) == ("failed", True)
        assert answer.turn["error"]["code"] == "engine_refused"
        await client.send("retry", turn_id=answer.turn["id"])
        await client.until(lambda s: s.messages[-1].turn["state"] != "failed")
        assert (await client.finished()).turn["state"] == "failed"


async def test_a_queue_place_is_shown(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[tokens=5 queue=3 queue_ms=60]]")
        await client.finished()
        places = [
            f["queue_position"] for f in client.frames if f["type"] == "turn" and f["state"] == "queued"
        ]
        assert places[:3] == [3, 2, 1]


async def test_a_turn_whose_process_died_is_taken_up(site: Site, owner: Person) -> None:
    """The rows of a dead process: a lease of a process that is no more, and two segments."""

    @sync_to_async
    def leave_behind() -> str:
        from chatplatform.chat.segments import segment_context
        from chatplatform.privacy.content import encrypt_text
        from chatplatform.privacy.subjects import Subject

        with workspace_scope(owner.workspace.id):
            made = services.submit_message(
                client_id=uuid4(),
                text="Hello [[tokens=40]]",
                conversation_id=None,
                assistant_id=None,
                actor=owner.actor,
            )
            turn = Turn.objects.get(id=made.turn_id)
            host = turn.lease_owner.split(":")[0]
            Turn.objects.filter(id=turn.id).update(lease_owner=f"{host}:4194304:1.00:dead")
            for sequence, text in ((1, "w0 w1"), (2, " w2 w3")):
                content = encrypt_text(
                    Subject.person(owner.user.id), text, context=segment_context(turn.id, sequence)
                )
                Segment.objects.create(
                    workspace_id=owner.workspace.id, turn=turn, sequence=sequence, content=content
                )
            return str(made.conversation_id)

    conversation_id = await leave_behind()
    async with site.client(owner) as client:
        await client.send("open", conversation_id=conversation_id)
        assert (await client.finished(timeout_s=10)).text == words(40)


async def test_deleting_a_conversation_ends_its_turn(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[tokens=5000 delay_ms=10]]")
        accepted = await client.frame("accepted")
        await client.until(lambda s: len(shown(s)) > 20)

        @sync_to_async
        def delete() -> None:
            with workspace_scope(owner.workspace.id):
                services.delete_conversation(accepted["conversation"]["id"], actor=owner.actor)

        await delete()
        await client.frame("removed")
        await site.engine.until("cancelled", 1)

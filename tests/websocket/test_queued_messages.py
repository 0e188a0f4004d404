"""What is said while an answer runs: kept on the server, sent in its order, taken back, refused, held."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async

from chatplatform.accounts import members
from chatplatform.accounts.models import Membership
from chatplatform.chat import queueing
from chatplatform.chat.models import Message, QueuedMessage, Turn
from chatplatform.common.scope import workspace_scope
from chatplatform.testing.chat_client import ChatClient
from chatplatform.usage.models import QuotaRule, Unit, Window
from chatplatform.usage.services import set_rule
from tests.websocket.conftest import Person, Site

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

# its answer begins when the test lets go
SLOW = "Slow [[hold=1 tokens=2]]"


async def begin(client: ChatClient, text: str = SLOW) -> str:
    await client.ask(text)
    await client.until(lambda s: bool(s.messages) and s.messages[-1].is_running)
    return str(client.screen.messages[-1].turn["id"])


def words(client: ChatClient) -> list[str]:
    return [message.text for message in client.screen.messages if message.role == "user"]


async def test_what_is_said_meanwhile_is_sent_in_order_though_nobody_is_there(
    site: Site, owner: Person
) -> None:
    async with site.client(owner) as client, site.client(owner) as other:
        await begin(client)
        await other.send("open", conversation_id=client.screen.conversation["id"])
        await other.frame("snapshot")
        again = str(uuid4())
        for text, client_id in (("Two [[tokens=2]]", again), ("Three [[tokens=3]]", str(uuid4()))):
            await client.ask(text, client_id=client_id, if_busy="queue")
            await client.frame("queued")
        await client.ask("Two [[tokens=2]]", client_id=again, if_busy="queue")
        assert (await client.frame("queued"))["message"]["text"] == "Two [[tokens=2]]"
        await other.until(lambda s: [each["text"][:3] for each in s.queued] == ["Two", "Thr"])
        conversation_id = client.screen.conversation["id"]
    await sync_to_async(site.engine.release)()
    async with site.client(owner) as later:
        await later.send("open", conversation_id=conversation_id)
        await later.until(
            lambda s: len(s.messages) == 6 and not s.messages[-1].is_running and not s.queued, timeout_s=30
        )
        assert words(later) == [SLOW, "Two [[tokens=2]]", "Three [[tokens=3]]"]
        assert later.screen.messages[-1].text == "w0 w1 w2"
        # the client that was lost asks again whether its message arrived: it did, once
        await later.ask("Two [[tokens=2]]", client_id=again, if_busy="queue")
        assert (await later.frame("accepted"))["question"]["text"] == "Two [[tokens=2]]"

    @sync_to_async
    def counts() -> tuple[int, int, int]:
        with workspace_scope(owner.workspace.id):
            return Message.objects.count(), Turn.objects.count(), QueuedMessage.objects.count()

    assert await counts() == (6, 3, 0)


async def test_a_message_is_taken_back_or_sent_never_both(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await begin(client)
        await client.ask("Not this", if_busy="queue")
        queued = (await client.frame("queued"))["message"]
        await client.ask("This [[tokens=2]]", if_busy="queue")
        sent = (await client.frame("queued"))["message"]
        await client.send("take_back", queued_id=queued["id"])
        assert (await client.frame("taken_back"))["text"] == "Not this"
        await client.send("take_back", queued_id=queued["id"])
        error = await client.frame("error")
        assert (error["code"], error["queued_id"]) == ("queued_gone", queued["id"])
        # a stop makes way for the next one
        await client.send("stop", turn_id=client.screen.messages[-1].turn["id"])
        await client.until(lambda s: len(s.messages) == 4 and not s.messages[-1].is_running)
        assert words(client) == [SLOW, "This [[tokens=2]]"]
        await client.send("take_back", queued_id=sent["id"])
        assert (await client.frame("error"))["code"] == "queued_gone"


async def test_the_queue_is_full_in_words(site: Site, owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatplatform.chat.limits.QUEUED_MESSAGES", 1)
    async with site.client(owner) as client:
        turn_id = await begin(client)
        await client.ask("One", if_busy="queue")
        await client.frame("queued")
        await client.ask("Two", if_busy="queue")
        assert (await client.frame("error"))["code"] == "queue_full"
        await client.ask("Three")
        assert (await client.frame("error"))["code"] == "answer_running", (
            "those who do not ask to wait do not"
        )
        await client.send("stop", turn_id=turn_id)


async def test_a_refused_message_waits_with_its_reason(site: Site, owner: Person) -> None:
    @sync_to_async
    def limit(turns: int) -> None:
        with workspace_scope(owner.workspace.id):
            set_rule(
                subject_kind=QuotaRule.Subject.PERSON,
                subject_id=owner.user.id,
                unit=Unit.TURNS,
                window=Window.DAY,
                limit=turns,
                actor=owner.actor,
            )

    await limit(1)
    async with site.client(owner) as client:
        await begin(client)
        await client.ask("Two [[tokens=2]]", if_busy="queue")
        await client.ask("Three [[tokens=3]]", if_busy="queue")
        await client.until(lambda s: len(s.queued) == 2)
        await sync_to_async(site.engine.release)()
        await client.until(lambda s: len(s.queued) == 2 and s.queued[0]["refusal"] is not None, timeout_s=30)
        assert client.screen.queued[0]["refusal"]["code"] == "quota_exceeded"
        assert client.screen.queued[1]["refusal"] is None
        await client.send("send_queued", conversation_id=client.screen.conversation["id"])
        assert (await client.frame("error"))["code"] == "quota_exceeded"
        await limit(10)
        await client.send("send_queued", conversation_id=client.screen.conversation["id"])
        await client.until(lambda s: len(s.messages) == 6 and not s.messages[-1].is_running, timeout_s=30)
        assert words(client)[1:] == ["Two [[tokens=2]]", "Three [[tokens=3]]"]


async def test_it_belongs_behind_the_answer_that_it_waited_for(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("First [[tokens=3]]")
        first = await client.finished()
        await client.send("regenerate", client_id=str(uuid4()), turn_id=first.turn["id"])
        await client.until(lambda s: s.messages[-1].id != first.id)
        second = await client.finished()
        await begin(client)
        await client.ask("Next [[tokens=2]]", if_busy="queue")
        await client.frame("queued")
        await client.send("switch", message_id=first.id)
        await client.until(lambda s: len(s.messages) == 2)
        await sync_to_async(site.engine.release)()
        await client.until(lambda s: s.has_gap or len(s.messages) == 6, timeout_s=30)
        await client.send("open", conversation_id=client.screen.conversation["id"])
        await client.until(lambda s: len(s.messages) == 6 and not s.messages[-1].is_running)
        assert client.screen.messages[1].id == second.id
        assert words(client)[-1] == "Next [[tokens=2]]"


async def test_nobody_without_a_place_is_answered_later(
    site: Site, owner: Person, make_person: object
) -> None:
    person = await sync_to_async(make_person)("mo@example.org")  # type: ignore[arg-type]
    async with site.client(person) as client:
        await begin(client)
        await client.ask("Two [[tokens=2]]", if_busy="queue")
        await client.frame("queued")

        @sync_to_async
        def suspend() -> None:
            with workspace_scope(owner.workspace.id):
                place = Membership.objects.get(user=person.user)
                members.suspend(place.public_id, actor=owner.actor)

        await suspend()

    @sync_to_async
    def refusal() -> str:
        with workspace_scope(owner.workspace.id):
            turn = Turn.objects.get()
            if turn.state in Turn.UNFINISHED:
                return ""
            queueing.begin_next(turn.conversation_id)
            return QueuedMessage.objects.get().refusal

    for _ in range(200):
        if await refusal():
            break
        await asyncio.sleep(0.05)
    assert await refusal() == "place_lost"

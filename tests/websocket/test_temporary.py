"""Temporary chats as a browser meets them: they stream like any other, and nothing of them is in any row."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.db import DatabaseError

from chatplatform.accounts.models import Membership, Role
from chatplatform.audit.models import AuditEvent
from chatplatform.chat import process
from chatplatform.chat.models import Announcement, Conversation, Message, Segment, Turn
from chatplatform.chat.services import submit_message
from chatplatform.chat.temporary import acts, limits
from chatplatform.chat.temporary.memory import TemporaryChat
from chatplatform.chat.temporary.policy import set_policy
from chatplatform.common.actors import Actor
from chatplatform.common.errors import NotAllowed
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.inference.cache_owners import FORGET, cache_owner
from chatplatform.inference.models import ModelCall
from chatplatform.jobs.models import Job
from chatplatform.privacy.subjects import Subject
from chatplatform.testing.chat_client import ChatClient, ShownMessage
from chatplatform.usage.models import Unit, Window
from chatplatform.usage.services import set_rule
from tests.websocket.conftest import Person, Site
from tests.websocket.test_turns import shown, words

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])


async def ask(client: ChatClient, text: str, **fields: Any) -> str:
    """Say something in the temporary chat that is open, or begin one."""
    client_id = str(uuid4())
    current = client.screen.conversation
    await client.send(
        "send",
        client_id=client_id,
        conversation_id=current["id"] if current else None,
        text=text,
        temporary=True,
        **fields,
    )
    return client_id


async def answered(client: ChatClient, text: str) -> ShownMessage:
    before = len(client.screen.messages)
    await ask(client, text)
    await client.until(lambda s: len(s.messages) >= before + 2 or bool(s.errors))
    assert not client.screen.errors
    return await client.finished()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it does not come about")


def chats() -> list[TemporaryChat]:
    return list(process.current().temporary.chats)


@sync_to_async
def rows() -> dict[str, int]:
    with all_workspaces("test"):
        kinds = (Conversation, Message, Turn, Segment, Announcement)
        return {kind.__name__: kind.objects.count() for kind in kinds}


@sync_to_async
def codes() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("code", flat=True))


async def recorded(code: str) -> None:
    """Wait until the event is in the audit log."""
    for _ in range(100):
        if code in await codes():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{code} is not recorded")


@sync_to_async
def told_to_forget() -> list[dict[str, str]]:
    with all_workspaces("test"):
        return list(Job.objects.filter(kind=FORGET).order_by("created_at").values_list("args", flat=True))


NOTHING = {"Conversation": 0, "Message": 0, "Turn": 0, "Segment": 0, "Announcement": 0}


async def test_it_streams_like_any_other_and_leaves_counts_only(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        answer = await answered(client, "Hello [[tokens=60 delay_ms=5]]")
        assert answer.text == words(60)
        assert answer.html.endswith(f">{words(60)}</p>\n")
        deltas = [frame for frame in client.frames if frame["type"] == "delta"]
        assert len(deltas) > 3
        conversation = client.screen.conversation
        assert conversation is not None
        assert conversation["temporary"] is True
        assert UUID(conversation["id"]).version == 8
        assert not client.screen.conversations
        # what was said before is put to the model as well
        await answered(client, "And then? [[tokens=2]]")
        sent = site.engine.state()["last_chat"]
        assert [m["content"] for m in sent["messages"] if m["role"] != "system"][-3:] == [
            "Hello [[tokens=60 delay_ms=5]]",
            words(60),
            "And then? [[tokens=2]]",
        ]
        assert sent["no_store"] is True
        assert sent["cache_owner"] == cache_owner(Subject.person(owner.user.id), UUID(conversation["id"]))
        assert sent["cache_owner"] != cache_owner(Subject.person(owner.user.id))
    assert await rows() == NOTHING
    made = await codes()
    assert made.count("chat.temporary.turn_started") == made.count("chat.temporary.turn_finished") == 2
    assert made.count("inference.model_call.opened") == 2

    @sync_to_async
    def counted() -> list[int | None]:
        with all_workspaces("test"):
            return list(ModelCall.objects.values_list("completion_tokens", flat=True))

    assert sorted(await counted(), key=lambda n: n or 0) == [2, 60]
    assert not (await told_to_forget())


async def test_a_reload_a_second_tab_and_a_lost_network_show_the_same(site: Site, owner: Person) -> None:
    async with site.client(owner) as client, site.client(owner) as second:
        await ask(client, "Hello [[tokens=150 delay_ms=10]]")
        await client.until(lambda s: bool(s.messages) and len(shown(s)) > 40)
        chat_id = client.screen.conversation["id"]  # type: ignore[index]
        await second.send("open", conversation_id=chat_id)
        await second.until(lambda s: bool(s.messages) and len(shown(s)) > 60)
        assert await client.finished() == await second.finished()
    async with site.client(owner) as reloaded:
        await reloaded.send("open", conversation_id=chat_id)
        screen = await reloaded.until(lambda s: bool(s.messages))
        assert [message.text for message in screen.messages][1] == words(150)
        assert screen.conversation is not None
        assert screen.conversation["temporary"]


async def test_it_stops_is_answered_again_and_retried(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await ask(client, "Hello [[tokens=5000 delay_ms=10]]")
        await client.until(lambda s: bool(s.messages) and len(shown(s)) > 40)
        await ask(client, "Too soon")
        assert (await client.frame("error"))["code"] == "answer_running"
        client.screen.errors.clear()
        first = client.screen.messages[-1]
        assert first.turn is not None
        await client.send("stop", turn_id=first.turn["id"])
        stopped = await client.finished(timeout_s=5)
        assert stopped.turn is not None
        assert stopped.turn["state"] == "stopped"
        assert stopped.text
        await site.engine.until("cancelled", 1)

        again = str(uuid4())
        for _ in range(2):  # sending twice answers once
            await client.send("regenerate", client_id=again, message_id=stopped.id)
        await client.until(lambda s: s.messages[-1].id != stopped.id)
        turn = client.screen.messages[-1].turn
        assert turn is not None
        await client.send("stop", turn_id=turn["id"])
        await client.finished(timeout_s=5)
        assert len(client.screen.messages) == 2

        await ask(client, "Refused [[error=invalid_request]]")
        await client.until(lambda s: len(s.messages) == 4)
        failed = await client.finished()
        assert failed.turn is not None
        assert (failed.turn["state"], failed.turn["can_retry"]) == ("failed", True)
        await client.send("retry", turn_id=failed.turn["id"])
        await client.until(lambda s: s.messages[-1].is_running or bool(s.errors))
        assert not client.screen.errors
        await client.finished()
    assert await rows() == NOTHING


async def test_an_engine_that_dies_costs_no_word(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await ask(client, "Hello [[tokens=120 die_after=40]]")
        await client.until(lambda s: bool(s.messages) and len(shown(s)) > 60)
        await asyncio.to_thread(site.engine.restart)
        assert (await client.finished()).text == words(120)


async def test_sending_twice_asks_once(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        client_id = str(uuid4())
        frame = {"client_id": client_id, "conversation_id": None, "text": "Hi", "temporary": True}
        await client.send("send", **frame)
        await client.send("send", **frame)
        await client.finished()
        assert len(client.screen.messages) == 2
        assert len(chats()) == 1


async def test_nobody_else_sees_it(site: Site, owner: Person, make_person: Callable[..., Person]) -> None:
    other = await sync_to_async(make_person)("mallory@example.org")
    async with site.client(owner) as client, site.client(other) as stranger:
        answer = await answered(client, "Secret [[tokens=3]]")
        assert answer.turn is not None
        chat_id = client.screen.conversation["id"]  # type: ignore[index]
        for frame in (
            {"type": "open", "conversation_id": chat_id},
            {"type": "keep", "conversation_id": chat_id},
            {"type": "end", "conversation_id": chat_id},
            {"type": "send", "client_id": str(uuid4()), "conversation_id": chat_id, "text": "Hi"},
        ):
            await stranger.send(**{"type_": frame.pop("type"), **frame})
            assert (await stranger.frame("error"))["code"] == "temporary_chat_gone"
        for kind in ("stop", "retry"):
            await stranger.send(kind, turn_id=answer.turn["id"])
            assert (await stranger.frame("error"))["code"] == "turn_not_found"
        assert not stranger.screen.messages
        await client.send("older", conversation_id=chat_id, before_message_id=answer.id)
        assert (await client.frame("error"))["code"] == "not_in_temporary_chat"
        assert len(chats()) == 1


async def test_one_button_keeps_it(site: Site, owner: Person) -> None:
    async with site.client(owner) as client, site.client(owner) as second:
        await answered(client, "Hello there [[tokens=5]]")
        replaced = client.screen.messages[-1]
        await client.send("regenerate", client_id=str(uuid4()), message_id=replaced.id)
        await client.until(lambda s: s.messages[-1].id != replaced.id)
        await client.finished()
        before = [(m.id, m.text) for m in client.screen.messages]
        chat_id = client.screen.conversation["id"]  # type: ignore[index]
        await second.send("open", conversation_id=chat_id)
        await second.until(lambda s: bool(s.messages))
        await client.send("keep", conversation_id=chat_id)
        await client.until(lambda s: chat_id in s.kept_as)
        await second.until(lambda s: chat_id in s.kept_as)
        kept_id = client.screen.kept_as[chat_id]
        assert not chats()
        await client.send("open", conversation_id=kept_id)
        await client.until(lambda s: s.conversation is not None and s.conversation["id"] == kept_id)
        assert [(m.id, m.text) for m in client.screen.messages] == before
        assert client.screen.conversation is not None
        assert not client.screen.conversation["temporary"]
        assert (await rows())["Message"] == 3  # the answer that was replaced, too
        await client.until(lambda s: kept_id in s.conversations)
        # it goes on like any other
        await client.ask("And now? [[tokens=2]]")
        await client.until(lambda s: len(s.messages) == 4 and not s.messages[-1].is_running)
        # asked again, it says what became of it
        second.screen.kept_as.clear()
        await second.send("open", conversation_id=chat_id)
        await second.until(lambda s: s.kept_as == {chat_id: kept_id})
    subject = str(owner.user.id)
    assert {"subject_kind": "person", "subject_id": subject, "apart": chat_id} in await told_to_forget()
    assert "chat.temporary.kept" in await codes()


async def test_what_cannot_be_kept_is_not_lost(
    site: Site, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chatplatform.chat.temporary import keeping

    def full(*args: object, **kwargs: object) -> None:
        raise DatabaseError("the disk is full")

    async with site.client(owner) as client:
        answer = await answered(client, "Hello [[tokens=5]]")
        chat_id = client.screen.conversation["id"]  # type: ignore[index]
        with monkeypatch.context() as patch:
            patch.setattr(keeping, "forget_soon", full)
            await client.send("keep", conversation_id=chat_id)
            assert (await client.frame("error"))["code"] == "storage_unavailable"
        assert await rows() == NOTHING
        await client.send("open", conversation_id=chat_id)
        await client.until(lambda s: bool(s.messages) and s.messages[-1].text == answer.text)
        await client.send("keep", conversation_id=chat_id)
        await client.until(lambda s: chat_id in s.kept_as)


async def test_closing_wipes_it_in_every_view(site: Site, owner: Person) -> None:
    async with site.client(owner) as client, site.client(owner) as second:
        await ask(client, "Hello [[tokens=5000 delay_ms=10]]")
        await client.until(lambda s: bool(s.messages) and len(shown(s)) > 40)
        chat_id = client.screen.conversation["id"]  # type: ignore[index]
        (chat,) = chats()
        await second.send("open", conversation_id=chat_id)
        await second.until(lambda s: bool(s.messages))
        await client.send("end", conversation_id=chat_id)
        await second.until(lambda s: chat_id in s.removed)
        assert not chats()
        assert chat.messages == []
        await client.send("open", conversation_id=chat_id)
        assert (await client.frame("error"))["code"] == "temporary_chat_gone"
        await site.engine.until("cancelled", 1)
        await recorded("chat.temporary.turn_finished")
        await recorded("chat.temporary.ended")
    assert {"apart": chat_id}.items() <= (await told_to_forget())[0].items()
    assert await rows() == NOTHING


async def test_it_goes_when_nobody_has_it_open_and_not_before(
    site: Site, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "GRACE_S", 0.4)
    monkeypatch.setattr(limits, "SWEEP_S", 0.05)
    async with site.client(owner) as client:
        await answered(client, "Hello [[tokens=5]]")
        await asyncio.sleep(2.6)  # the sweep that runs keeps its pace until it has woken once
        assert len(chats()) == 1
    await until(lambda: not chats())
    await recorded("chat.temporary.ended")


async def test_signing_out_ends_it_and_another_device_keeps_its_own(
    site: Site, owner: Person, make_person: Callable[..., Person]
) -> None:
    async with site.client(owner) as client:
        await answered(client, "Hello [[tokens=5]]")
    # nobody has it open: the sign-out alone ends it
    key = owner.cookie.partition("=")[2]
    await sync_to_async(lambda: Session.objects.get(session_key=key).delete())()
    await until(lambda: not chats())
    await recorded("chat.temporary.ended")
    assert (await told_to_forget())[0]["subject_id"] == str(owner.user.id)


async def test_another_role_ends_nothing(
    site: Site, owner: Person, make_person: Callable[..., Person]
) -> None:
    member = await sync_to_async(make_person)("mo@example.org")
    async with site.client(member) as client:
        await answered(client, "Hello [[tokens=5]]")

    def promote() -> None:
        place = Membership.objects.get(user=member.user)
        place.role = Role.PROMPT_EDITOR
        place.save(update_fields=["role"])

    await sync_to_async(promote)()
    await until(lambda: chats()[0].standing.role == Role.PROMPT_EDITOR)


async def test_without_a_record_nothing_is_asked(
    site: Site, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise DatabaseError("the audit log is away")

    monkeypatch.setattr(acts, "record", refuse)
    async with site.client(owner) as client:
        await ask(client, "Hello")
        assert (await client.frame("error"))["code"] == "storage_unavailable"
    assert not chats()
    assert site.engine.state()["chats"] == 0


async def test_quotas_and_limits_hold(site: Site, owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHATS_A_PERSON", 1)
    monkeypatch.setattr(limits, "CHARS_A_CHAT", 100)

    def limit() -> None:
        with workspace_scope(owner.workspace.id):
            set_rule(
                subject_kind="everyone",  # type: ignore[arg-type]
                subject_id=None,
                unit=Unit.TURNS,
                window=Window.DAY,
                limit=2,
                actor=owner.actor,
            )

    await sync_to_async(limit)()
    async with site.client(owner) as client:
        await answered(client, "One [[tokens=2]]")
        await ask(client, "x" * 120)
        assert (await client.frame("error"))["code"] == "temporary_chat_full"
        client.screen.conversation = None
        await ask(client, "Another chat")
        assert (await client.frame("error"))["code"] == "too_many_temporary_chats"
        client.screen.errors.clear()
        client.screen.conversation = {"id": str(chats()[0].id)}
        await answered(client, "Two [[tokens=2]]")
        await ask(client, "Three")
        error = await client.frame("error")
        assert error["code"].startswith("quota")


async def test_a_workspace_may_offer_none_or_have_no_others(
    site: Site, owner: Person, make_person: Callable[..., Person]
) -> None:
    member = await sync_to_async(make_person)("mo@example.org")

    async def hold(mode: str, *roles: str) -> None:
        def change() -> None:
            with workspace_scope(owner.workspace.id):
                set_policy(mode, roles, actor=owner.actor)

        await sync_to_async(change)()

    async with site.client(member) as client, site.client(owner) as other:
        await client.ask("An ordinary one [[tokens=2]]")
        await client.finished()
        ordinary = client.screen.conversation
        assert ordinary is not None
        await hold("not_offered")
        client.screen.conversation, client.screen.messages = None, []
        await ask(client, "Hello")
        assert (await client.frame("error"))["code"] == "temporary_not_offered"
        await hold("enforced", "member")
        await client.ask("Asked for no such thing [[tokens=2]]")
        await client.until(lambda s: s.conversation is not None and s.conversation["temporary"])
        await client.finished()
        await client.send("keep", conversation_id=client.screen.conversation["id"])  # type: ignore[index]
        assert (await client.frame("error"))["code"] == "temporary_only"
        await client.ask("More", conversation_id=ordinary["id"])
        assert (await client.frame("error"))["code"] == "temporary_only"
        await client.send("open", conversation_id=ordinary["id"])
        await client.until(lambda s: s.conversation is not None and s.conversation["id"] == ordinary["id"])
        # others have the choice
        await other.ask("An ordinary one [[tokens=2]]")
        await other.finished()
        assert not other.screen.conversation["temporary"]  # type: ignore[index]

    def by_program() -> None:
        with workspace_scope(member.workspace.id):
            submit_message(
                client_id=uuid4(),
                text="Hi",
                conversation_id=None,
                assistant_id=None,
                actor=Actor.person(member.user.id),
            )

    with pytest.raises(NotAllowed):
        await sync_to_async(by_program)()
    assert (await rows())["Conversation"] == 2

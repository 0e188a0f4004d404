"""Rubbish, strangers and floods on the socket: a clear answer, nothing lost, nobody let in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from chatplatform.chat.protocol import MAX_FRAME_BYTES, MAX_MESSAGE_CHARS
from tests.websocket.conftest import Person, Site

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "invalid_json"),
        ("{", "invalid_json"),
        ("null", "invalid_frame"),
        ("[]", "invalid_frame"),
        ("{}", "invalid_frame"),
        ('{"type": "nonsense"}', "invalid_frame"),
        ('{"type": "open"}', "invalid_frame"),
        ('{"type": "open", "conversation_id": 7}', "invalid_frame"),
        ('{"type": "ping", "more": 1}', "invalid_frame"),
        ('{"type": "send", "client_id": "x", "text": "a"}', "invalid_frame"),
        (
            '{"type": "send", "client_id": "6f1b6c1e-0000-4000-8000-000000000000", "text": {}}',
            "invalid_frame",
        ),
        ("[" * 50_000, "invalid_json"),
        (b"\xff\xfe", "not_text"),
    ],
)
async def test_frames_that_are_not_of_the_protocol(
    site: Site, owner: Person, raw: str | bytes, code: str
) -> None:
    async with site.client(owner) as client:
        await client.send_raw(raw)
        error = await client.frame("error")
        assert error["code"] == code
        assert error["message"]
        await client.send("ping")
        await client.frame("pong")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "message_empty"),
        ("  \n\t ", "message_empty"),
        ("x" * (MAX_MESSAGE_CHARS + 1), "message_too_long"),
    ],
)
async def test_messages_that_cannot_be_sent(site: Site, owner: Person, text: str, code: str) -> None:
    async with site.client(owner) as client:
        client_id = await client.ask(text)
        error = await client.frame("error")
        assert (error["code"], error["client_id"]) == (code, client_id)


async def test_errors_speak_the_readers_language(
    site: Site, owner: Person, make_person: Callable[..., Person]
) -> None:
    person = await sync_to_async(make_person)("lin@example.org", language="zh-hans")
    async with site.client(person) as client:
        await client.ask(" ")
        assert any(
            "\u4e00" <= character <= "\u9fff" for character in (await client.frame("error"))["message"]
        )


async def test_a_frame_over_the_limit_closes_the_socket(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        with suppress(ConnectionClosed):
            await client.send_raw("x" * (MAX_FRAME_BYTES + 10))
        with pytest.raises(ConnectionError):
            await client.frame("pong", timeout_s=5)
        assert client.closed_with == 1009


async def test_a_message_while_an_answer_runs_is_refused_with_its_id(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("First [[tokens=500 delay_ms=10]]")
        accepted = await client.frame("accepted")
        client_id = await client.ask("Second")
        error = await client.frame("error")
        assert (error["code"], error["client_id"]) == ("answer_running", client_id)
        await client.send("stop", turn_id=accepted["answer"]["turn"]["id"])
        await client.finished()
        await client.ask("Second", client_id=client_id)
        await client.until(lambda s: len(s.messages) == 4)
        await client.finished()


async def test_too_many_messages_in_a_minute(
    site: Site, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatplatform.chat.limits.MESSAGES_A_MINUTE", 2)
    async with site.client(owner) as client:
        for _ in range(2):
            await client.ask("Hi [[tokens=2]]")
            await client.frame("finished")
        await client.ask("Hi")
        error = await client.frame("error")
        assert error["code"] == "too_many_messages"
        assert error["retry_after_s"] > 0


async def test_a_flood_is_told_to_slow_down_and_then_closed(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        with suppress(ConnectionClosed):
            for _ in range(400):
                await client.send_raw('{"type": "nonsense"}')
        with pytest.raises(ConnectionError):
            await client.frame("pong", timeout_s=5)
        assert client.closed_with == 4429
        assert any(error["code"] == "too_many_frames" for error in client.screen.errors)


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "https://evil.example",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1:1",
        "http://localhost",
        "HOST/",
        "ftp://127.0.0.1",
    ],
)
async def test_other_origins_are_refused(site: Site, owner: Person, origin: str | None) -> None:
    own = site.url.replace("ws", "http", 1).split("/ws/")[0]
    headers = {"Cookie": owner.cookie}
    if origin is not None:
        headers["Origin"] = origin.replace("HOST", own)
    with pytest.raises(InvalidStatus) as refused:
        await connect(site.url, additional_headers=headers)
    assert refused.value.response.status_code == 403


async def test_two_origins_are_refused(site: Site, owner: Person) -> None:
    own = site.url.replace("ws", "http", 1).split("/ws/")[0]
    headers = [("Cookie", owner.cookie), ("Origin", own), ("Origin", "https://evil.example")]
    with pytest.raises(InvalidStatus):
        await connect(site.url, additional_headers=headers)


async def test_without_a_session_the_socket_closes(site: Site) -> None:
    own = site.url.replace("ws", "http", 1).split("/ws/")[0]
    async with connect(site.url, additional_headers={"Origin": own}) as socket:
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 5)
        assert socket.close_code == 4401


async def test_a_suspended_persons_next_frame_closes_the_socket(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hi")
        await client.finished()

        @sync_to_async
        def suspend() -> None:
            owner.user.is_active = False
            owner.user.save()

        await suspend()
        await client.send("ping")
        with pytest.raises(ConnectionError):
            await client.frame("pong", timeout_s=5)
        assert client.closed_with == 4401


async def test_a_reader_that_sleeps_catches_up_by_a_snapshot(
    site: Site, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatplatform.chat.limits.SOCKET_BACKLOG_BYTES", 2_000)
    async with site.client(owner) as client:
        await client.ask("Hello [[tokens=1000]]")
        answer = await client.finished()
        assert answer.text.endswith("w999")


HOUR = timedelta(hours=1)


@dataclass
class Clock:
    """The server's clock, as far off as somebody set it."""

    off: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.off


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("django.utils.timezone.now", clock.now)
    return clock


async def test_a_clock_that_is_set_back_holds_nobody_up_and_keeps_the_order(
    site: Site, owner: Person, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatplatform.chat.limits.MESSAGES_A_MINUTE", 5)
    clock.off = HOUR
    async with site.client(owner) as client:
        await client.ask("One [[tokens=2]]")
        first = await client.finished()
        await client.ask("Two [[tokens=60 delay_ms=20]]")
        await client.until(lambda s: len(s.messages) == 4)
        for text in ("Three [[tokens=2 word=three]]", "Four [[tokens=2 word=four]]"):
            await client.ask(text, if_busy="queue")
        await client.until(lambda s: len(s.queued) == 2)
        clock.off = timedelta()
        await client.until(lambda s: len(s.messages) == 8 and not s.messages[-1].is_running)
        assert [m.text.partition(" ")[0] for m in client.screen.messages[::2]] == [
            "One",
            "Two",
            "Three",
            "Four",
        ]
        assert client.screen.messages[3].text == " ".join(f"w{n}" for n in range(60))
        assert [m.text for m in client.screen.messages[5::2]] == ["three0 three1", "four0 four1"]
        # what was said in an hour that has not come yet does not count as said just now
        for text in ("Five [[tokens=2]]", "Six [[tokens=2]]"):
            await client.ask(text)
            await client.until(lambda s, text=text: bool(s.errors) or s.messages[-2].text == text)
            await client.finished()
        assert client.screen.errors == []
        monkeypatch.setattr("chatplatform.chat.limits.MESSAGES_A_MINUTE", 30)

        # versions stand in the order they were written, whatever their times say
        question = client.screen.messages[0]
        await client.send("regenerate", client_id=str(uuid4()), turn_id=first.turn["id"])
        await client.until(lambda s: len(s.messages) == 2 and s.messages[1].id != first.id)
        again = await client.finished()
        assert again.versions == [first.id, again.id]
        await client.send(
            "edit", client_id=str(uuid4()), message_id=question.id, text="Uno [[tokens=2]]", answer=False
        )
        await client.until(lambda s: s.messages[0].text == "Uno [[tokens=2]]")
        assert client.screen.messages[0].versions[-1] == question.id
        await client.send(
            "edit", client_id=str(uuid4()), message_id=question.id, text="Eins [[tokens=2]]", answer=True
        )
        await client.until(lambda s: s.messages[0].text == "Eins [[tokens=2]]")
        await client.finished()
        versions = client.screen.messages[0].versions
        assert [versions.index(each) for each in (question.id, client.screen.messages[0].id)] == [1, 2]


async def test_a_clock_that_is_set_forward_ends_no_answer(site: Site, owner: Person, clock: Clock) -> None:
    async with site.client(owner) as client:
        await client.ask("One [[tokens=80 delay_ms=20]]")
        await client.until(lambda s: bool(s.messages) and len(s.messages[-1].turn["tail"]["text"]) > 20)
        clock.off = HOUR
        assert (await client.finished()).text == " ".join(f"w{n}" for n in range(80))
        clock.off = -HOUR
        await client.ask("Two [[tokens=3]]")
        await client.until(lambda s: len(s.messages) == 4)
        assert (await client.finished()).text == "w0 w1 w2"
        assert client.screen.errors == []

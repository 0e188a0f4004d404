"""Holds the socket to the permission matrix: every frame of the protocol, for every kind of person."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any, get_args
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from chatplatform.accounts.models import Role
from chatplatform.chat.protocol import ClientFrame
from chatplatform.routing import websocket_urlpatterns
from chatplatform.testing.chat_client import ChatClient
from tests.security.permission_matrix import FRAMES, SOCKETS, FrameLine
from tests.security.world import NOTHING, Ids, Someone, World, make_world
from tests.websocket.conftest import Site, site

__all__ = ["site"]
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])


@pytest.fixture
async def world(transactional_db: None) -> World:
    return await sync_to_async(make_world)()


# what an earlier frame of the list has done already, or made impossible for now
TOO_LATE = {
    "answer_running",
    "not_the_last_answer",
    "not_temporary",
    "not_cut",
    "queued_gone",
    "nothing_queued",
}


def cookie(someone: Someone) -> str:
    return f"sessionid={someone.session_key}"


def said(line: FrameLine, ids: Ids) -> str:
    def fill(text: str) -> str:
        return re.sub(r"<(\w+)>", lambda found: str(uuid4()) if found[1] == "new" else ids[found[1]], text)

    return json.dumps({"type": line.type, **{name: fill(text) for name, text in line.fields.items()}})


def test_every_frame_and_every_socket_is_in_the_matrix() -> None:
    frames = get_args(get_args(ClientFrame)[0])
    assert {get_args(frame.model_fields["type"].annotation)[0] for frame in frames} == {
        line.type for line in FRAMES
    }
    assert {str(route.pattern) for route in websocket_urlpatterns} == set(SOCKETS)
    by_type = {get_args(frame.model_fields["type"].annotation)[0]: frame for frame in frames}
    for line in FRAMES:
        names = {name for name in by_type[line.type].model_fields if name.endswith("_id")}
        said = {name for other in FRAMES if other.type == line.type for name in other.fields}
        assert names - {"client_id", "assistant_id"} <= said, line.type


async def answers(client: ChatClient, raw: str) -> list[dict[str, Any]]:
    """What this frame brings about, until a ping behind it is answered."""
    client.frames.clear()
    await client.send_raw(raw)
    await client.send("ping")
    await client.frame("pong")
    return [frame for frame in client.frames if frame["type"] != "conversation"]


async def test_own_objects_are_there_and_others_are_missing(site: Site, world: World) -> None:
    """A colleague, an owner, and an owner elsewhere name a member's objects: as if there were none."""
    target = world.here.people["target"]
    others = [
        world.here.people[Role.OWNER],
        world.here.people[Role.MEMBER],
        world.elsewhere.people[Role.OWNER],
    ]
    for other in others:
        for line in FRAMES:
            # a socket of its own for each: one that says all of this at once is sent away
            async with ChatClient(site.url, cookie=cookie(other)) as client:
                await client.frame("welcome")
                for name in line.names:
                    refusals = []
                    for one in (target.own[name], NOTHING):
                        [told] = await answers(client, said(line, {**other.own, name: one}))
                        assert told["type"] == "error", (line.type, name, told)
                        refusals.append((told["code"], told["message"], told.get("retry_after_s")))
                    assert refusals[0] == refusals[1], (line.type, name)
                assert not client.screen.messages
    async with ChatClient(site.url, cookie=cookie(target)) as client:
        await client.frame("welcome")
        for line in FRAMES:
            for told in await answers(client, said(line, target.own)):
                code = told.get("code", "")
                assert code in {"", *TOO_LATE}, (line.type, told)


async def test_nobody_else_is_heard(site: Site, world: World) -> None:
    """Without a session, with one that was made up, and suspended: closed before a frame is looked at."""
    own = site.url.replace("ws", "http", 1).split("/ws/")[0]
    suspended = cookie(world.here.people["suspended"])
    for session in ("", "sessionid=forged", suspended):
        async with connect(site.url, additional_headers={"Origin": own, "Cookie": session}) as socket:
            with suppress(ConnectionClosed):
                for line in FRAMES:
                    await socket.send(said(line, world.here.people["target"].own))
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert socket.close_code == 4401

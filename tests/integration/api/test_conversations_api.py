"""Conversations over the API: the same durable turns as in the web chat, told as text that can be resumed."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from asgiref.sync import sync_to_async

from chatplatform.accounts.api_tokens import revoke_token
from chatplatform.accounts.models import Role, Workspace
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from tests.integration.api.conftest import ApiSite

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

WORDS = " ".join(f"w{n}" for n in range(64))


async def _events(response: httpx.Response) -> list[dict[str, Any]]:
    return [event async for event in _each(response)]


async def _each(response: httpx.Response) -> Any:
    event: dict[str, Any] = {}
    async for line in response.aiter_lines():
        if not line:
            if event:
                yield event
            event = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = json.loads(value) if name == "data" else value


async def test_a_message_is_answered_whole(api_site: ApiSite) -> None:
    async with api_site.http() as http:
        answered = await http.post("/api/conversations", json={"text": "Hello", "wait": True})
        assert answered.status_code == 200, answered.text
        body = answered.json()
        assert body["text"] == WORDS
        assert body["turn"]["state"] == "finished"
        assert body["turn"]["usage"]["completion_tokens"] == 64
        conversation = body["turn"]["conversation_id"]
        listed = (await http.get("/api/conversations")).json()
        assert [item["id"] for item in listed["items"]] == [conversation]
        messages = (await http.get(f"/api/conversations/{conversation}/messages")).json()
        assert [(m["role"], m["text"]) for m in messages["items"]] == [
            ("user", "Hello"),
            ("assistant", WORDS),
        ]
        assert messages["next"] is None
        one = (await http.get(f"/api/messages/{messages['items'][1]['id']}")).json()
        assert one == messages["items"][1]


async def test_a_turn_may_be_polled(api_site: ApiSite) -> None:
    async with api_site.http() as http:
        begun = await http.post("/api/conversations", json={"text": "[[tokens=20 delay_ms=5]]"})
        assert begun.status_code == 202
        turn = begun.json()["turn"]
        for _ in range(200):
            turn = (await http.get(f"/api/turns/{turn['id']}")).json()["turn"]
            if turn["state"] == "finished":
                break
            await asyncio.sleep(0.02)
        assert turn["state"] == "finished"


async def test_a_stream_tells_the_whole_answer_and_can_be_resumed(api_site: ApiSite) -> None:
    async with api_site.http() as http:
        async with http.stream(
            "POST", "/api/conversations", json={"text": "[[tokens=60 delay_ms=10]]", "stream": True}
        ) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            turn, told = "", ""
            async for event in _each(response):
                if event["event"] == "turn":
                    turn = event["data"]["id"]
                if event["event"] == "delta":
                    told += event["data"]["text"]
                    assert int(event["id"]) == len(told)
                if len(told) > 20:
                    break  # the connection is lost in the middle
        assert turn
        async with http.stream(
            "GET", f"/api/turns/{turn}/events", headers={"Last-Event-ID": str(len(told))}
        ) as response:
            rest = await _events(response)
        told += "".join(event["data"]["text"] for event in rest if event["event"] == "delta")
        assert told == " ".join(f"w{n}" for n in range(60))
        assert rest[-1]["event"] == "finished"
        assert rest[-1]["data"]["state"] == "finished"
        async with http.stream("GET", f"/api/turns/{turn}/events?after=0") as response:
            again = await _events(response)
        assert "".join(e["data"]["text"] for e in again if e["event"] == "delta") == told


async def test_stop_regenerate_and_retry(api_site: ApiSite) -> None:
    async with api_site.http() as http:
        begun = await http.post("/api/conversations", json={"text": "[[tokens=5000 delay_ms=5]]"})
        turn = begun.json()["turn"]
        conversation = turn["conversation_id"]
        busy = await http.post(f"/api/conversations/{conversation}/messages", json={"text": "more"})
        assert (busy.status_code, busy.json()["code"]) == (409, "answer_running")
        await api_site.engine.until("chats", 1)
        assert (await http.post(f"/api/turns/{turn['id']}/stop")).status_code == 200
        async with http.stream("GET", f"/api/turns/{turn['id']}/events") as response:
            assert (await _events(response))[-1]["data"]["state"] == "stopped"
        not_failed = await http.post(f"/api/turns/{turn['id']}/retry", json={})
        assert (not_failed.status_code, not_failed.json()["code"]) == (409, "not_failed")
        said = await http.post(
            f"/api/conversations/{conversation}/messages", json={"text": "Short", "wait": True}
        )
        again = await http.post(f"/api/turns/{said.json()['turn']['id']}/regenerate", json={"wait": True})
        assert again.status_code == 200
        assert again.json()["turn"]["id"] != said.json()["turn"]["id"]
        assert again.json()["text"] == WORDS
        page = (await http.get(f"/api/conversations/{conversation}/messages?limit=3&order=desc")).json()
        assert len(page["items"]) == 3
        older = (
            await http.get(
                f"/api/conversations/{conversation}/messages",
                params={"limit": 3, "order": "desc", "after": page["next"]},
            )
        ).json()
        assert len(older["items"]) == 1
        assert older["next"] is None


async def test_the_same_request_twice_is_one_message(api_site: ApiSite) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    async with api_site.http() as http:
        first = await http.post("/api/conversations", json={"text": "Once", "wait": True}, headers=key)
        second = await http.post("/api/conversations", json={"text": "Once", "wait": True}, headers=key)
        assert second.json() == first.json()
        assert second.headers["Idempotency-Replayed"] == "true"
        other = await http.post("/api/conversations", json={"text": "Other", "wait": True}, headers=key)
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
        assert len((await http.get("/api/conversations")).json()["items"]) == 1
        # two at once: one runs, the other is told to wait
        key = {"Idempotency-Key": str(uuid4())}
        body = {"text": "[[tokens=30 delay_ms=10]]", "wait": True}
        both = await asyncio.gather(
            *(http.post("/api/conversations", json=body, headers=key) for _ in range(2))
        )
        assert sorted(response.status_code for response in both) == [200, 409]
        # a stream that is sent again is told again, and nothing is said twice
        key = {"Idempotency-Key": str(uuid4())}
        told = []
        for _ in range(2):
            async with http.stream(
                "POST", "/api/conversations", json={"text": "Again", "stream": True}, headers=key
            ) as response:
                events = await _events(response)
                told.append((events[0]["data"]["id"], events[-1]["data"]["state"]))
        assert told[0] == told[1]
        assert len((await http.get("/api/conversations")).json()["items"]) == 3


async def test_what_another_person_has_looks_missing(api_site: ApiSite) -> None:
    stranger = await sync_to_async(api_site.make)(Role.MEMBER)
    elsewhere = await sync_to_async(_elsewhere)(api_site)
    async with api_site.http() as http:
        turn = (await http.post("/api/conversations", json={"text": "Mine", "wait": True})).json()["turn"]
    for program in (stranger, elsewhere):
        async with api_site.http(program) as http:
            for method, path, body in (
                ("GET", "/api/conversations/{}", None),
                ("PATCH", "/api/conversations/{}", {"title": "Yours"}),
                ("DELETE", "/api/conversations/{}", None),
                ("GET", "/api/conversations/{}/messages", None),
                ("POST", "/api/conversations/{}/messages", {"text": "Hi"}),
                ("GET", "/api/messages/{}", None),
                ("GET", "/api/turns/{}", None),
                ("GET", "/api/turns/{}/events", None),
                ("POST", "/api/turns/{}/stop", None),
                ("POST", "/api/turns/{}/regenerate", {}),
                ("POST", "/api/turns/{}/retry", {}),
            ):
                kind = path.split("/")[2]
                mine = {
                    "conversations": turn["conversation_id"],
                    "messages": turn["answer_id"],
                    "turns": turn["id"],
                }[kind]
                foreign = await http.request(method, path.format(mine), json=body)
                missing = await http.request(method, path.format(uuid4()), json=body)
                assert (foreign.status_code, foreign.json()) == (404, missing.json()), path


def _elsewhere(api_site: ApiSite) -> Any:
    return api_site.make(Role.OWNER, workspace=Workspace.objects.create(name="Elsewhere"))


async def test_a_revoked_token_ends_its_stream(api_site: ApiSite) -> None:
    owner = api_site.owner
    async with api_site.http() as http:
        async with http.stream(
            "POST", "/api/conversations", json={"text": "[[tokens=2000 delay_ms=10]]", "stream": True}
        ) as response:
            events = []
            async for event in _each(response):
                if not events:

                    def revoke() -> None:
                        with workspace_scope(owner.workspace.id):
                            revoke_token(owner.token_id, actor=Actor.person(owner.user.id))

                    await sync_to_async(revoke)()
                    began = asyncio.get_running_loop().time()
                events.append(event)
            assert events[-1]["event"] == "ended"
            assert asyncio.get_running_loop().time() - began < 3
        assert (await http.get("/api/me")).status_code == 401
    another = await sync_to_async(api_site.make)()
    async with api_site.http(another) as http:
        await http.post(f"/api/turns/{events[0]['data']['id']}/stop")


async def test_rename_and_delete(api_site: ApiSite) -> None:
    async with api_site.http() as http:
        turn = (await http.post("/api/conversations", json={"text": "Mine", "wait": True})).json()["turn"]
        address = f"/api/conversations/{turn['conversation_id']}"
        renamed = await http.patch(address, json={"title": "帐篷"})
        assert renamed.json()["title"] == "帐篷"
        assert (await http.delete(address)).status_code == 204
        assert (await http.get(address)).status_code == 404

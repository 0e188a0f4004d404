"""Versions, branches and waiting messages over the API: all that the page can do."""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.api.conftest import ApiSite

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])


async def test_a_program_walks_in_the_tree(api_site: ApiSite) -> None:
    async with api_site.http() as http:
        begun = await http.post("/api/conversations", json={"text": "Frist [[tokens=3]]", "wait": True})
        turn = begun.json()["turn"]
        conversation, question = turn["conversation_id"], turn["question_id"]
        messages = f"/api/conversations/{conversation}/messages"

        saved = await http.patch(f"/api/messages/{question}", json={"text": "First [[tokens=3]]"})
        assert (saved.status_code, saved.json()["text"]) == (200, "First [[tokens=3]]")
        other = await http.post(
            f"/api/messages/{question}/edit", json={"text": "Else [[tokens=4]]", "wait": True}
        )
        assert other.json()["text"] == "w0 w1 w2 w3"
        versions = (await http.get(f"/api/messages/{question}/versions")).json()["items"]
        assert [row["text"][:5] for row in versions] == ["Frist", "First", "Else "]
        assert [row["text"] for row in (await http.get(messages)).json()["items"]] == [
            "Else [[tokens=4]]",
            "w0 w1 w2 w3",
        ]
        shown = await http.post(f"/api/messages/{versions[0]['id']}/show")
        assert shown.status_code == 200
        answered = await http.post(f"/api/messages/{versions[0]['id']}/answer", json={"wait": True})
        assert answered.json()["text"] == "w0 w1 w2"

        forked = await http.post(f"/api/messages/{answered.json()['turn']['answer_id']}/fork", json={})
        assert forked.status_code == 200, forked.text
        copies = (await http.get(f"/api/conversations/{forked.json()['id']}/messages")).json()["items"]
        assert [row["text"] for row in copies] == ["Frist [[tokens=3]]", "w0 w1 w2"]
        assert copies[1]["parent_id"] == copies[0]["id"]

        [model] = (await http.get("/api/chat-models")).json()["items"]
        chosen = await http.put(f"/api/conversations/{conversation}/assistant", json={"model": model})
        assert (chosen.status_code, chosen.json()["model"]) == (200, model)
        over = await http.post(f"/api/turns/{turn['id']}/continue", json={})
        assert (over.status_code, over.json()["code"]) == (409, "not_cut")


async def test_a_program_lets_messages_wait(api_site: ApiSite) -> None:
    async with api_site.http() as http:
        begun = await http.post("/api/conversations", json={"text": "Slow [[hold=1 tokens=2]]"})
        conversation = begun.json()["turn"]["conversation_id"]
        queue = f"/api/conversations/{conversation}/queue"
        for text in ("Two [[tokens=2]]", "Three [[tokens=3]]"):
            said = await http.post(queue, json={"text": text})
            assert said.json()["turn"] is None
        waiting = (await http.get(queue)).json()["items"]
        assert [row["text"][:3] for row in waiting] == ["Two", "Thr"]
        early = await http.post(f"{queue}/send", json={})
        assert (early.status_code, early.json()["code"]) == (409, "answer_running")
        back = await http.delete(f"/api/queue/{waiting[0]['id']}")
        assert back.json() == {"conversation_id": conversation, "text": "Two [[tokens=2]]"}
        assert (await http.delete(f"/api/queue/{waiting[0]['id']}")).status_code == 404
        await asyncio.to_thread(api_site.engine.release)
        for _ in range(300):
            if len((await http.get(f"/api/conversations/{conversation}/messages")).json()["items"]) == 4:
                break
            await asyncio.sleep(0.1)
        assert (await http.get(queue)).json()["items"] == []
        gone = await http.post(f"{queue}/send", json={})
        assert gone.json()["code"] in {"nothing_queued", "answer_running"}

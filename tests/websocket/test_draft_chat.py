"""The test chat of the prompt editor, over a real connection: what is sent, recorded, stopped and refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from asgiref.sync import sync_to_async

from chatplatform.accounts.models import Membership, Role
from chatplatform.audit.models import AuditEvent
from chatplatform.chat.models import Conversation
from chatplatform.common.scope import workspace_scope
from chatplatform.inference.models import ModelCall
from chatplatform.prompts.sampling import SamplingSettings
from chatplatform.prompts.services import AssistantSpec, create_assistant, create_prompt
from tests.websocket.conftest import Person, Site

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

CSRF = "c" * 32
Lines = list[dict[str, Any]]


@sync_to_async
def a_prompt(owner: Person) -> tuple[UUID, UUID]:
    with workspace_scope(owner.workspace.id):
        saved = create_prompt("Greeter", "The saved text.", actor=owner.actor)
        spec = AssistantSpec("Quick one", model="quick", sampling=SamplingSettings(temperature=1.5))
        return saved.prompt_id, create_assistant(spec, saved.prompt_id, actor=owner.actor)


@sync_to_async
def calls(owner: Person) -> list[ModelCall]:
    with workspace_scope(owner.workspace.id):
        return list(ModelCall.objects.filter(purpose="prompt_test").order_by("opened_at"))


@asynccontextmanager
async def asking(
    site: Site, person: Person, prompt_id: UUID, question: str, **body: Any
) -> AsyncIterator[httpx.Response]:
    address = site.url.replace("ws://", "http://").replace("/ws/chat/", f"/console/prompts/{prompt_id}/test/")
    headers = {
        "cookie": f"{person.cookie}; csrftoken={CSRF}",
        "x-csrftoken": CSRF,
        "accept": "application/json",
    }
    content = {"text": "The draft.", "talk": [{"role": "user", "content": question}], **body}
    async with (
        httpx.AsyncClient(timeout=20) as client,
        client.stream("POST", address, json=content, headers=headers) as answer,
    ):
        yield answer


async def asked(site: Site, person: Person, prompt_id: UUID, question: str, **body: Any) -> tuple[int, Lines]:
    async with asking(site, person, prompt_id, question, **body) as answer:
        return answer.status_code, [json.loads(line) async for line in answer.aiter_lines()]


async def test_the_draft_is_what_the_model_gets_and_the_call_is_on_record(site: Site, owner: Person) -> None:
    prompt_id, _assistant = await a_prompt(owner)
    status, lines = await asked(site, owner, prompt_id, "[[tokens=5]] Hello?")
    assert status == 200
    assert "".join(line["text"] for line in lines if line["type"] == "delta") == "w0 w1 w2 w3 w4"
    done = lines[-1]
    assert (done["type"], done["html"], done["completion_tokens"]) == (
        "done",
        '<p dir="auto">w0 w1 w2 w3 w4</p>\n',
        5,
    )
    sent = site.engine.state()["last_chat"]
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]
    assert sent["messages"][0]["content"] == "The draft."
    (call,) = await calls(owner)
    assert (call.state, call.actor_id, call.turn_id) == ("completed", str(owner.user.id), None)
    events = AuditEvent.objects.filter(target_id=str(call.id)).values_list("code", flat=True)
    assert len(await sync_to_async(list)(events)) == 2
    with workspace_scope(owner.workspace.id):
        assert not await Conversation.objects.aexists(), "nothing of it is kept"


async def test_it_answers_as_the_assistant_does(site: Site, owner: Person) -> None:
    prompt_id, assistant_id = await a_prompt(owner)
    await asked(site, owner, prompt_id, "[[tokens=1]] Hello?", assistant_id=str(assistant_id))
    sent = site.engine.state()["last_chat"]
    assert (sent["model"], sent["temperature"]) == ("quick", 1.5)


async def test_a_talk_goes_on(site: Site, owner: Person) -> None:
    prompt_id, _assistant = await a_prompt(owner)
    talk = [
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "One."},
        {"role": "user", "content": "[[tokens=1]] Two?"},
    ]
    await asked(site, owner, prompt_id, "", talk=talk)
    sent = site.engine.state()["last_chat"]
    assert [message["content"] for message in sent["messages"]][1:3] == ["One?", "One."]


async def test_leaving_stops_the_engine(site: Site, owner: Person) -> None:
    prompt_id, _assistant = await a_prompt(owner)
    async with asking(site, owner, prompt_id, "[[tokens=2000 delay_ms=20]] Hello?") as answer:
        async for line in answer.aiter_lines():
            if json.loads(line)["type"] == "delta":
                break
    await site.engine.until("cancelled", 1)
    for _attempt in range(100):
        (call,) = await calls(owner)
        if call.state != "open":
            break
        await asyncio.sleep(0.05)
    assert call.state == "cancelled"


async def test_who_is_suspended_reads_no_further(site: Site, owner: Person) -> None:
    prompt_id, _assistant = await a_prompt(owner)
    lines: Lines = []
    async with asking(site, owner, prompt_id, "[[tokens=400 delay_ms=20]] Hello?") as answer:
        async for line in answer.aiter_lines():
            if not lines:
                await Membership.objects.filter(user=owner.user).aupdate(role=Role.MEMBER)
            lines.append(json.loads(line))
    assert (lines[-1]["type"], lines[-1]["code"]) == ("error", "signed_out")
    assert len(lines) < 200


async def test_an_engine_that_is_away_is_told(site: Site, owner: Person) -> None:
    prompt_id, _assistant = await a_prompt(owner)
    site.engine.kill()
    _status, lines = await asked(site, owner, prompt_id, "Hello?")
    assert (lines[-1]["type"], lines[-1]["code"]) == ("error", "engine_unreachable")


@pytest.mark.parametrize(
    "body",
    [
        {"text": ""},
        {"text": "x" * 100_001},
        {"talk": []},
        {"talk": [{"role": "user", "content": " "}]},
        {"talk": [{"role": "assistant", "content": "x"}]},
        {"talk": [{"role": "system", "content": "x"}]},
        {"talk": [{"role": "user", "content": "x" * 32_001}]},
        {"talk": [{"role": "user", "content": "x"}] * 41},
        {"evil": 1},
        {"assistant_id": "x"},
    ],
)
async def test_what_cannot_be_asked_is_refused(site: Site, owner: Person, body: dict[str, Any]) -> None:
    prompt_id, _assistant = await a_prompt(owner)
    status, lines = await asked(site, owner, prompt_id, "Hello?", **body)
    assert status == 400
    assert lines[0]["message"]
    assert await calls(owner) == []


async def test_bad_examples_are_told(site: Site, owner: Person) -> None:
    prompt_id, _assistant = await a_prompt(owner)
    _status, lines = await asked(site, owner, prompt_id, "Hello?", text="x\n[user]\nhm")
    assert lines[-1]["code"] == "prompt_examples_invalid"


async def test_members_and_strangers_test_nothing(
    site: Site, owner: Person, make_person: Callable[..., Person]
) -> None:
    prompt_id, _assistant = await a_prompt(owner)
    member = await sync_to_async(make_person)("member@example.org")
    other = await sync_to_async(make_person)("other@example.org", same_workspace=False)
    await Membership.objects.filter(user=other.user).aupdate(role=Role.OWNER)
    assert (await asked(site, member, prompt_id, "Hello?"))[0] == 403
    assert (await asked(site, other, prompt_id, "Hello?"))[0] == 404

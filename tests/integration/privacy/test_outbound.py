"""What left this machine: counted by the outbound door, for the conversation that it left for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from contextlib import suppress
from uuid import UUID, uuid4

import pytest
from django.test import Client

from chatplatform.accounts.models import Membership, Role, User, Workspace
from chatplatform.chat.models import Conversation
from chatplatform.chat.services import submit_message
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.privacy.egress import EgressFailed, EgressLimits, EgressRefused, open_egress
from chatplatform.privacy.outbound import queries
from chatplatform.privacy.outbound.recording import on_behalf_of
from chatplatform.prompts.services import ensure_workspace_content

pytestmark = pytest.mark.django_db(databases=["default", "keys"], transaction=True)

LIMITS = EgressLimits(total_s=0.3, connect_s=0.2)


def leaves(actor: Actor, workspace_id: UUID | None, *, address: str, body: bytes = b"12345") -> None:
    """One request through the door; what is there or not does not matter, it is counted before."""

    async def resolve(host: str, port: int) -> Collection[str]:
        return [address]

    async def ask() -> None:
        door = open_egress(
            purpose="chat",
            actor=actor,
            workspace_id=workspace_id,
            hosts=("llm.example",),
            allow_private=True,
            limits=LIMITS,
            resolve=resolve,
        )
        async with door as client:
            await client.request("POST", "http://llm.example:9/v1", content=body)

    with suppress(EgressFailed, EgressRefused):
        asyncio.run(ask())


@pytest.fixture
def person(workspace: Workspace, person: User) -> User:
    Membership.objects.create(user=person, workspace=workspace, role=Role.OWNER)
    ensure_workspace_content(workspace.id, actor=Actor.system("test"))
    return person


def test_what_leaves_is_counted_and_shown(workspace: Workspace, person: User) -> None:
    actor = Actor.person(person.id)
    with workspace_scope(workspace.id):
        conversation_id = submit_message(
            client_id=uuid4(), text="Hi", conversation_id=None, assistant_id=None, actor=actor
        ).conversation_id
        assert Conversation.objects.filter(id=conversation_id).exists()
    browser = Client()
    browser.force_login(person)
    none = browser.get(f"/api/conversations/{conversation_id}/outbound").json()
    assert none == {"count": 0, "items": [], "next": None}
    assert "Nothing has left this machine" in browser.get("/console/outbound/").content.decode()

    with on_behalf_of(conversation_id):
        leaves(actor, workspace.id, address="10.255.255.1")
    leaves(actor, workspace.id, address="10.255.255.1")  # for the person, and no conversation
    leaves(actor, workspace.id, address="127.0.0.1")  # does not leave
    leaves(actor, workspace.id, address="8.8.8.8")  # refused: not encrypted
    leaves(Actor.system("engines"), None, address="10.255.255.1")  # of no workspace

    found = browser.get(f"/api/conversations/{conversation_id}/outbound").json()
    assert found["count"] == 1
    assert (found["items"][0]["host"], found["items"][0]["purpose"], found["items"][0]["sent_bytes"]) == (
        "llm.example",
        "chat",
        5,
    )
    assert browser.get("/api/me/outbound").json()["count"] == 2
    everything = browser.get("/api/outbound?limit=1").json()
    assert (everything["count"], everything["items"][0]["person_id"]) == (2, str(person.id))
    assert len(browser.get(f"/api/outbound?after={everything['next']}").json()["items"]) == 1
    page = browser.get("/console/outbound/").content.decode()
    assert "llm.example" in page
    assert "An answer" in page
    shown = browser.get(f"/c/{conversation_id}/").content.decode()
    data = json.loads(shown.split('id="page-data" type="application/json">')[1].split("</script>")[0])
    assert data["snapshot"]["outbound"] == 1
    with workspace_scope(workspace.id):
        assert [(use.host, use.requests, use.sent_bytes) for use in queries.by_host()] == [
            ("llm.example", 2, 10)
        ]


def test_anothers_conversation_is_not_found(workspace: Workspace, person: User) -> None:
    stranger = User.objects.create_user(f"{uuid4().hex}@example.org")
    Membership.objects.create(user=stranger, workspace=workspace, role=Role.MEMBER)
    with workspace_scope(workspace.id):
        conversation_id = submit_message(
            client_id=uuid4(),
            text="Hi",
            conversation_id=None,
            assistant_id=None,
            actor=Actor.person(person.id),
        ).conversation_id
    browser = Client()
    browser.force_login(stranger)
    assert browser.get(f"/api/conversations/{conversation_id}/outbound").status_code == 404
    assert browser.get("/api/outbound").status_code == 403

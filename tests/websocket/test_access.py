"""Who loses access loses open sockets and running answers within two seconds, without saying anything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chatplatform.accounts.access_changes import end_sessions
from chatplatform.accounts.members import change_role, reinstate, remove_member, suspend
from chatplatform.accounts.models import AccessChange, Membership, Role
from chatplatform.chat.access_watch import AccessWatch
from chatplatform.chat.models import Turn
from chatplatform.chat.process import current
from chatplatform.common.scope import workspace_scope
from chatplatform.testing.chat_client import ChatClient

from .conftest import Person, Site

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

LIMIT_S = 2.0


def membership_id(person: Person) -> UUID:
    return Membership.objects.get(user=person.user).public_id


async def closes(client: ChatClient, *, within_s: float = LIMIT_S) -> float:
    """Wait for the server to close the socket; how long that took."""
    started = perf_counter()
    with pytest.raises(ConnectionError):
        await client.frame("nothing of this name", timeout_s=within_s)
    assert client.closed_with == 4401
    return perf_counter() - started


async def becomes(state: Callable[[], Awaitable[str]], wanted: str, *, within_s: float) -> bool:
    for _ in range(int(within_s / 0.05)):
        if await state() == wanted:
            return True
        await asyncio.sleep(0.05)
    return False


def _lose(owner: Person, person: Person, loss: str) -> None:
    with workspace_scope(owner.workspace.id):
        if loss == "suspended":
            suspend(membership_id(person), actor=owner.actor)
        elif loss == "removed":
            remove_member(membership_id(person), actor=owner.actor)
        elif loss == "demoted":
            change_role(membership_id(person), Role.SUPPORT_AGENT, actor=owner.actor)
        elif loss == "signed out":
            Session.objects.get(session_key=person.cookie.partition("=")[2]).delete()
        elif loss == "signed out everywhere":
            end_sessions(person.user.id)
        elif loss == "another password":
            person.user.set_password("correct horse battery staple")
            person.user.save()
        else:
            person.user.is_active = False
            person.user.save()


@pytest.mark.parametrize(
    "loss",
    [
        "suspended",
        "removed",
        "demoted",
        "signed out",
        "signed out everywhere",
        "another password",
        "locked by the operator",
    ],
)
async def test_an_idle_socket_closes(
    site: Site, owner: Person, make_person: Callable[..., Person], loss: str
) -> None:
    person = await sync_to_async(make_person)("bo@example.org")
    async with site.client(person) as first, site.client(person) as second, site.client(owner) as other:
        await asyncio.sleep(0.7)  # idle, and looked over once
        await sync_to_async(_lose)(owner, person, loss)
        assert max(await asyncio.gather(closes(first), closes(second))) < LIMIT_S
        # nobody else is disturbed
        await other.send("ping")
        await other.frame("pong")
    async with site.client(person) as again:
        if loss == "demoted":
            await again.send("ping")
            await again.frame("pong")
        else:
            await closes(again)


async def test_a_suspended_persons_answer_stops_and_is_kept(
    site: Site, owner: Person, make_person: Callable[..., Person]
) -> None:
    person = await sync_to_async(make_person)("bo@example.org")

    @sync_to_async
    def state() -> str:
        with workspace_scope(owner.workspace.id):
            return Turn.objects.get(owner=person.user).state

    async with site.client(person) as client:
        await client.ask("Hello [[tokens=2000 delay_ms=20]]")
        await client.frame("delta")
        await sync_to_async(_lose)(owner, person, "suspended")
        await closes(client)
    assert await becomes(state, Turn.State.STOPPED, within_s=3)

    @sync_to_async
    def let_in_again() -> None:
        with workspace_scope(owner.workspace.id):
            reinstate(membership_id(person), actor=owner.actor)

    await let_in_again()
    assert not current().hub.sockets_of(person.user.id)


async def test_signing_out_ends_no_answer(
    site: Site, owner: Person, make_person: Callable[..., Person]
) -> None:
    person = await sync_to_async(make_person)("bo@example.org")
    async with site.client(person) as client:
        await client.ask("Hello [[tokens=60 delay_ms=20]]")
        await client.frame("delta")
        await sync_to_async(_lose)(owner, person, "signed out")
        await closes(client)

    @sync_to_async
    def state() -> str:
        with workspace_scope(owner.workspace.id):
            return Turn.objects.get(owner=person.user).state

    assert await becomes(state, Turn.State.FINISHED, within_s=10)


async def test_who_was_demoted_cannot_act_on_the_old_role(
    site: Site, owner: Person, make_person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatplatform.chat.access_watch.POLL_S", 3600)
    person = await sync_to_async(make_person)("bo@example.org")
    async with site.client(person) as client:
        await asyncio.sleep(0.7)
        await sync_to_async(_lose)(owner, person, "demoted")
        await client.send("ping")
        with pytest.raises(ConnectionError):
            await client.frame("pong", timeout_s=3)
        assert client.closed_with == 4401


def test_a_look_is_one_query_however_many_sockets() -> None:
    watch = AccessWatch()
    AccessChange.objects.create(user_id=UUID(int=1))
    assert watch._changed(set()) == {UUID(int=1)}
    with CaptureQueriesContext(connection) as queries:
        assert watch._changed(set()) == set()
    assert len(queries) == 1
    # who came in between the change and the last look is looked at again
    assert watch._changed({UUID(int=1)}) == {UUID(int=1)}

"""A real server in the test's own loop: uvicorn, the whole ASGI application, the scripted engine behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
import uvicorn
from asgiref.sync import sync_to_async
from django.test import Client

from chatplatform.accounts.models import Membership, Role, User, Workspace
from chatplatform.accounts.services import bootstrap_owner
from chatplatform.chat.protocol import MAX_FRAME_BYTES
from chatplatform.common.actors import Actor
from chatplatform.testing.chat_client import ChatClient
from chatplatform.testing.fixtures import ScriptedEngineProcess


@dataclass(frozen=True)
class Person:
    user: User
    workspace: Workspace
    cookie: str

    @property
    def actor(self) -> Actor:
        return Actor.person(self.user.id)


@dataclass(frozen=True)
class Site:
    url: str
    engine: ScriptedEngineProcess

    def client(self, person: Person) -> ChatClient:
        return ChatClient(self.url, cookie=person.cookie)


@pytest.fixture
async def site(transactional_db: None, scripted_engine: ScriptedEngineProcess) -> AsyncIterator[Site]:
    from chatplatform.asgi import application

    config = uvicorn.Config(
        application,  # type: ignore[arg-type]
        port=0,
        lifespan="on",
        log_level="warning",
        ws="websockets-sansio",
        ws_max_size=MAX_FRAME_BYTES,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
        assert not serving.done(), "the server did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Site(f"ws://127.0.0.1:{port}/ws/chat/", scripted_engine)
    server.should_exit = True
    await serving


def _cookie(user: User) -> str:
    browser = Client()
    browser.force_login(user)
    return f"sessionid={browser.cookies['sessionid'].value}"


def _owner() -> Person:
    user = bootstrap_owner()
    workspace = Workspace.objects.get(memberships__user=user)
    return Person(user, workspace, _cookie(user))


@pytest.fixture
async def owner(transactional_db: None) -> Person:
    return await sync_to_async(_owner)()


@pytest.fixture
def make_person(owner: Person) -> Callable[..., Person]:
    """Makes a member of the owner's workspace, or of a new one. Call it with sync_to_async."""

    def make(email: str, *, same_workspace: bool = True, language: str = "") -> Person:
        workspace = owner.workspace if same_workspace else Workspace.objects.create(name=email)
        user = User.objects.create_user(email, language=language)
        Membership.objects.create(user=user, workspace=workspace, role=Role.MEMBER)
        return Person(user, workspace, _cookie(user))

    return make

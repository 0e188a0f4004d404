"""The API on a real server in the test's own loop, with the scripted engine behind it, and tokens to call it with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn
from asgiref.sync import sync_to_async
from django.test import Client

from chatplatform.accounts.api_tokens import Scope, make_token, scopes_for
from chatplatform.accounts.models import Membership, Role, User, Workspace
from chatplatform.accounts.services import bootstrap_owner
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.testing.fixtures import ScriptedEngineProcess


@dataclass(frozen=True)
class Program:
    """A person with a token."""

    user: User
    workspace: Workspace
    secret: str = field(repr=False)
    token_id: Any

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


class ApiClient(Client):
    """Django's client, in JSON."""

    def __init__(self, secret: str = "", **defaults: Any) -> None:
        super().__init__(headers={"Authorization": f"Bearer {secret}"} if secret else None, **defaults)

    def send(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = {"data": "" if body is None else body, "content_type": "application/json"}
        if method == "get":
            content = {}
        return getattr(self, method)(path, headers=named, **content)


MakeProgram = Callable[..., Program]


@pytest.fixture
def make_program(db: None) -> MakeProgram:
    """Makes a person with a token: `make_program(Role.MEMBER, scopes={…}, workspace=…)`."""
    return _make


def _make(
    role: Role = Role.OWNER,
    *,
    scopes: Collection[Scope] | None = None,
    workspace: Workspace | None = None,
    email: str = "",
) -> Program:
    owner = bootstrap_owner()
    home = Workspace.objects.filter(memberships__user=owner).earliest("created_at")
    place = workspace or home
    if role is Role.OWNER and place == home and not email:
        user = owner
    else:
        user = User.objects.create_user(email or f"{role}-{place.id}@example.org")
        Membership.objects.create(user=user, workspace=place, role=role)
    with workspace_scope(place.id):
        made = make_token("test", scopes or scopes_for(role), expires_at=None, actor=Actor.person(user.id))
    return Program(user, place, made.secret, made.token_id)


@dataclass(frozen=True)
class ApiSite:
    url: str
    engine: ScriptedEngineProcess
    owner: Program
    make: MakeProgram

    def http(self, program: Program | None = None) -> httpx.AsyncClient:
        headers = (program or self.owner).headers
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30)


@pytest.fixture
async def api_site(transactional_db: None, scripted_engine: ScriptedEngineProcess) -> AsyncIterator[ApiSite]:
    from chatplatform.asgi import application

    config = uvicorn.Config(
        application,  # type: ignore[arg-type]
        port=0,
        lifespan="on",
        log_level="warning",
        ws="none",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
        assert not serving.done(), "the server did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    owner = await sync_to_async(_make)()
    yield ApiSite(f"http://127.0.0.1:{port}", scripted_engine, owner, _make)
    server.should_exit = True
    await serving

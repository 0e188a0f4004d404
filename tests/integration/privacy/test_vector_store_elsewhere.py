"""A vector store on another host: only where the operator permits it, and each request on record before it leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from typing import cast
from uuid import UUID

import pytest
from pytest_django.fixtures import Settings

from chatplatform.accounts.models import Workspace
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.common.threads import in_thread
from chatplatform.privacy.outbound.models import OutboundRequest
from chatplatform.testing.scripted_http import read_request, whole
from chatplatform.vector_store import VectorStoreRefused, VectorStoreUnavailable, vector_store
from chatplatform.vector_store.chroma import ChromaStore
from chatplatform.vector_store.connections import Cause, LocalConnection, OutboundConnection, connection

pytestmark = pytest.mark.django_db(databases=["default", "keys"], transaction=True)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server that has no vectors."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await read_request(reader) is not None:
            writer.write(whole(404, {"error": "NotFoundError"}))
            await writer.drain()
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield cast("int", running.sockets[0].getsockname()[1])
    running.close()
    await running.wait_closed()
    await asyncio.sleep(0.01)


def _permit(settings: Settings, *hosts: str) -> None:
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"remote_hosts": hosts})


def _store(port: int, address: str, workspace_id: UUID) -> ChromaStore:
    async def resolve(host: str, port: int) -> Collection[str]:
        return [address]

    cause = Cause("knowledge.search", Actor.system("test"), workspace_id)
    return ChromaStore(
        OutboundConnection(f"http://vectors.example:{port}", cause, "vectors.example", resolve)
    )


@in_thread
def _records() -> list[tuple[str, str]]:
    return [
        (event.outcome, json.loads(event.details)["purpose"]) for event in AuditEvent.objects.order_by("id")
    ]


@in_thread
def _left(workspace_id: UUID) -> list[tuple[str, str]]:
    with workspace_scope(workspace_id):
        return list(OutboundRequest.objects.values_list("host", "purpose"))


def test_the_address_says_which_way_is_gone(settings: Settings) -> None:
    cause = Cause("knowledge.search", Actor.system("test"), None)
    for url in ("http://127.0.0.1:8103", "http://localhost:8103", "http://[::1]:8103"):
        settings.CHROMA_URL = url
        assert isinstance(connection(cause), LocalConnection)
    for url in ("http://chroma:8000", "https://vectors.example", "http://127.0.0.1.example"):
        settings.CHROMA_URL = url
        assert isinstance(connection(cause), OutboundConnection)


async def test_a_host_that_nobody_permitted_gets_nothing(
    settings: Settings, port: int, workspace: Workspace
) -> None:
    _permit(settings, "models.example")
    with pytest.raises(VectorStoreRefused) as raised:
        await _store(port, "127.0.0.1", workspace.id).count("index-1")
    assert raised.value.code == "vector_store_not_permitted"
    assert await _records() == [("refused", "knowledge.search")]


async def test_the_settings_are_asked_where_the_store_is_named(settings: Settings) -> None:
    _permit(settings)
    settings.CHROMA_URL = "http://vectors.example"
    store = vector_store(purpose="knowledge.search", actor=Actor.system("test"), workspace_id=None)
    with pytest.raises(VectorStoreRefused):
        await store.count("index-1")


async def test_a_permitted_host_is_asked_and_each_request_is_on_record(
    settings: Settings, port: int, workspace: Workspace
) -> None:
    _permit(settings, "vectors.example")
    assert await _store(port, "127.0.0.1", workspace.id).count("index-1") == 0
    assert await _records() == [("ok", "knowledge.search")]


async def test_what_leaves_this_machine_is_counted(settings: Settings, workspace: Workspace) -> None:
    _permit(settings, "vectors.example")
    with pytest.raises((VectorStoreUnavailable, VectorStoreRefused)):
        await _store(9, "8.8.8.8", workspace.id).count("index-1")  # in clear over the internet: refused
    assert await _left(workspace.id) == []
    with suppress(VectorStoreUnavailable):  # what is there or not does not matter, it is counted before
        async with asyncio.timeout(10):
            await _store(9, "10.255.255.1", workspace.id).count("index-1")
    assert await _left(workspace.id) == [("vectors.example", "knowledge.search")]

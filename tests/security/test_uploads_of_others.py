"""One person's uploads neither take what belongs to all, nor more than their own share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from asgiref.sync import sync_to_async
from pytest_django.fixtures import Settings

from chatplatform.files.models import StoredFile
from chatplatform.files.upload import MOST_OF_ONE_PERSON
from tests.integration.api.conftest import ApiSite, api_site
from tests.integration.api.test_files_api import BYTES, folder, on_disk, upload

__all__ = ["api_site", "folder"]
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

PATIENCE = 600


async def begun(api_site: ApiSite) -> asyncio.StreamWriter:
    """An upload whose body never ends."""
    _reader, writer = await asyncio.open_connection("127.0.0.1", int(api_site.url.rpartition(":")[2]))
    secret = api_site.owner.headers["Authorization"]
    writer.write(
        f"POST /api/files HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {secret}\r\n"
        "Content-Type: application/octet-stream\r\nContent-Length: 1000\r\n\r\nx".encode()
    )
    await writer.drain()
    return writer


async def left(folder: Path, count: int) -> int:
    """How many files lie there, once there are `count`."""
    for _ in range(PATIENCE):
        if len(on_disk(folder)) == count:
            break
        await asyncio.sleep(0.05)
    return len(on_disk(folder))


async def test_slow_uploads_of_one_person_hold_up_nobody_else(api_site: ApiSite, folder: Path) -> None:
    other = await sync_to_async(api_site.make)(email="other@example.org")
    slow = [await begun(api_site) for _ in range(MOST_OF_ONE_PERSON)]
    assert await left(folder, len(slow)) == len(slow)
    async with api_site.http() as mine, api_site.http(other) as theirs:
        refused = await upload(mine, b"Hello")
        assert (refused.status_code, refused.json()["code"]) == (503, "too_many_uploads")
        assert (await upload(theirs, b"Hello")).status_code == 201
        for writer in slow:
            writer.close()
        assert await left(folder, 1) == 1
        assert (await upload(mine, b"Hello")).status_code == 201


async def test_what_does_not_say_how_long_it_is_takes_no_more_room_than_there_is(
    api_site: ApiSite, folder: Path, settings: Settings
) -> None:
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"person_files_mb": 1, "file_mb": 5})

    async def unmeasured() -> AsyncIterator[bytes]:
        yield b"x" * 700_000
        yield b"x" * 700_000

    async with api_site.http() as http:
        refused = await upload(http, unmeasured(), "large.txt")
        assert (refused.status_code, refused.json()["code"]) == (413, "no_room_for_files")
        assert await left(folder, 0) == 0


async def test_uploads_at_once_share_the_room_and_the_count(
    api_site: ApiSite, folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"person_files_mb": 1, "file_mb": 5})
    monkeypatch.setattr("chatplatform.files.services.MOST_UNSENT", 2)
    all_begun = asyncio.Barrier(4)

    async def small() -> AsyncIterator[bytes]:
        await all_begun.wait()
        yield b"Hello"

    async def one(http: httpx.AsyncClient) -> int:
        headers = {**BYTES, "X-File-Name": "a.txt", "Content-Length": "5"}
        return (await http.post("/api/files", content=small(), headers=headers)).status_code

    async with api_site.http() as http:
        assert sorted(await asyncio.gather(*(one(http) for _ in range(4)))) == [201, 201, 429, 429]
    assert await left(folder, 2) == 2
    assert await sync_to_async(count_all)() == 2


def count_all() -> int:
    from chatplatform.common.scope import all_workspaces

    with all_workspaces("test"):
        return StoredFile.objects.count()

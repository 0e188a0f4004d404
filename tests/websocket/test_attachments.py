"""Files on the socket: sent, queued, taken back, edited, refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from pytest_django.fixtures import Settings

from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.files.content import path_of
from chatplatform.files.models import StoredFile
from chatplatform.files.services import keep_upload
from chatplatform.files.upload import Upload
from chatplatform.jobs.heartbeat import Heartbeat
from chatplatform.jobs.models import Job, JobState
from chatplatform.jobs.runner import Runner
from chatplatform.privacy.sealed_files import write_sealed
from chatplatform.testing.chat_client import ChatClient
from tests.websocket.conftest import Person, Site

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

TEXT = b"The Fjord weighs 1.8 kg."


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> None:
    settings.FILES_DIR = tmp_path


def _file(owner: Person, name: str) -> str:
    with workspace_scope(owner.workspace.id):
        upload = Upload(is_asking=False, length=len(TEXT), size=len(TEXT), head=TEXT)
        upload.key = write_sealed(path_of(upload.id), [TEXT])
        file = keep_upload(upload, name, actor=owner.actor)
    with all_workspaces("test"):
        jobs = list(
            Job.objects.filter(kind="files.read", state=JobState.WAITING).values_list("id", flat=True)
        )
    for job_id in jobs:
        Runner(Heartbeat(on_stuck=lambda: None)).run(job_id)
    return str(file.id)


async def file_of(owner: Person, name: str = "tents.txt") -> str:
    return await sync_to_async(_file)(owner, name)


async def say(client: ChatClient, text: str, files: list[str], **fields: Any) -> str:
    client_id = str(UUID(int=len(client.frames) + 1000 + hash(text) % 10**9, version=4))
    conversation = client.screen.conversation
    await client.send(
        "send",
        client_id=client_id,
        conversation_id=conversation["id"] if conversation else None,
        text=text,
        attachment_ids=files,
        **fields,
    )
    return client_id


def asked(site: Site) -> list[str]:
    return [message["content"] for message in site.engine.state()["last_chat"]["messages"]]


async def test_a_queued_message_takes_its_files_along_or_gives_them_back(site: Site, owner: Person) -> None:
    first, second = await file_of(owner, "one.txt"), await file_of(owner, "two.txt")
    async with site.client(owner) as client:
        await say(client, "Hold [[hold=1 tokens=2]]", [])
        await client.frame("accepted")
        await say(client, "One [[tokens=2]]", [first], if_busy="queue")
        queued = (await client.frame("queued"))["message"]
        assert [each["name"] for each in queued["attachments"]] == ["one.txt"]
        await say(client, "Two [[tokens=2]]", [second], if_busy="queue")
        waiting = (await client.frame("queued"))["message"]
        await client.send("take_back", queued_id=waiting["id"])
        taken = await client.frame("taken_back")
        assert [each["file_id"] for each in taken["attachments"]] == [second]
        site.engine.release()
        await client.until(lambda s: len(s.messages) == 4 and not s.messages[-1].is_running, timeout_s=30)
        assert "The Fjord weighs 1.8 kg." in asked(site)[-1]

    def states() -> list[tuple[str, bool]]:
        with all_workspaces("test"):
            rows = StoredFile.objects.order_by("created_at")
            return [(str(row.id), row.attached_at is not None) for row in rows]

    assert await sync_to_async(states)() == [(first, True), (second, False)]


async def test_an_edited_message_keeps_its_files(site: Site, owner: Person) -> None:
    file = await file_of(owner)
    async with site.client(owner) as client:
        await say(client, "How heavy? [[tokens=2]]", [file])
        accepted = await client.frame("accepted")
        assert [each["name"] for each in accepted["question"]["attachments"]] == ["tents.txt"]
        await client.finished()
        question = client.screen.messages[0].id
        await client.send(
            "edit", client_id=str(UUID(int=7, version=4)), message_id=question, text="Weight? [[tokens=2]]"
        )
        edited = (await client.frame("accepted"))["question"]
        assert [each["file_id"] for each in edited["attachments"]] == [file]
        await client.until(lambda s: not s.messages[-1].is_running and s.messages[-1].role == "assistant")
        await client.finished()
        assert "The Fjord weighs 1.8 kg." in asked(site)[-1]
        assert asked(site)[-1].endswith("Weight? [[tokens=2]]")


async def test_a_file_that_is_not_there_is_refused_with_words(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        client_id = await say(client, "Hm?", [str(UUID(int=1, version=4))])
        refused = await client.frame("error")
        assert (refused["code"], refused["client_id"]) == ("file_not_found", client_id)


async def test_a_temporary_chat_takes_no_files(site: Site, owner: Person) -> None:
    file = await file_of(owner)
    async with site.client(owner) as client:
        await say(client, "Hm?", [file], temporary=True)
        assert (await client.frame("error"))["code"] == "no_files_in_temporary"

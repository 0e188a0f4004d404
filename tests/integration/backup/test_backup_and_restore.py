"""A backup taken while people chat restores into a working system with every word."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from chatplatform.backup.archive import read_manifest
from chatplatform.testing.chat_client import ChatClient
from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.site_process import SiteProcesses
from tests.privacy.test_canary_on_disk import files_with

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CANARY = "marimba-canary-51c0de"
# Every message that can be read, with the moment of its commit's end or before.
READ_ALL = """
import json, django
django.setup()
from chatplatform.chat.content import text_of
from chatplatform.chat.models import Message, Turn
from chatplatform.chat.segments import joined_text
from chatplatform.common.scope import all_workspaces
from chatplatform.privacy.subjects import Subject
with all_workspaces("a test reads"):
    found = {}
    for message in Message.objects.select_related("conversation"):
        owner = Subject.person(message.conversation.owner_id)
        found[str(message.id)] = [message.role, message.created_at.isoformat(), text_of(message, owner)]
    for turn in Turn.objects.filter(state__in=Turn.UNFINISHED).select_related("conversation"):
        joined_text(turn, Subject.person(turn.conversation.owner_id))
    print(json.dumps(found))
"""
LAST_BACKUP = """
import django
django.setup()
from chatplatform.backup.queries import last_backup, last_restore
found = last_backup()
print(found and found.with_keys, bool(last_restore()))
"""


@pytest.fixture
def engine() -> Iterator[ScriptedEngineProcess]:
    engine = ScriptedEngineProcess()
    yield engine
    engine.stop()


@pytest.fixture
def site(tmp_path: Path, engine: ScriptedEngineProcess) -> Iterator[SiteProcesses]:
    site = SiteProcesses(tmp_path / "old", engine_url=engine.url, engine_token=TOKEN)
    site.migrate()
    yield site
    site.stop()


def another(
    tmp_path: Path, engine: ScriptedEngineProcess, old: SiteProcesses, name: str = "new"
) -> SiteProcesses:
    """A fresh installation with the master key of the old one, which whoever restores has kept apart."""
    made = SiteProcesses(tmp_path / name, engine_url=engine.url, engine_token=TOKEN)
    secrets = made.folder / "data" / "secrets"
    secrets.mkdir(mode=0o700)
    shutil.copy(old.folder / "data" / "secrets" / "master.key", secrets)
    return made


def read_all(site: SiteProcesses) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(site.script(READ_ALL).splitlines()[-1])
    return found


async def chatter(site: SiteProcesses, cookie: str, stop: asyncio.Event, said: list[str]) -> None:
    """Ask until told to stop, below the limit of a minute; `said` gets the ids of questions that were committed."""
    async with ChatClient(site.socket_url, cookie=cookie) as client:
        while not stop.is_set():
            await client.ask(f"{CANARY} {len(said)} [[tokens=100 delay_ms=25]]")
            accepted = await client.frame("accepted")
            said.append(accepted["question"]["id"])
            await client.finished()


async def test_under_load_every_message_comes_back(
    site: SiteProcesses, engine: ScriptedEngineProcess, tmp_path: Path
) -> None:
    cookies = site.people(3)
    site.start_web()
    site.start("worker")
    stop = asyncio.Event()
    said: list[str] = []
    archive, keys = tmp_path / "backup.tar.gz", tmp_path / "keys.tar.gz"
    async with asyncio.TaskGroup() as group:
        for cookie in cookies:
            group.create_task(chatter(site, cookie, stop, said))
        while len(said) < 6:  # noqa: ASYNC110 - the askers count, and tell nobody
            await asyncio.sleep(0.1)
        before = set(said)
        output = await asyncio.to_thread(site.manage, "backup", str(archive), "--keys", str(keys))
        while len(said) < len(before) + 3:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        stop.set()
    assert len(said) > len(before)
    everything = read_all(site)
    assert "True False" in site.script(LAST_BACKUP)
    site.stop()
    manifest = read_manifest(archive)
    assert manifest.covers_until.isoformat() in output
    assert files_with(CANARY, tmp_path) == []
    unpacked = tmp_path / "unpacked"
    with tarfile.open(archive) as packed:
        packed.extractall(unpacked, filter="data")
    assert files_with(CANARY, unpacked) == []
    assert not {"keys", "secrets"} & {path.name for path in unpacked.rglob("*")}
    master_key = (site.folder / "data" / "secrets" / "master.key").read_text().strip()
    assert files_with(master_key, unpacked) == []

    new = another(tmp_path, engine, site)
    told = new.manage("restore", str(archive), "--keys", str(keys))
    assert "Restored" in told
    restored = read_all(new)
    covered = {
        key for key, (_, at, _) in everything.items() if datetime.fromisoformat(at) < manifest.covers_until
    }
    assert before <= set(restored)
    # a row's time is taken before its commit: the very last ones may miss the snapshot
    assert len(covered - set(restored)) <= 2 * len(cookies)
    finished = {key: value for key, value in restored.items() if value[2]}
    assert {key: everything[key] for key in finished} == finished
    assert "intact" in new.manage("audit", "verify")
    assert "True" in new.script(LAST_BACKUP).split()[-1]

    new.start_web()
    new.start("worker")
    (cookie,) = new.people(1)
    async with ChatClient(new.socket_url, cookie=cookie) as client:
        await client.ask("Are you well? [[tokens=3]]")
        await client.finished()
    new.stop()
    assert "intact" in new.manage("audit", "verify")


def refused(site: SiteProcesses, *arguments: str) -> str:
    """What a refused command says; the data folder is the same before and after, but for the audit log."""
    before = sorted(path.name for path in (site.folder / "data").iterdir())
    with pytest.raises(RuntimeError) as caught:
        site.manage(*arguments)
    after = sorted(path.name for path in (site.folder / "data").iterdir())
    assert [name for name in after if not name.startswith("db.sqlite3")] == [
        name for name in before if not name.startswith("db.sqlite3")
    ]
    assert "Traceback" not in str(caught.value)
    return str(caught.value)


async def _one_answer(site: SiteProcesses, text: str) -> None:
    (cookie,) = site.people(1)
    site.start_web()
    async with ChatClient(site.socket_url, cookie=cookie) as client:
        await client.ask(f"{text} [[tokens=4]]")
        await client.finished()
    site.stop()


async def test_what_will_not_do_is_refused_and_changes_nothing(
    site: SiteProcesses, engine: ScriptedEngineProcess, tmp_path: Path
) -> None:
    await _one_answer(site, "Hello")
    archive, keys = tmp_path / "b.tar.gz", tmp_path / "k.tar.gz"
    site.manage("backup", str(archive), "--keys", str(keys))
    assert "exists already" in refused(site, "backup", str(archive))
    assert "data folder" in refused(site, "backup", str(site.folder / "data" / "b.tar.gz"))
    assert "same file" in refused(site, "backup", str(tmp_path / "x"), "--keys", str(tmp_path / "x"))
    assert "does not exist" in refused(site, "backup", str(tmp_path / "nowhere" / "x"))

    new = another(tmp_path, engine, site)
    whole = archive.read_bytes()
    damaged = tmp_path / "damaged.tar.gz"

    def with_bytes(data: bytes) -> str:
        damaged.write_bytes(data)
        return refused(new, "restore", str(damaged), "--keys", str(keys))

    assert "damaged or cut short" in with_bytes(whole[: len(whole) // 2])
    assert "no backup of this platform" in with_bytes(b"")
    assert "no backup of this platform" in with_bytes(b"PK\x03\x04 something else")
    assert "no backup of this platform" in with_bytes(gzip.compress(b"not a tar" * 1000))
    assert "damaged or cut short" in with_bytes(_changed(whole, "database/default.sqlite3"))
    assert "newer version" in with_bytes(_manifest_changed(whole, format_version=99))
    migrations = [["chat", "9999_of_the_future"]]
    assert "newer version" in with_bytes(_manifest_changed(whole, migrations=migrations))
    assert "no backup of this platform" in with_bytes(
        _manifest_changed(whole, files=[{"name": "../../evil", "size": 1, "sha256": "0" * 64}])
    )
    assert "expected" in refused(new, "restore", str(keys))
    assert "cannot be read" in refused(new, "restore", str(tmp_path / "missing.tar.gz"))

    without = refused(new, "restore", str(archive))
    assert "1 conversations of 1 people" in without
    assert "--keys" in without
    assert not (new.folder / "data" / "db.sqlite3").exists()

    stranger = SiteProcesses(tmp_path / "stranger", engine_url=engine.url, engine_token=TOKEN)
    (stranger.folder / "data" / "secrets").mkdir(mode=0o700)
    said = refused(stranger, "restore", str(archive), "--keys", str(keys))
    assert "wrapped by the master key" in said


async def test_over_an_installation_with_data_only_when_asked(
    site: SiteProcesses, engine: ScriptedEngineProcess, tmp_path: Path
) -> None:
    await _one_answer(site, "First")
    archive = tmp_path / "b.tar.gz"
    site.manage("backup", str(archive))
    kept = read_all(site)
    await _one_answer(site, "Second, which the backup does not know")
    assert "--replace" in refused(site, "restore", str(archive))
    site.start_web()
    assert "in use" in refused(site, "restore", str(archive), "--replace")
    site.stop()
    told = site.manage("restore", str(archive), "--replace")
    aside = [Path(line.split(": ", 1)[1]) for line in told.splitlines() if line.startswith("Kept aside")]
    assert any(path.name.startswith("db.sqlite3.before-") and path.stat().st_size > 10_000 for path in aside)
    assert read_all(site) == kept
    assert "intact" in site.manage("audit", "verify")
    listed = site.manage("audit", "list")
    assert "backup.restored" in listed
    await _one_answer(site, "Life goes on")


def _members(archive: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        return [(member, packed.extractfile(member).read()) for member in packed]  # type: ignore[union-attr]


def _packed(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as packed:
        for member, data in members:
            member.size = len(data)
            packed.addfile(member, io.BytesIO(data))
    return out.getvalue()


def _changed(archive: bytes, name: str) -> bytes:
    """One byte of one file is another."""
    return _packed(
        [
            (member, data if member.name != name else data[:-1] + bytes([data[-1] ^ 1]))
            for member, data in _members(archive)
        ]
    )


def _manifest_changed(archive: bytes, **fields: object) -> bytes:
    (first, text), *rest = _members(archive)
    return _packed([(first, json.dumps({**json.loads(text), **fields}).encode()), *rest])

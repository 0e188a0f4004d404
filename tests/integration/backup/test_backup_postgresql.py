"""The same on PostgreSQL, whose rows are behind a second lock that a dump must open."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from chatplatform.testing.chat_client import ChatClient
from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.site_process import SiteProcesses
from tests.integration.backup.test_backup_and_restore import read_all
from tests.servers import environment, servers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(servers() is None, reason="no PostgreSQL server was named"),
]
OF_DATABASES = ("CHATPLATFORM_DATABASE_URL", "CHATPLATFORM_KEYS_DATABASE_URL")


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[tuple[SiteProcesses, SiteProcesses]]:
    """An installation and an empty one, each with databases of its own."""
    named = servers()
    assert named is not None
    engine = ScriptedEngineProcess()
    made: list[str] = []
    both = []
    with psycopg.connect(named.postgres, autocommit=True) as server:
        for folder in ("old", "new"):
            chosen = {name: value for name, value in environment(*named).items() if name in OF_DATABASES}
            for name in OF_DATABASES:
                made.append(urlsplit(chosen[name]).path[1:])
                server.execute(f'CREATE DATABASE "{made[-1]}"')
            both.append(SiteProcesses(tmp_path / folder, engine_url=engine.url, engine_token=TOKEN, **chosen))
        try:
            yield both[0], both[1]
        finally:
            for site in both:
                site.stop()
            engine.stop()
            for name in made:
                server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


async def test_it_comes_back_and_replaces_only_when_asked(
    sites: tuple[SiteProcesses, SiteProcesses], tmp_path: Path
) -> None:
    old, new = sites
    old.migrate()
    (cookie,) = old.people(1)
    old.start_web()
    async with ChatClient(old.socket_url, cookie=cookie) as client:
        await client.ask("Hello. [[tokens=5]]")
        await client.finished()
    archive, keys = str(tmp_path / "b.tar.gz"), str(tmp_path / "k.tar.gz")
    old.manage("backup", archive, "--keys", keys)
    kept = read_all(old)
    secrets = new.folder / "data" / "secrets"
    secrets.mkdir(mode=0o700)
    shutil.copy(old.folder / "data" / "secrets" / "master.key", secrets)
    new.manage("restore", archive, "--keys", keys)
    assert len(kept) == 2
    assert read_all(new) == kept
    assert "intact" in new.manage("audit", "verify")
    with pytest.raises(RuntimeError, match="--replace"):
        new.manage("restore", archive)
    assert "default.pgdump" in new.manage("restore", archive, "--replace")
    assert read_all(new) == kept

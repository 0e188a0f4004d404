"""A secret in a message, through a whole turn with its title job: no byte of it on the disk, in clear.

Everything that the processes left behind is searched raw: databases with their write-ahead logs and free pages,
key store, broker files, logs. With encryption switched off the same search must find it.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatplatform.testing.chat_client import ChatClient
from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.site_process import SiteProcesses

CANARY = "xylophone-canary-7f3a91"
# Runs manage.py with a cipher that encrypts nothing.
SABOTAGED_MANAGE = """
import sys
from cryptography.hazmat.primitives.ciphers import aead

class Nothing:
    def __init__(self, key): pass
    generate_key = staticmethod(lambda bits: bytes(bits // 8))
    def encrypt(self, nonce, data, associated): return data + bytes(16)
    def decrypt(self, nonce, data, associated): return data[:-16]

aead.AESGCM = Nothing
sys.argv[0] = "manage.py"
import manage
manage.main()
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SiteProcesses]:
    engine = ScriptedEngineProcess()
    site = SiteProcesses(tmp_path, engine_url=engine.url, engine_token=TOKEN)
    yield site
    site.stop()
    engine.stop()


def spellings(secret: str) -> list[bytes]:
    """The secret as it might lie about: in common encodings, and inside base64 at each of three offsets."""
    found = [
        secret.encode(),
        secret.encode("utf-16-le"),
        secret.encode("utf-16-be"),
        secret.encode().hex().encode(),
    ]
    for offset in range(3):
        encoded = base64.b64encode(b"\x00" * offset + secret.encode()).decode()
        start = {0: 0, 1: 2, 2: 3}[offset]
        found.append(encoded[start : len(encoded) - 4].encode())
    return found


def files_with(secret: str, folder: Path) -> list[str]:
    needles = spellings(secret)
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(needle in path.read_bytes() for needle in needles)
    ]


async def whole_turn(site: SiteProcesses) -> None:
    (cookie,) = site.people(1)
    async with ChatClient(site.socket_url, cookie=cookie) as client:
        thinking = f"think=3 thought={CANARY} delay_ms=50"
        await client.ask(f"My password is {CANARY}. Please. [[tokens=2 word={CANARY} {thinking}]]")
        answer = await client.finished()
        assert CANARY in answer.text
        assert answer.turn is not None
        assert answer.turn["has_thinking"]
        await client.until(
            lambda s: any(not c["title"].startswith("My password") for c in s.conversations.values()),
            timeout_s=40,
        )


@pytest.mark.slow
@pytest.mark.parametrize("log_format", ["text", "json"])
async def test_no_clear_text_on_disk(site: SiteProcesses, tmp_path: Path, log_format: str) -> None:
    site.environment["CHATPLATFORM_LOG_FORMAT"] = log_format
    site.migrate()
    site.start_web()
    site.start("worker")
    await whole_turn(site)
    assert files_with(CANARY, tmp_path) == []
    site.stop()
    assert files_with(CANARY, tmp_path) == []
    assert (tmp_path / "data" / "db.sqlite3").stat().st_size > 50_000


@pytest.mark.slow
async def test_without_encryption_the_search_finds_it(site: SiteProcesses, tmp_path: Path) -> None:
    site.command = [sys.executable, "-c", SABOTAGED_MANAGE]
    site.migrate()
    (cookie,) = site.people(1)
    site.start_web()
    async with ChatClient(site.socket_url, cookie=cookie) as client:
        await client.ask(f"My password is {CANARY}.")
        await client.finished()
    site.stop()
    assert any("db.sqlite3" in name for name in files_with(CANARY, tmp_path))


def test_the_search_knows_other_spellings(tmp_path: Path) -> None:
    for number, data in enumerate(
        [
            CANARY.encode(),
            CANARY.encode("utf-16-le"),
            base64.b64encode(f"a{CANARY}b".encode()),
            base64.b64encode(f"ab{CANARY}b".encode()),
        ]
    ):
        path = tmp_path / str(number)
        path.write_bytes(b"before" + data + b"after")
        assert files_with(CANARY, tmp_path) == [str(number)]
        path.unlink()

"""A backup taken while documents come in: after the restore each one is found, by its words and its vectors."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pytest

from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.site_process import SiteProcesses, free_port
from tests.knowledge_site import KnowledgeSite, knowledge_site
from tests.privacy.test_canary_on_disk import files_with

pytest.importorskip(
    "chromadb_rust_bindings", reason="install it: python -m chatplatform.installation install chroma"
)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CANARY = "harmonium-canary-2be6f1"
COMPARE = """
import django
django.setup()
from chatplatform.knowledge.chores import compare_vectors
compare_vectors()
"""


def notes(first: int, last: int) -> list[tuple[str, str]]:
    return [
        (f"Note {n}", f"# {CANARY}\n\n" + f"Rule {n}: dry the tent {n} times. " * 60)
        for n in range(first, last)
    ]


def test_documents_come_back_whole(tmp_path: Path, scripted_engine: ScriptedEngineProcess) -> None:
    archive, keys = tmp_path / "backup.tar.gz", tmp_path / "keys.tar.gz"
    with knowledge_site(tmp_path / "old", engine_url=scripted_engine.url) as old:
        old.site.start("chroma")
        old.chroma_beats()
        old.site.start("worker")
        old.add(notes(0, 20))
        old.settled()
        old.add(notes(20, 60))  # these are on their way now
        old.site.manage("backup", str(archive), "--keys", str(keys))
        master_key = old.site.folder / "data" / "secrets" / "master.key"
        unpacked = tmp_path / "unpacked"
        with tarfile.open(archive) as packed:
            packed.extractall(unpacked, filter="data")
        assert any("knowledge" in path.parts for path in unpacked.rglob("*.text"))
        assert files_with(CANARY, unpacked) == []
        new = SiteProcesses(
            tmp_path / "new",
            engine_url=scripted_engine.url,
            engine_token=TOKEN,
            CHATPLATFORM_CHROMA_PORT=str(free_port()),
        )
        (new.folder / "data" / "secrets").mkdir(mode=0o700)
        shutil.copy(master_key, new.folder / "data" / "secrets")
        collection_id = old.collection_id
    try:
        assert "Restored" in new.manage("restore", str(archive), "--keys", str(keys))
        restored = KnowledgeSite(new, collection_id)
        new.start("chroma")
        restored.chroma_beats()
        new.start("worker")
        restored.settled()
        new.script(COMPARE)
        found = restored.settled()
    finally:
        new.stop()
    assert found["documents"] == {"read": 60}
    assert found["entries"] == {"done": 60}
    assert found["unread"] == found["problems"] == {}
    for name in (
        "without_vector",
        "left_over_vectors",
        "terms_missing",
        "terms_left_over",
        "miscounted",
        "twice",
    ):
        assert found[name] == 0, (name, found)

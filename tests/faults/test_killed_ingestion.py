"""kill -9 of worker, vector store and encoder in the middle of many documents: each is indexed once in the end.

`CHATPLATFORM_FAULTS_INGESTION_KILLS` says how often (3: each once), `CHATPLATFORM_FAULTS_DOCUMENTS` how many documents
(40). For a night: 20 and 500. The encoder is a scripted one: quick, and killed as any process is.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatplatform.testing.fixtures import ScriptedEngineProcess
from tests.knowledge_site import KnowledgeSite, knowledge_site

pytest.importorskip(
    "chromadb_rust_bindings", reason="install it: python -m chatplatform.installation install chroma"
)
pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(1800)]

KILLS = int(os.environ.get("CHATPLATFORM_FAULTS_INGESTION_KILLS", "3"))
DOCUMENTS = int(os.environ.get("CHATPLATFORM_FAULTS_DOCUMENTS", "40"))
SEED = int(os.environ.get("CHATPLATFORM_FAULTS_SEED", "0")) or random.randrange(1, 2**32)
WITHIN_S = 600


def document(number: int) -> tuple[str, str]:
    """Of one to nine chunks, some of them the same in several documents."""
    parts = [
        f"## Part {part}\n\n" + f"In part {part} of note {number % 300} we dry tent {number} again. " * 9
        for part in range(number % 9)
    ]
    return f"Note {number}", "\n\n".join([f"# Note {number}", "What every note begins with. " * 20, *parts])


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[tuple[KnowledgeSite, ScriptedEngineProcess]]:
    engine = ScriptedEngineProcess()
    try:
        with knowledge_site(tmp_path, engine_url=engine.url) as found:
            found.site.start("chroma")
            found.chroma_beats()
            yield found, engine
    finally:
        engine.stop()


def test_each_document_is_indexed_once(busy: tuple[KnowledgeSite, ScriptedEngineProcess]) -> None:
    knowledge, engine = busy
    print(f"CHATPLATFORM_FAULTS_SEED={SEED}")
    chance = random.Random(SEED)
    given = 0
    met = {"worker": 0, "chroma": 0, "engine": 0}
    for number in range(KILLS):
        share = DOCUMENTS * (number + 1) // KILLS
        knowledge.add([document(each) for each in range(given, share)])
        given = share
        knowledge.site.start("worker")
        victim = ("worker", "chroma", "engine")[number % 3]
        time.sleep(chance.uniform(1.5, 5.0))
        is_busy = knowledge.look()["entries"].get("waiting", 0) > 0
        if victim == "chroma":
            knowledge.site.kill("chroma")
            time.sleep(chance.uniform(0.0, 2.0))
            knowledge.site.start("chroma")
        elif victim == "engine":
            engine.kill()
            time.sleep(chance.uniform(0.0, 2.0))
            engine.restart()
        met[victim] += is_busy
        if victim != "worker":
            time.sleep(chance.uniform(1.0, 4.0))  # the job meets what is down, and what comes back
        knowledge.site.kill("worker")  # and each time the worker, so that the next round begins anew
    print(f"kills that met waiting documents: {met}")
    knowledge.chroma_beats()
    knowledge.site.start("worker")
    until = time.monotonic() + WITHIN_S
    while knowledge.look()["entries"] != {"done": DOCUMENTS}:
        assert time.monotonic() < until, (knowledge.look(), knowledge.site.log("worker")[-3000:])
        time.sleep(1)
    while (found := knowledge.look(whole=True))["removals"]:
        assert time.monotonic() < until, found
        time.sleep(1)
    assert found["documents"] == {"read": DOCUMENTS}
    assert found["chunks"] > DOCUMENTS
    wrong = (
        "twice",
        "without_vector",
        "terms_missing",
        "terms_twice",
        "terms_left_over",
        "miscounted",
        "left_over_vectors",
    )
    assert {name: found[name] for name in wrong} == dict.fromkeys(wrong, 0), found

"""A platform with a worker, a vector store of its own and an encoder, filled with documents and looked into, for tests
that kill its parts and for the benchmark of ingestion."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from chatplatform.testing.fixtures import TOKEN
from chatplatform.testing.site_process import SiteProcesses, free_port

PATIENCE_S = 120

COLLECTION = """
import django
django.setup()
from chatplatform.accounts.models import Workspace
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.knowledge.collections import create_collection
workspace = Workspace.objects.create(name="Larkfell Outdoor")  # bare, without the demo's own documents
with workspace_scope(workspace.id):
    print(create_collection("Help centre", actor=Actor.system("test")))
"""
ADD = """
import json, sys
import django
django.setup()
from uuid import UUID
from chatplatform.accounts.models import Workspace
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.knowledge.documents import add_text
with workspace_scope(Workspace.objects.get().id):
    for title, text in json.load(open(sys.argv[2])):
        add_text(UUID(sys.argv[1]), title, text, actor=Actor.system("test"))
"""
ADD_FILES = """
import sys
import django
django.setup()
from pathlib import Path
from uuid import UUID
from chatplatform.accounts.models import Workspace
from chatplatform.common.actors import Actor
from chatplatform.common.errors import InvalidInput
from chatplatform.common.scope import workspace_scope
from chatplatform.knowledge.documents import add_bytes
refused = 0
with workspace_scope(Workspace.objects.get().id):
    for path in sorted(Path(sys.argv[2]).rglob("*")):
        if path.is_file():
            try:
                add_bytes(UUID(sys.argv[1]), [path.read_bytes()], path.name, actor=Actor.system("test"))
            except InvalidInput:
                refused += 1
print(refused)
"""
DELETE = """
import sys
import django
django.setup()
from uuid import UUID
from chatplatform.accounts.models import Workspace
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.knowledge.document_acts import delete_documents
from chatplatform.knowledge.models import Document
with workspace_scope(Workspace.objects.get().id):
    delete_documents(list(Document.objects.values_list("id", flat=True)), actor=Actor.system("test"))
"""
LOOK = """
import json, sys
import django
django.setup()
from collections import Counter
from uuid import UUID
from chatplatform.common.actors import Actor
from chatplatform.common.scope import all_workspaces
from chatplatform.knowledge.index.models import TermPack
from chatplatform.knowledge.index import packing
from chatplatform.knowledge.models import Chunk, Collection, Document, Index, IndexEntry, VectorRemoval
from chatplatform.vector_store import blocking_vector_store
with all_workspaces("test"):
    index = Collection.objects.get(id=UUID(sys.argv[1])).live_index
    entries = IndexEntry.objects.filter(index=index)
    found = {
        "documents": dict(Counter(Document.objects.values_list("state", flat=True))),
        "entries": dict(Counter(entries.values_list("state", flat=True))),
        "problems": dict(Counter(entries.exclude(problem="").values_list("problem", flat=True))),
        "unread": dict(Counter(Document.objects.exclude(problem="").values_list("problem", flat=True))),
    }
    if index is not None and "whole" in sys.argv:
        store = blocking_vector_store(purpose="test.look", actor=Actor.system("test"), workspace_id=None)
        vectors = store.ids(index.vectors_name)
        rows = list(Chunk.objects.filter(index=index).values_list("id", "document_id", "number", "terms"))
        in_terms = []
        for pack in TermPack.objects.filter(index_id=index.id):
            ids = [bytes(pack.ids)[at:at + 16] for at in range(0, len(bytes(pack.ids)), 16)]
            removed = bytes(pack.removed)
            in_terms += [each for at, each in enumerate(ids) if not packing.is_removed(removed, at)]
        found |= {
            "chunks": len(rows),
            "twice": len(rows) - len({(document, number) for _id, document, number, _terms in rows}),
            "without_vector": len({row[0] for row in rows} - vectors),
            "left_over_vectors": len(vectors - {row[0] for row in rows}),
            "terms_missing": len({row[0].bytes for row in rows} - set(in_terms)),
            "terms_twice": len(in_terms) - len(set(in_terms)),
            "terms_left_over": len(set(in_terms) - {row[0].bytes for row in rows}),
            "sizes": dict(Counter(entries.values_list("chunks", flat=True))),
            "miscounted": sum(
                entry.chunks != Chunk.objects.filter(index=index, document_id=entry.document_id).count()
                for entry in entries
            ),
            "removals": VectorRemoval.objects.count(),
            "measured": [index.measured_tokens, index.measured_s],
        }
    print(json.dumps(found))
"""


@dataclass
class KnowledgeSite:
    """`site` with one collection. Start what is wanted of "worker", "chroma" and "engine_encoder"."""

    site: SiteProcesses
    collection_id: str

    def add(self, documents: Sequence[tuple[str, str]]) -> None:
        """Titles with their texts."""
        path = self.site.folder / "documents.json"
        path.write_text(json.dumps(documents))
        self.site.script(ADD, self.collection_id, str(path))

    def add_files(self, folder: Path) -> int:
        """Every file in the folder; how many were refused at the door."""
        return int(self.site.script(ADD_FILES, self.collection_id, str(folder)).split()[-1])

    def delete_all(self) -> None:
        """Every document."""
        self.site.script(DELETE)

    def settled(self, *, within_s: float = 300) -> dict[str, Any]:
        """What there is when nothing waits any more; raises TimeoutError."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            found = self.look()
            busy = {"waiting", "reading"} & found["documents"].keys() or "waiting" in found["entries"]
            if not busy and not (whole := self.look(whole=True)).get("removals"):
                return whole
            time.sleep(0.5)
        raise TimeoutError(f"{self.look()}\n{self.site.log('worker')[-3000:]}")

    def look(self, *, whole: bool = False) -> dict[str, Any]:
        """How many documents and entries are in which state; `whole` compares rows, vectors and terms too."""
        found: dict[str, Any] = json.loads(self.site.script(LOOK, self.collection_id, *["whole"] * whole))
        return found

    def chroma_beats(self, *, wait_s: float = PATIENCE_S) -> None:
        _until_answers(int(self.site.environment["CHATPLATFORM_CHROMA_PORT"]), "/api/v2/heartbeat", wait_s)


@contextmanager
def knowledge_site(folder: Path, *, engine_url: str = "", **environment: str) -> Iterator[KnowledgeSite]:
    """With `engine_url` its encoder is a scripted one; without, one of the platform's own, to be started."""
    own = (
        {} if engine_url else {"CHATPLATFORM_ENCODER_URL": "", "CHATPLATFORM_ENCODER_PORT": str(free_port())}
    )
    site = SiteProcesses(
        folder,
        engine_url=engine_url or "http://127.0.0.1:9/v1",
        engine_token=TOKEN,
        **(own | {"CHATPLATFORM_CHROMA_PORT": str(free_port()), "PYTHONUNBUFFERED": "1"} | environment),
    )
    try:
        site.migrate()
        yield KnowledgeSite(site, site.script(COLLECTION).split()[-1])
    finally:
        site.stop()


def _until_answers(port: int, path: str, wait_s: float) -> None:
    until = time.monotonic() + wait_s
    while time.monotonic() < until:
        connection = HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            time.sleep(0.1)
        finally:
            connection.close()
    raise TimeoutError(f"nothing answers on port {port}")

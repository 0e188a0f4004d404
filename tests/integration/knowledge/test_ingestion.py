"""Documents on their way into an index, with a scripted encoder and a store in memory: what is computed, written and
taken away, and what people see meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pytest_django.fixtures import Settings

from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, NotFound
from chatplatform.common.scope import workspace_scope
from chatplatform.inference import gateway
from chatplatform.knowledge import (
    chores,
    collections,
    document_acts,
    document_queries,
    documents,
    queries,
    written,
)
from chatplatform.knowledge.chunk_text import chunk_text
from chatplatform.knowledge.index.queries import lexical_scores
from chatplatform.knowledge.ingestion import embedding, indexing, windows
from chatplatform.knowledge.ingestion.indexing import _Indexer
from chatplatform.knowledge.ingestion.writing import Writer
from chatplatform.knowledge.models import Chunk, Collection, Document, Index, IndexEntry, VectorRemoval
from chatplatform.knowledge.written import Pair
from chatplatform.privacy.services import destroy_key
from chatplatform.privacy.subjects import Subject
from chatplatform.testing.fixtures import ScriptedEngineProcess
from chatplatform.testing.vector_memory import VectorMemory
from chatplatform.vector_store import BlockingVectorStore, VectorStoreUnavailable, configured
from tests.integration.knowledge.at_work import Team, acting, run_jobs, team
from tests.unit.documents import made

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

TENT = "The Fjord tent weighs 1.8 kg and keeps the rain out.\n\n"
GUIDE = "# Care\n\n" + "\n\n".join(
    f"## Part {n}\n\n" + f"Rule {n}: dry the tent {n} times. " * 12 for n in range(8)
)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> BlockingVectorStore:
    memory = VectorMemory()
    monkeypatch.setattr(configured, "ChromaStore", lambda _connection: memory)
    return BlockingVectorStore(memory)


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.KNOWLEDGE_DIR = tmp_path / "knowledge"
    return tmp_path / "knowledge"


@pytest.fixture
def people(
    db: None, folder: Path, store: BlockingVectorStore, scripted_engine: ScriptedEngineProcess
) -> Iterator[Team]:
    found = team()
    with workspace_scope(found.workspace.id):
        yield found


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that the encoder is asked for."""
    asked: list[str] = []
    real = gateway.embeddings

    async def spy(texts: list[str], **named: Any) -> gateway.Embedded:
        asked.extend(texts)
        return await real(texts, **named)

    monkeypatch.setattr(gateway, "embeddings", spy)
    return asked


def collection(people: Team) -> UUID:
    return collections.create_collection("Help centre", actor=acting(people.owner))


def index_of(collection_id: UUID) -> Index:
    found = Collection.objects.get(id=collection_id).live_index
    assert found is not None
    return found


def on_disk(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_file_is_read_cut_embedded_and_found(
    people: Team, folder: Path, store: BlockingVectorStore
) -> None:
    help_centre = collection(people)
    kept = documents.add_bytes(help_centre, [made.word()], "tents.docx", actor=acting(people.editor))
    (waiting,) = document_queries.document_page(people.member.id, help_centre).documents
    assert (waiting.state, waiting.stage, waiting.name) == ("waiting", "Waiting", "tents.docx")
    run_jobs()
    view = document_queries.document_view(people.member.id, kept.document_id)
    assert (view.state, view.progress, view.kind, view.title) == ("ready", 1.0, "word", "Tents")
    index = index_of(help_centre)
    rows = list(Chunk.objects.filter(index=index).order_by("number"))
    assert len(rows) == view.chunks > 0
    assert store.ids(index.vectors_name) == {row.id for row in rows}
    text = document_queries.text_of(people.member.id, kept.document_id).text
    for row in rows:
        assert text[row.start : row.end] == chunk_text(row).text
        assert row.parent_start <= row.start < row.end <= row.parent_end
    assert set(lexical_scores(index, "Fjord weighs", most=5)) <= {row.id for row in rows}
    assert lexical_scores(index, "Fjord weighs", most=5)
    assert all(b"Fjord" not in path.read_bytes() for path in on_disk(folder))
    assert not queries.collection_view(people.member.id, help_centre).is_busy


def test_many_small_documents_share_their_requests(
    people: Team, scripted_engine: ScriptedEngineProcess, embedded: list[str]
) -> None:
    help_centre = collection(people)
    for number in range(40):
        documents.add_text(
            help_centre, f"Note {number}", f"Note {number}. {TENT}", actor=acting(people.editor)
        )
    run_jobs()
    view = queries.collection_view(people.member.id, help_centre)
    assert view.states == {"ready": 40}
    assert len(embedded) == view.chunks == 40


def test_a_change_embeds_only_what_is_new(
    people: Team, store: BlockingVectorStore, embedded: list[str]
) -> None:
    help_centre = collection(people)
    actor = acting(people.editor)
    kept = documents.add_text(help_centre, "Care", GUIDE, actor=actor)
    run_jobs()
    index = index_of(help_centre)
    before = {row.id: row.number for row in Chunk.objects.filter(index=index)}
    assert len(embedded) == len(before) > 6
    embedded.clear()
    changed = GUIDE.replace(
        "# Care\n\n", "# Care\n\n## First of all\n\nOpen the bag before you wash it.\n\n", 1
    )
    changed = changed.replace("Rule 5: dry the tent 5 times.", "Rule 5: never dry it.")
    again = documents.replace_text(kept.document_id, "Care", changed, actor=actor)
    assert again.is_new
    (view,) = document_queries.document_page(people.member.id, help_centre).documents
    assert view.state == "waiting"
    assert {row.id for row in Chunk.objects.filter(index=index)} == set(before), (
        "it answers until the new one is in"
    )
    run_jobs()
    after = list(Chunk.objects.filter(index=index).order_by("number"))
    fresh = [row for row in after if row.id not in before]
    assert 0 < len(fresh) < len(after) - 3
    assert len(embedded) == len(fresh)
    assert store.ids(index.vectors_name) == {row.id for row in after}
    text = document_queries.text_of(people.member.id, kept.document_id).text
    assert [text[row.start : row.end] for row in after] == [chunk_text(row).text for row in after]
    assert [row.number for row in after] == list(range(len(after)))
    entry = IndexEntry.objects.get(document_id=kept.document_id)
    assert (entry.revision, entry.chunks, entry.done) == (2, len(after), len(after))


def test_words_that_come_back_are_not_taken_out_with_those_that_left(
    people: Team, store: BlockingVectorStore
) -> None:
    help_centre = collection(people)
    actor = acting(people.editor)
    kept = documents.add_text(help_centre, "Care", GUIDE, actor=actor)
    run_jobs()
    index = index_of(help_centre)
    documents.replace_text(kept.document_id, "Care", TENT, actor=actor)
    run_jobs(only={"knowledge.read", "knowledge.index"})
    assert VectorRemoval.objects.exists()
    documents.replace_text(kept.document_id, "Care", GUIDE, actor=actor)
    run_jobs(only={"knowledge.read", "knowledge.index"})
    run_jobs()
    assert store.ids(index.vectors_name) == set(Chunk.objects.values_list("id", flat=True))
    assert not VectorRemoval.objects.exists()


def test_the_same_words_are_not_embedded_twice(people: Team, embedded: list[str]) -> None:
    help_centre = collection(people)
    actor = acting(people.editor)
    first = documents.add_text(help_centre, "One", GUIDE, actor=actor)
    assert documents.add_text(help_centre, "Once more", GUIDE, actor=actor) == documents.Kept(
        first.document_id, is_new=False
    )
    run_jobs()
    told = len(embedded)
    documents.add_text(
        help_centre, "Two", GUIDE + "\n\n## Part 9\n\nRule 9 is about something else.", actor=actor
    )
    run_jobs()
    assert len(embedded) - told <= 2
    assert queries.collection_view(people.member.id, help_centre).states == {"ready": 2}


def test_a_large_document_holds_up_no_small_one(
    people: Team, embedded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "LARGE_CHARS", 2_000)
    monkeypatch.setattr(windows, "WINDOW", 4)
    monkeypatch.setattr(indexing, "SLICE_S", 0.0)
    help_centre = collection(people)
    large = documents.add_text(help_centre, "Care", GUIDE, actor=acting(people.editor)).document_id
    small = documents.add_text(help_centre, "Tent", TENT, actor=acting(people.editor)).document_id
    monkeypatch.setattr(_Indexer, "_goes_on", lambda self: self._done < 1)
    run_jobs(rounds=2)
    seen = {
        row.id: row.state for row in document_queries.document_page(people.member.id, help_centre).documents
    }
    assert seen == {large: "indexing", small: "ready"}
    run_jobs()
    assert queries.collection_view(people.member.id, help_centre).states == {"ready": 2}
    assert len(embedded) == len(set(embedded)), "what was done before the pause was not done again"
    assert IndexEntry.objects.get(document_id=large).done == Chunk.objects.filter(document_id=large).count()


def test_questions_are_found_with_their_answers(people: Team, embedded: list[str]) -> None:
    help_centre = collection(people)
    pairs = [Pair("May I return boots?", "Within 30 days."), Pair("帐篷防水吗？", "防水，三千毫米。" * 200)]
    kept = documents.add_answers(help_centre, "Questions", pairs, actor=acting(people.editor))
    run_jobs()
    chunks = document_queries.chunks_of(people.member.id, kept.document_id)
    assert (chunks[0].context, chunks[0].text) == ("May I return boots?", "Within 30 days.")
    assert len(chunks) > 2
    assert {chunk.context for chunk in chunks[1:]} == {"帐篷防水吗？"}
    assert "May I return boots?\nWithin 30 days." in embedded
    assert written.pairs_of(Document.objects.get(id=kept.document_id))[0] == pairs[0]


def test_nothing_of_a_deleted_document_stays(people: Team, folder: Path, store: BlockingVectorStore) -> None:
    help_centre = collection(people)
    actor = acting(people.editor)
    gone = documents.add_text(help_centre, "Care", GUIDE, actor=actor).document_id
    stays = documents.add_text(help_centre, "Tent", TENT, actor=actor).document_id
    run_jobs()
    assert document_acts.delete_documents([gone, gone], actor=actor) == 1
    index = index_of(help_centre)
    assert {row.document_id for row in Chunk.objects.all()} == {stays}
    assert set(lexical_scores(index, "Rule dry times", most=50)) <= set(
        Chunk.objects.filter(document_id=stays).values_list("id", flat=True)
    )
    assert len(on_disk(folder)) == 2
    run_jobs()
    assert store.ids(index.vectors_name) == set(Chunk.objects.values_list("id", flat=True))
    assert not VectorRemoval.objects.exists()
    with pytest.raises(NotFound):
        document_queries.document_view(people.member.id, gone)


def test_a_deleted_collection_leaves_nothing(people: Team, folder: Path, store: BlockingVectorStore) -> None:
    help_centre = collection(people)
    for number in range(3):
        documents.add_text(help_centre, f"Note {number}", f"{number} {GUIDE}", actor=acting(people.editor))
    run_jobs()
    name = index_of(help_centre).vectors_name
    collections.delete_collection(help_centre, actor=acting(people.owner))
    with pytest.raises(NotFound):
        queries.collection_view(people.owner.id, help_centre)
    run_jobs()
    assert not on_disk(folder)
    assert store.count(name) == 0
    for model in (Collection, Document, Index, IndexEntry, Chunk, VectorRemoval):
        assert not model.objects.exists(), model


def test_all_goes_with_the_key_of_the_workspace(
    people: Team, folder: Path, store: BlockingVectorStore
) -> None:
    help_centre = collection(people)
    documents.add_text(help_centre, "Care", GUIDE, actor=acting(people.editor))
    run_jobs()
    documents.add_text(help_centre, "Tent", TENT, actor=acting(people.editor))
    name = index_of(help_centre).vectors_name
    destroy_key(Subject.workspace(people.workspace.id), actor=Actor.system("test"))
    assert queries.collection_list(people.owner.id) == []
    run_jobs()
    assert store.count(name) == 0
    assert not on_disk(folder)
    assert not Document.objects.exists()


def test_a_collection_that_goes_while_it_is_indexed_leaves_nothing(
    people: Team, folder: Path, store: BlockingVectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    help_centre = collection(people)
    documents.add_text(help_centre, "Care", GUIDE, actor=acting(people.editor))
    run_jobs(only={"knowledge.read"})
    name = index_of(help_centre).vectors_name
    real = Writer.write

    def write_late(self: Writer, *arguments: Any) -> None:
        monkeypatch.setattr(Writer, "write", real)
        collections.delete_collection(help_centre, actor=acting(people.owner))
        run_jobs(only={"knowledge.delete_collection", "knowledge.remove_vectors"})
        real(self, *arguments)

    monkeypatch.setattr(Writer, "write", write_late)
    run_jobs()
    assert store.count(name) == 0
    with pytest.raises(VectorStoreUnavailable, match="vectors_missing"):
        store.nearest(name, [1.0] * 384, 1)
    assert not on_disk(folder)
    assert not VectorRemoval.objects.exists()


def test_a_store_that_is_down_is_waited_for(
    people: Team, store: BlockingVectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "PATIENCE_S", 0.0)
    monkeypatch.setattr(embedding, "PAUSE_S", 0.0)
    store.store.is_down = True  # type: ignore[attr-defined]
    help_centre = collection(people)
    kept = documents.add_text(help_centre, "Tent", TENT, actor=acting(people.editor))
    run_jobs(rounds=2)
    view = document_queries.document_view(people.member.id, kept.document_id)
    assert (view.state, view.problem) == ("indexing", "vectors_unavailable")
    assert "vector store does not answer" in view.message
    store.store.is_down = False  # type: ignore[attr-defined]
    from chatplatform.jobs.models import Job, JobState

    Job.objects.filter(state=JobState.WAITING).update(available_at="2026-01-01T00:00:00Z")
    run_jobs()
    view = document_queries.document_view(people.member.id, kept.document_id)
    assert (view.state, view.problem, view.message) == ("ready", "", "")


def test_what_cannot_be_read_says_so_and_can_be_tried_again(people: Team) -> None:
    help_centre = collection(people)
    actor = acting(people.editor)
    kept = documents.add_bytes(help_centre, [b"%PDF-1.7 broken"], "broken.pdf", actor=actor)
    run_jobs()
    view = document_queries.document_view(people.member.id, kept.document_id)
    assert (view.state, view.problem) == ("failed", "damaged")
    assert "damaged" in view.message
    document_acts.retry_document(kept.document_id, actor=actor)
    assert document_queries.document_view(people.member.id, kept.document_id).state == "waiting"
    with pytest.raises(Conflict):
        document_acts.retry_document(kept.document_id, actor=actor)


def test_what_is_stopped_stays_stopped_until_it_is_tried_again(people: Team) -> None:
    help_centre = collection(people)
    actor = acting(people.editor)
    kept = documents.add_text(help_centre, "Tent", TENT, actor=actor)
    assert document_acts.stop_documents([kept.document_id], actor=actor) == 1
    run_jobs()
    chores.take_up_what_was_dropped()
    run_jobs()
    view = document_queries.document_view(people.member.id, kept.document_id)
    assert (view.state, view.problem) == ("failed", "stopped")
    document_acts.retry_document(kept.document_id, actor=actor)
    run_jobs()
    assert document_queries.document_view(people.member.id, kept.document_id).state == "ready"


def test_store_and_rows_are_brought_in_line(people: Team, store: BlockingVectorStore) -> None:
    help_centre = collection(people)
    documents.add_text(help_centre, "Care", GUIDE, actor=acting(people.editor))
    run_jobs()
    index = index_of(help_centre)
    wanted = store.ids(index.vectors_name)
    lost = sorted(wanted)[:3]
    store.delete(index.vectors_name, lost)
    store.upsert(index.vectors_name, [people.workspace.id], [[1.0] * 384])
    chores.compare_vectors()
    run_jobs()
    assert store.ids(index.vectors_name) == wanted
    assert set(Chunk.objects.values_list("id", flat=True)) == wanted
    assert chores.compare_index(index) == (0, 0)


def test_pages_count_filter_and_go_on(people: Team) -> None:
    help_centre = collection(people)
    for number in range(7):
        documents.add_text(help_centre, f"Note {number}", f"{number} {TENT}", actor=acting(people.editor))
    first = document_queries.document_page(people.member.id, help_centre, limit=4)
    assert [row.name for row in first.documents] == ["Note 6", "Note 5", "Note 4", "Note 3"]
    second = document_queries.document_page(people.member.id, help_centre, after=first.next, limit=4)
    assert [row.name for row in second.documents] == ["Note 2", "Note 1", "Note 0"]
    assert second.next is None
    assert first.counts == {"waiting": 7}
    (found,) = document_queries.document_page(people.member.id, help_centre, find="NOTE 5").documents
    assert found.name == "Note 5"
    assert not document_queries.document_page(people.member.id, help_centre, state="ready").documents

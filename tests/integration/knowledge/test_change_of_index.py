"""Another index built beside the one that answers: what it costs, when it may be used, and that search goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from chatplatform.audit.models import AuditEvent
from chatplatform.common.errors import Conflict, InvalidInput, NotAllowed
from chatplatform.common.scope import workspace_scope
from chatplatform.knowledge import collections, documents, queries, rebuilding
from chatplatform.knowledge.indexes import IndexesView, indexes_of
from chatplatform.knowledge.models import Chunk, Collection, Index, IndexEntry
from chatplatform.knowledge.rebuild_estimate import rebuild_estimates, seconds_left
from chatplatform.knowledge.retrieval import retrieve
from chatplatform.knowledge.rights import scope_of_collection
from chatplatform.knowledge.written import Pair
from chatplatform.testing.fixtures import ScriptedEngineProcess
from chatplatform.testing.vector_memory import VectorMemory
from chatplatform.vector_store import BlockingVectorStore, configured
from tests.integration.knowledge.at_work import Team, acting, run_jobs, team

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

TENT = "The Fjord tent weighs 1.8 kg and keeps the rain out.\n\n"
GUIDE = "# Care\n\n" + "\n\n".join(
    f"## Part {n}\n\n" + f"Rule {n}: dry the tent {n} times. " * 24 for n in range(6)
)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> BlockingVectorStore:
    memory = VectorMemory()
    monkeypatch.setattr(configured, "ChromaStore", lambda _connection: memory)
    return BlockingVectorStore(memory)


@pytest.fixture
def people(
    db: None,
    settings: Settings,
    tmp_path: Path,
    store: BlockingVectorStore,
    scripted_engine: ScriptedEngineProcess,
) -> Iterator[Team]:
    settings.KNOWLEDGE_DIR = tmp_path / "knowledge"
    found = team()
    with workspace_scope(found.workspace.id):
        yield found


@pytest.fixture
def library(people: Team) -> UUID:
    """A collection of two documents that can be found."""
    made = collections.create_collection("Library", actor=acting(people.owner))
    documents.add_text(made, "Care", GUIDE, actor=acting(people.owner))
    documents.add_answers(made, "Prices", [Pair("Is it free?", "Yes.")], actor=acting(people.owner))
    run_jobs()
    return made


def standing(people: Team, collection_id: UUID) -> IndexesView:
    return indexes_of(people.member.id, collection_id)


def titles(people: Team, collection_id: UUID, question: str) -> list[str]:
    scope = scope_of_collection(people.member.id, collection_id)
    found = asyncio.run(retrieve(scope, question, actor=acting(people.member), purpose="test.search"))
    return [passage.title for passage in found.passages]


def chunks_of(index_id: UUID) -> set[UUID]:
    return set(Chunk.objects.filter(index_id=index_id).values_list("id", flat=True))


def live(collection_id: UUID) -> Index:
    index = Collection.objects.get(id=collection_id).live_index
    assert index is not None
    return index


def test_a_person_has_the_new_index_answer_and_can_go_back(
    people: Team, library: UUID, store: BlockingVectorStore
) -> None:
    actor = acting(people.owner)
    first = live(library)
    second = rebuilding.build_anew(library, chunk_tokens=120, actor=actor)
    with pytest.raises(Conflict, match="index_is_not_ready"):
        rebuilding.use(library, actor=actor)
    with pytest.raises(Conflict, match="index_is_built"):
        rebuilding.build_anew(library, actor=actor)
    begun = standing(people, library).building
    assert begun is not None
    assert (begun.documents, begun.waiting, begun.progress, begun.is_ready) == (2, 2, 0.0, False)
    assert "Care" in titles(people, library, "dry the tent")

    run_jobs()
    assert live(library) == first, "somebody decides"
    built = standing(people, library)
    assert built.live is not None
    assert built.building is not None
    assert built.building.is_ready
    assert (built.building.done, built.building.failed, built.building.progress) == (2, 0, 1.0)
    assert built.building.chunks == len(chunks_of(second)) > built.live.chunks
    # what comes meanwhile goes into both
    documents.add_text(library, "Tent", TENT, actor=actor)
    run_jobs()
    assert "Tent" in titles(people, library, "Fjord tent weighs")

    rebuilding.use(library, actor=actor)
    assert live(library).id == second
    assert titles(people, library, "Fjord tent weighs")[0] == "Tent"
    assert store.ids(live(library).vectors_name) == chunks_of(second)
    after = standing(people, library)
    assert after.building is None
    assert after.before is not None
    assert (after.before.id, after.before.chunk_tokens) == (first.id, 224)

    documents.add_text(library, "Late", "The Gale tent has three poles.", actor=actor)
    run_jobs()
    rebuilding.go_back(library, actor=actor)
    run_jobs()
    assert live(library) == first
    assert queries.collection_view(people.member.id, library).states == {"ready": 4}
    assert titles(people, library, "Gale tent poles")[0] == "Late"

    # the next one takes the place of the one that could be gone back to
    rebuilding.build_anew(library, actor=actor)
    rebuilding.give_up(library, actor=actor)
    run_jobs()
    assert [one.state for one in standing(people, library).all] == ["live"]
    assert store.count(f"index-{second.hex}") == 0
    for act in (rebuilding.use, rebuilding.give_up, rebuilding.go_back):
        with pytest.raises(Conflict):
            act(library, actor=actor)
    codes = AuditEvent.objects.filter(code__startswith="knowledge.index.").order_by("id")
    assert [code.removeprefix("knowledge.index.") for code in codes.values_list("code", flat=True)] == [
        "begun",
        "switched",
        "switched",
        "begun",
        "given_up",
    ]
    assert all(json.loads(event.details)["index_id"] for event in codes)


def test_an_index_that_lacks_documents_says_so_and_an_empty_one_is_not_used(
    people: Team, library: UUID
) -> None:
    actor = acting(people.owner)
    built = rebuilding.build_anew(library, actor=actor)
    IndexEntry.objects.filter(index_id=built).update(state=IndexEntry.State.FAILED)
    with pytest.raises(Conflict, match="index_is_empty"):
        rebuilding.use(library, actor=actor)
    one = IndexEntry.objects.filter(index_id=built).first()
    assert one is not None
    IndexEntry.objects.filter(pk=one.pk).update(state=IndexEntry.State.DONE)
    found = standing(people, library).building
    assert found is not None
    assert (found.done, found.failed, found.is_ready) == (1, 1, True)
    rebuilding.use(library, actor=actor)
    assert live(library).id == built


def test_progress_counts_the_part_of_a_long_document(people: Team, library: UUID) -> None:
    built = rebuilding.build_anew(library, actor=acting(people.owner))
    care = IndexEntry.objects.get(index_id=built, document__source="text")
    IndexEntry.objects.filter(pk=care.pk).update(chunks=4, done=2)
    found = standing(people, library).building
    assert found is not None
    assert 0.45 < found.progress < 0.5, "half of nearly all"


def test_an_estimate_is_near_what_becomes_of_it(people: Team, library: UUID) -> None:
    actor = acting(people.owner)
    Index.objects.update(measured_tokens=1000, measured_s=10.0)
    small, present, large = rebuild_estimates(library, [96, 224, 448], actor=actor)
    before = standing(people, library).live
    assert before is not None
    assert (present.documents, present.chunks, present.tokens) == (2, before.chunks, before.tokens)
    assert present.seconds == pytest.approx(before.tokens / 100)
    assert small.chunks > present.chunks >= large.chunks >= 2
    assert small.tokens >= present.tokens, "headings stand before more passages"
    assert seconds_left(1000, 0.75) == pytest.approx(2.5)

    rebuilding.build_anew(library, chunk_tokens=96, actor=actor)
    run_jobs()
    built = standing(people, library).building
    assert built is not None
    assert (built.chunks, built.tokens) == (small.chunks, small.tokens), "all documents were in the sample"


def test_nothing_is_estimated_before_anything_was_measured(people: Team) -> None:
    made = collections.create_collection("Empty", actor=acting(people.owner))
    (none,) = rebuild_estimates(made, [224], actor=acting(people.owner))
    assert (none.chunks, none.seconds) == (0, None)
    assert standing(people, made).all == ()


def test_only_who_manages_changes_the_index_within_sizes_that_are_read(people: Team, library: UUID) -> None:
    for tokens in (0, 63, 481):
        with pytest.raises(InvalidInput, match="chunk_size_invalid"):
            rebuilding.build_anew(library, chunk_tokens=tokens, actor=acting(people.owner))
    for someone in (people.editor, people.member):
        for act in (rebuilding.build_anew, rebuilding.use, rebuilding.give_up, rebuilding.go_back):
            with pytest.raises(NotAllowed):
                act(library, actor=acting(someone))
        with pytest.raises(NotAllowed):
            rebuild_estimates(library, [224], actor=acting(someone))
    assert [one.state for one in standing(people, library).all] == ["live"]


def told(*words: object) -> list[str]:
    out = StringIO()
    call_command("knowledge", "index", *map(str, words), stdout=out)
    return out.getvalue().splitlines()


def test_the_command_does_it_all(people: Team, library: UUID) -> None:
    Index.objects.update(measured_tokens=1000, measured_s=10.0)
    lines = told("Library")
    assert lines[0].startswith("in use: scripted")
    assert "passages of 224 tokens at most, 2 of 2 documents" in lines[0]
    assert [line.split(":")[0] for line in lines[1:]] == [
        f"--chunk-tokens {tokens}" for tokens in (128, 224, 320, 448)
    ]
    assert lines[1].endswith("min")
    assert told(library, "--chunk-tokens", 128)[-1].startswith("being built: no encoder yet")
    with pytest.raises(CommandError, match="not ready"):
        told("Library", "--use")
    run_jobs()
    assert told("Library")[1].startswith("ready: scripted")
    assert told("Library", "--use")[1].startswith("in use: scripted")
    assert any(line.startswith("before: ") for line in told("Library", "--go-back"))
    run_jobs()
    told("Library", "--chunk-tokens", 320)
    assert len(told("Library", "--give-up")) == 6
    with pytest.raises(CommandError, match="from 64 to 480"):
        told("Library", "--chunk-tokens", 5)

"""The words of collections: scores are those of plain BM25 over the chunks that are there, packed in whatever way."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import connection, transaction

from chatplatform.accounts.models import Workspace
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.scope import workspace_scope
from chatplatform.knowledge.collection_secret import key_of, new_secret
from chatplatform.knowledge.index import merging, packing, queries, storage
from chatplatform.knowledge.index.models import TermBucket, TermPack
from chatplatform.knowledge.index.queries import lexical_scores
from chatplatform.knowledge.index.services import add_terms, prepare_terms, remove_chunks, write_terms
from chatplatform.knowledge.models import Collection, Index
from chatplatform.knowledge.ranking.bm25 import LexicalScore, Posting, Statistics, bm25
from chatplatform.knowledge.ranking.term_hashes import TermHasher
from chatplatform.knowledge.ranking.terms import terms
from chatplatform.privacy.services import destroy_key
from chatplatform.privacy.subjects import Subject

pytestmark = pytest.mark.django_db(databases=["default", "keys"], transaction=True)

WORDS = [
    *"tent boot rain river stove pack rope map lamp shoe coat sock glove knife bottle axe".split(),  # noqa: SIM905
    *"防水 帐篷 登山鞋 退货 运费 保修 尺码 付款 ISO-9001 3.5".split(),  # noqa: SIM905
]
QUESTIONS = [
    "tent",
    "boots in the rain",
    "帐篷防水吗？",
    "ISO 9001 stove",
    "退货运费 shoe",
    "nothing of this",
    "",
    "coat " * 300,
    "word3 tent rain river",
    "word7 word9",
]


@pytest.fixture
def workspace(db: None) -> Workspace:
    return Workspace.objects.create(name="Larkfell Outdoor")


@pytest.fixture
def index(workspace: Workspace) -> Iterator[Index]:
    with workspace_scope(workspace.id):
        yield made_index(workspace)


def made_index(workspace: Workspace, name: str = "Help centre") -> Index:
    collection = Collection(workspace_id=workspace.id, name=name, created_by="test")
    collection.secret = new_secret(workspace.id, collection.id)
    collection.save()
    return Index.objects.create(workspace_id=workspace.id, collection=collection, encoder="test")


def texts(count: int, seed: int = 1) -> dict[UUID, str]:
    drawn = random.Random(seed)
    rare = [f"word{number}" for number in range(30)]
    return {
        UUID(int=drawn.getrandbits(128)): " ".join(
            [*drawn.choices(WORDS, k=drawn.randint(1, 25)), *drawn.choices(rare, k=2)]
        )
        for _ in range(count)
    }


def plain(index: Index, held: dict[UUID, str], question: str) -> dict[UUID, LexicalScore]:
    hasher = TermHasher(key_of(index.collection, "terms"))
    postings: dict[bytes, list[Posting[UUID]]] = {}
    lengths = {}
    for chunk_id, text in held.items():
        counted = hasher.count(terms(text))
        lengths[chunk_id] = counted.length
        for term, count in counted.counts.items():
            postings.setdefault(term, []).append(Posting(chunk_id, count, counted.length))
    wanted = [hasher.hashed(term) for term in terms(question)]
    statistics = Statistics(len(held), sum(lengths.values()) / max(1, len(held)))
    return bm25(wanted, postings, statistics)


def agree(index: Index, held: dict[UUID, str], *, most: int = 10_000) -> None:
    for question in QUESTIONS:
        expected = plain(index, held, question)
        found = lexical_scores(index, question, most=most)
        best = sorted((score.bm25 for score in expected.values()), reverse=True)[:most]
        assert [score.bm25 for score in found.values()] == pytest.approx(best)
        for chunk_id, score in found.items():
            assert score.bm25 == pytest.approx(expected[chunk_id].bm25)
            assert score.coverage == pytest.approx(expected[chunk_id].coverage)


def test_scores_are_those_of_bm25(index: Index) -> None:
    held = texts(300)
    add_terms(index, held.items())
    agree(index, held)


@pytest.mark.parametrize("most", [1, 5, 40])
def test_the_best_are_exact_however_few_are_wanted(
    index: Index, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "WORTH_A_LOOK", 5)
    held = texts(600)
    parts = list(held.items())
    for start in range(0, len(parts), 100):
        add_terms(index, parts[start : start + 100])
    agree(index, held, most=most)


def test_what_is_added_is_found_at_once_and_what_is_removed_no_more(index: Index) -> None:
    held = texts(50)
    add_terms(index, held.items())
    new = uuid4()
    add_terms(index, [(new, "a yurt with a stove")])
    assert list(lexical_scores(index, "yurt")) == [new]
    agree(index, {**held, new: "a yurt with a stove"})
    gone = list(held)[:20]
    remove_chunks(index, [*gone, uuid4()])
    remove_chunks(index, gone[:3])
    agree(index, {**{id: text for id, text in held.items() if id not in gone}, new: "a yurt with a stove"})
    remove_chunks(index, [*held, new])
    assert lexical_scores(index, "tent yurt") == {}


def test_a_chunk_that_is_added_again_is_there_once(index: Index) -> None:
    held = texts(20)
    add_terms(index, held.items())
    first = next(iter(held))
    held[first] = "a yurt"
    add_terms(index, [(first, "a yurt")])
    agree(index, held)


def test_nothing_is_added_by_a_transaction_that_failed(index: Index) -> None:
    held = texts(10)
    add_terms(index, held.items())
    prepared = prepare_terms(index, texts(10, seed=2).items())
    with transaction.atomic():
        write_terms(index, prepared)
        remove_chunks(index, list(held))
        transaction.set_rollback(True)
    agree(index, held)


def test_packs_are_merged_and_the_scores_stay(index: Index) -> None:
    held = texts(400)
    parts = list(held.items())
    for start in range(0, len(parts), 10):
        add_terms(index, parts[start : start + 10])
    remove_chunks(index, [chunk_id for chunk_id, _ in parts[:35]])
    left = dict(parts[35:])
    agree(index, left)
    assert merging.merge_due_packs(within_s=60) > 0
    assert TermPack.objects.count() <= 2 * merging.MERGE_AT
    agree(index, left)
    assert merging.merge_due_packs(within_s=60) == 0


def test_what_was_removed_leaves_the_rows(index: Index) -> None:
    held = texts(40)
    add_terms(index, held.items())
    gone = list(held)[:2]
    remove_chunks(index, gone)
    assert merging.merge_due_packs(within_s=60) == 0  # more of its kind may follow
    TermPack.objects.update(removed_at=now() - merging.REMOVED_FOR * 2)
    assert merging.merge_due_packs(within_s=60) == 1
    pack = TermPack.objects.get()
    assert (pack.chunks, pack.removed_chunks) == (38, 0)
    assert not any(packing.ordinal_of(bytes(pack.ids), chunk_id.bytes) is not None for chunk_id in gone)
    agree(index, {id: text for id, text in held.items() if id not in gone})
    remove_chunks(index, list(held))
    assert merging.merge_due_packs(within_s=60) == 1
    assert not TermPack.objects.exists()


def test_what_is_removed_while_packs_are_merged_is_not_found_after_it(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = texts(80)
    parts = list(held.items())
    for start in range(0, 80, 10):
        add_terms(index, parts[start : start + 10])
    sealed_parts = storage.sealed_parts
    gone = [chunk_id for chunk_id, _ in parts[::9]]

    def meanwhile(workspace_id: UUID, pack: packing.Pack) -> object:
        remove_chunks(index, gone)
        return sealed_parts(workspace_id, pack)

    monkeypatch.setattr("chatplatform.knowledge.index.storage.sealed_parts", meanwhile)
    assert list(merging.merge_packs_of(index.id)) == [80]
    agree(index, {id: text for id, text in held.items() if id not in gone})


def test_packs_that_are_made_anew_under_a_question_are_read_again(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = texts(80)
    parts = list(held.items())
    for start in range(0, 80, 10):
        add_terms(index, parts[start : start + 10])
    opened_bucket = storage.opened_bucket
    merged = False

    def meanwhile(workspace_id: UUID, pack_id: UUID, number: int, postings: bytes) -> bytes:
        nonlocal merged
        if not merged:
            merged = True
            list(merging.merge_packs_of(index.id))
        return opened_bucket(workspace_id, pack_id, number, postings)

    monkeypatch.setattr("chatplatform.knowledge.index.storage.opened_bucket", meanwhile)
    agree(index, held)


def test_two_collections_have_nothing_in_common(index: Index, workspace: Workspace) -> None:
    other = made_index(workspace, "Handbook")
    add_terms(index, [(uuid4(), "tent")])
    add_terms(other, [(uuid4(), "tent")])
    hashes = {key_of(each.collection, "terms") for each in (index, other)}
    assert len(hashes) == 2
    assert len(lexical_scores(index, "tent")) == len(lexical_scores(other, "tent")) == 1
    other.delete()
    assert TermPack.objects.count() == TermBucket.objects.count() == 1


def test_it_is_closed_without_a_scope(index: Index) -> None:
    add_terms(index, texts(3).items())
    with workspace_scope(uuid4()):
        assert not TermPack.objects.exists()


def test_an_index_whose_key_is_gone_is_dropped(index: Index, workspace: Workspace) -> None:
    for seed in range(merging.MERGE_AT):
        add_terms(index, texts(3, seed=seed).items())
    destroy_key(Subject.workspace(workspace.id), actor=Actor.system("test"))
    merging.merge_due_packs(within_s=60)
    assert not TermPack.objects.exists()


def test_no_word_lies_in_the_database(index: Index) -> None:
    add_terms(index, [(uuid4(), "quicksilverfish quicksilverfish 防水登山鞋")])
    rows = [*TermPack.objects.values_list("ids", "lengths"), *TermBucket.objects.values_list("postings")]
    raw = b"".join(bytes(value) for row in rows for value in row)
    hasher = TermHasher(key_of(index.collection, "terms"))
    for term in terms("quicksilverfish 防水登山鞋"):
        assert term.encode() not in raw
        assert hasher.hashed(term) not in raw  # not even its hash: how often each comes could be counted
    if connection.vendor == "sqlite" and Path(str(settings.DATABASES["default"]["NAME"])).is_file():
        assert b"quicksilverfish" not in Path(str(settings.DATABASES["default"]["NAME"])).read_bytes()

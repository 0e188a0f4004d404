"""What every vector store does: the real Chroma, and the fake that stands in for it in tests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from pytest_django.fixtures import Settings

from chatplatform.common.actors import Actor
from chatplatform.testing.chroma_process import ChromaProcess
from chatplatform.testing.vector_memory import VectorMemory
from chatplatform.vector_store import (
    BlockingVectorStore,
    VectorStore,
    VectorStoreRefused,
    VectorStoreUnavailable,
    vector_store,
)

IDS = [UUID(int=number) for number in range(1, 6)]
EAST, NORTH, NORTH_EAST, WEST = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0], [-2.0, 0.0, 0.0]


@pytest.fixture(scope="session")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaProcess]:
    pytest.importorskip(
        "chromadb_rust_bindings", reason="install it: python -m chatplatform.installation install chroma"
    )
    server = ChromaProcess(tmp_path_factory.mktemp("chroma"))
    yield server
    server.stop()


@pytest.fixture(params=["memory", pytest.param("chroma", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, settings: Settings) -> BlockingVectorStore:
    if request.param == "memory":
        return BlockingVectorStore(VectorMemory())
    settings.CHROMA_URL = request.getfixturevalue("chroma").url
    return BlockingVectorStore(_chroma_store())


def _chroma_store() -> VectorStore:
    return vector_store(purpose="test", actor=Actor.system("test"), workspace_id=None)


@pytest.fixture
def name() -> str:
    return f"index-{uuid4().hex}"


def test_the_nearest_come_first_with_their_cosines(store: BlockingVectorStore, name: str) -> None:
    store.ensure(name, 3)
    store.upsert(name, IDS[:4], [EAST, NORTH, NORTH_EAST, WEST])
    found = store.nearest(name, [5.0, 0.0, 0.0], 10)
    assert [near.id for near in found] == [IDS[0], IDS[2], IDS[1], IDS[3]]
    assert [near.similarity for near in found] == pytest.approx([1.0, 0.5**0.5, 0.0, -1.0], abs=1e-5)
    assert [near.id for near in store.nearest(name, EAST, 2)] == [IDS[0], IDS[2]]
    assert store.nearest(name, EAST, 0) == []


def test_an_id_has_one_vector_the_last(store: BlockingVectorStore, name: str) -> None:
    store.ensure(name, 3)
    store.upsert(name, IDS[:2], [EAST, NORTH])
    store.upsert(name, IDS[1:3], [WEST, NORTH])
    assert store.count(name) == 3
    assert store.get(name, [IDS[1], IDS[4]]) == {IDS[1]: pytest.approx(WEST)}
    assert [near.id for near in store.nearest(name, WEST, 1)] == [IDS[1]]


def test_what_is_deleted_is_found_no_more(store: BlockingVectorStore, name: str) -> None:
    store.ensure(name, 3)
    store.upsert(name, IDS[:3], [EAST, NORTH, WEST])
    store.delete(name, [IDS[0], IDS[4]])
    store.delete(name, [])
    assert store.ids(name) == set(IDS[1:3])
    assert IDS[0] not in {near.id for near in store.nearest(name, EAST, 5)}


def test_names_are_apart(store: BlockingVectorStore, name: str) -> None:
    store.ensure(name, 3)
    store.ensure(f"{name}-2", 2)
    store.upsert(name, IDS[:1], [EAST])
    store.upsert(f"{name}-2", IDS[:1], [[0.0, 1.0]])
    store.drop(name)
    assert store.count(name) == 0
    assert store.get(f"{name}-2", IDS) == {IDS[0]: [0.0, 1.0]}


def test_a_name_that_is_not_there_is_empty_and_cannot_be_asked(store: BlockingVectorStore, name: str) -> None:
    assert store.count(name) == 0
    assert store.ids(name) == set()
    assert store.get(name, IDS) == {}
    store.delete(name, IDS)
    store.drop(name)
    for call in (lambda: store.nearest(name, EAST, 3), lambda: store.upsert(name, IDS[:1], [EAST])):
        with pytest.raises(VectorStoreUnavailable) as raised:
            call()
        assert raised.value.code == "vectors_missing"


def test_a_name_can_be_made_anew(store: BlockingVectorStore, name: str) -> None:
    store.ensure(name, 3)
    store.upsert(name, IDS[:2], [EAST, NORTH])
    store.drop(name)
    store.ensure(name, 2)
    store.upsert(name, IDS[:1], [[0.0, 1.0]])
    assert store.ids(name) == {IDS[0]}


def test_vectors_of_another_length_are_refused(store: BlockingVectorStore, name: str) -> None:
    store.ensure(name, 3)
    store.ensure(name, 3)
    store.upsert(name, IDS[:1], [EAST])
    for call in (
        lambda: store.ensure(name, 4),
        lambda: store.upsert(name, IDS[1:2], [[1.0, 0.0]]),
        lambda: store.nearest(name, [1.0, 0.0], 3),
    ):
        with pytest.raises(VectorStoreRefused):
            call()
    assert store.count(name) == 1


def test_more_than_one_request_takes(store: BlockingVectorStore, name: str) -> None:
    ids = [UUID(int=number) for number in range(1, 5602)]
    store.ensure(name, 3)
    store.upsert(name, ids, [[1.0, number / 5600, 0.0] for number in range(len(ids))])
    assert store.count(name) == len(ids)
    assert store.ids(name) == set(ids)
    assert set(store.get(name, ids[:450])) == set(ids[:450])
    store.delete(name, ids[:5100])
    assert store.ids(name) == set(ids[5100:])


@pytest.mark.slow
def test_a_server_that_dies_and_comes_back(
    tmp_path_factory: pytest.TempPathFactory, settings: Settings, name: str
) -> None:
    pytest.importorskip(
        "chromadb_rust_bindings", reason="install it: python -m chatplatform.installation install chroma"
    )
    server = ChromaProcess(tmp_path_factory.mktemp("chroma"))
    settings.CHROMA_URL = server.url

    async def use() -> None:
        store = _chroma_store()
        await store.ensure(name, 3)
        await store.upsert(name, IDS[:2], [EAST, NORTH])
        server.kill()
        with pytest.raises(VectorStoreUnavailable):
            await store.nearest(name, EAST, 1)
        server.start()
        assert await store.ids(name) == set(IDS[:2])

    try:
        asyncio.run(use())
    finally:
        server.stop()


@pytest.mark.slow
def test_a_name_that_another_process_made_anew(
    chroma: ChromaProcess, settings: Settings, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chroma's own id of the name is remembered: it is asked for anew when it is of old."""
    settings.CHROMA_URL = chroma.url
    store = BlockingVectorStore(_chroma_store())
    store.ensure(name, 3)
    store.upsert(name, IDS[:1], [EAST])
    with monkeypatch.context() as another_process:
        another_process.setattr("chatplatform.vector_store.chroma._ids", {})
        store.drop(name)
        store.ensure(name, 3)
        store.upsert(name, IDS[1:3], [EAST, NORTH])
    assert [near.id for near in store.nearest(name, EAST, 1)] == [IDS[1]]

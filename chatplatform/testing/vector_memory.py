"""A vector store in memory, which passes the contract of the real one. `is_down` has it answer nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from uuid import UUID

from chatplatform.vector_store import Near, VectorStoreRefused, VectorStoreUnavailable
from chatplatform.vector_store.errors import vectors_missing


class VectorMemory:
    """See VectorStore. Exact, so slow for very many vectors."""

    def __init__(self) -> None:
        self.is_down = False
        self._names: dict[str, dict[UUID, list[float]]] = {}
        self._dimensions: dict[str, int] = {}

    async def ensure(self, name: str, dimensions: int) -> None:
        self._answer()
        self._names.setdefault(name, {})
        if self._dimensions.get(name, dimensions) != dimensions:
            raise VectorStoreRefused("vectors_of_other_length")

    async def upsert(self, name: str, ids: Sequence[UUID], vectors: Sequence[Sequence[float]]) -> None:
        self._answer()
        if len(ids) != len(vectors):
            raise ValueError("a vector for each id")
        if not ids:
            return
        held = self._held(name)
        if {len(vector) for vector in vectors} != {self._dimensions.setdefault(name, len(vectors[0]))}:
            raise VectorStoreRefused("vectors_of_other_length")
        held.update(zip(ids, map(list, vectors), strict=True))

    async def nearest(self, name: str, vector: Sequence[float], most: int) -> list[Near]:
        self._answer()
        found = [Near(id, _cosine(vector, other)) for id, other in self._held(name).items()]
        return sorted(found, key=lambda near: -near.similarity)[: max(0, most)]

    async def get(self, name: str, ids: Iterable[UUID]) -> dict[UUID, list[float]]:
        self._answer()
        held = self._names.get(name, {})
        return {id: held[id] for id in ids if id in held}

    async def delete(self, name: str, ids: Iterable[UUID]) -> None:
        self._answer()
        for id in ids:
            self._names.get(name, {}).pop(id, None)

    async def drop(self, name: str) -> None:
        self._answer()
        self._names.pop(name, None)
        self._dimensions.pop(name, None)

    async def count(self, name: str) -> int:
        self._answer()
        return len(self._names.get(name, {}))

    async def ids(self, name: str) -> set[UUID]:
        self._answer()
        return set(self._names.get(name, {}))

    def _answer(self) -> None:
        if self.is_down:
            raise VectorStoreUnavailable

    def _held(self, name: str) -> dict[UUID, list[float]]:
        if name not in self._names:
            raise vectors_missing()
        return self._names[name]


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    if len(one) != len(other):
        raise VectorStoreRefused("vectors_of_other_length")
    lengths = math.hypot(*one) * math.hypot(*other)
    return sum(a * b for a, b in zip(one, other, strict=True)) / lengths if lengths else 0.0

"""What a vector store can do: vectors under names, found by the cosine of their angle.

A name is 3 characters at least: letters, digits, `-` and `_`. All vectors of a name have one length. Each method has a
limit of time, and raises VectorStoreUnavailable or VectorStoreRefused; AuditUnavailable where the store is on another
host and the request cannot be recorded: then nothing was sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from asgiref.sync import async_to_sync


@dataclass(frozen=True, slots=True)
class Near:
    """A vector that was found; `similarity` is the cosine, from -1 to 1."""

    id: UUID
    similarity: float


class VectorStore(Protocol):
    """Chroma, or the fake of the tests."""

    async def ensure(self, name: str, dimensions: int) -> None:
        """Have the name there, for vectors of this length. Raises VectorStoreRefused where it has another."""

    async def upsert(self, name: str, ids: Sequence[UUID], vectors: Sequence[Sequence[float]]) -> None:
        """Write vectors under their ids, any number; what had an id before is replaced. What is written before an error
        stays. Raises `vectors_missing` for a name that is not there."""

    async def nearest(self, name: str, vector: Sequence[float], most: int) -> list[Near]:
        """The nearest, best first. Approximate where there are many. Raises `vectors_missing`."""

    async def get(self, name: str, ids: Iterable[UUID]) -> dict[UUID, list[float]]:
        """Those of these vectors that are there."""

    async def delete(self, name: str, ids: Iterable[UUID]) -> None:
        """Have these not be there; nothing happens for what is not."""

    async def drop(self, name: str) -> None:
        """Have the name and all its vectors not be there."""

    async def count(self, name: str) -> int:
        """How many vectors; 0 for a name that is not there."""

    async def ids(self, name: str) -> set[UUID]:
        """All ids under the name."""


@dataclass(frozen=True, slots=True)
class BlockingVectorStore:
    """A store whose methods block, for jobs and the like; each as its namesake. Not in an event loop."""

    store: VectorStore

    def ensure(self, name: str, dimensions: int) -> None:
        async_to_sync(self.store.ensure)(name, dimensions)

    def upsert(self, name: str, ids: Sequence[UUID], vectors: Sequence[Sequence[float]]) -> None:
        async_to_sync(self.store.upsert)(name, ids, vectors)

    def nearest(self, name: str, vector: Sequence[float], most: int) -> list[Near]:
        return async_to_sync(self.store.nearest)(name, vector, most)

    def get(self, name: str, ids: Iterable[UUID]) -> dict[UUID, list[float]]:
        return async_to_sync(self.store.get)(name, ids)

    def delete(self, name: str, ids: Iterable[UUID]) -> None:
        async_to_sync(self.store.delete)(name, ids)

    def drop(self, name: str) -> None:
        async_to_sync(self.store.drop)(name)

    def count(self, name: str) -> int:
        return async_to_sync(self.store.count)(name)

    def ids(self, name: str) -> set[UUID]:
        return async_to_sync(self.store.ids)(name)

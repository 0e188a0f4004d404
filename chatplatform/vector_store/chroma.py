"""Chroma's HTTP protocol, version 2. What it calls a collection is a name here."""

from __future__ import annotations

import json
import sys
from array import array
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeVar
from urllib.parse import quote
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from chatplatform.vector_store.connections import Answer, Connection
from chatplatform.vector_store.errors import VectorStoreRefused, VectorStoreUnavailable, vectors_missing
from chatplatform.vector_store.store import Near

COLLECTIONS: Final = "/api/v2/tenants/default_tenant/databases/default_database/collections"
# its server takes 5,461 at once; these keep a request at about a MiB
WRITTEN_AT_ONCE: Final = 500
READ_AT_ONCE: Final = 200
IDS_AT_ONCE: Final = 5000
SEARCH_S: Final = 10.0
WORK_S: Final = 60.0

T = TypeVar("T")

# Chroma's own ids, by address and name: one request less for each call. Forgotten when the server does not know one.
_ids: dict[tuple[str, str], str] = {}


@dataclass(frozen=True, slots=True)
class ChromaStore:
    """See VectorStore."""

    connection: Connection

    async def ensure(self, name: str, dimensions: int) -> None:
        made = await self._parsed(
            await self._send(
                "POST",
                COLLECTIONS,
                {
                    "name": name,
                    "get_or_create": True,
                    "configuration": {"hnsw": {"space": "cosine"}, "embedding_function": None},
                },
            )
        )
        _ids[self._place(name)] = str(made["id"])
        if made["dimension"] not in {None, dimensions}:
            raise _wrong_length()

    async def upsert(self, name: str, ids: Sequence[UUID], vectors: Sequence[Sequence[float]]) -> None:
        if len(ids) != len(vectors):
            raise ValueError("a vector for each id")
        for part in _parts(list(zip(ids, vectors, strict=True)), WRITTEN_AT_ONCE):
            body = {"ids": [str(id) for id, _ in part], "embeddings": [_packed(vector) for _, vector in part]}
            if await self._on(name, "POST", "/upsert", body) is None:
                raise vectors_missing()

    async def nearest(self, name: str, vector: Sequence[float], most: int) -> list[Near]:
        if most < 1:
            return []
        body = {"query_embeddings": [list(vector)], "n_results": most, "include": ["distances"]}
        found = await self._on(name, "POST", "/query", body, limit_s=SEARCH_S)
        if found is None:
            raise vectors_missing()
        return [
            Near(UUID(id), max(-1.0, min(1.0, 1.0 - distance)))
            for id, distance in zip(found["ids"][0], found["distances"][0], strict=True)
            if distance is not None
        ]

    async def get(self, name: str, ids: Iterable[UUID]) -> dict[UUID, list[float]]:
        vectors: dict[UUID, list[float]] = {}
        for part in _parts(ids, READ_AT_ONCE):
            body = {"ids": [str(id) for id in part], "include": ["embeddings"]}
            found = await self._on(name, "POST", "/get", body)
            if found is None:
                return {}
            vectors.update(zip(map(UUID, found["ids"]), found["embeddings"] or (), strict=True))
        return vectors

    async def delete(self, name: str, ids: Iterable[UUID]) -> None:
        for part in _parts(ids, IDS_AT_ONCE):  # none at all would mean all of them
            await self._on(name, "POST", "/delete", {"ids": [str(id) for id in part]})

    async def drop(self, name: str) -> None:
        _ids.pop(self._place(name), None)
        answer = await self._send("DELETE", f"{COLLECTIONS}/{quote(name, safe='')}")
        if answer.status != 404:
            await self._parsed(answer)

    async def count(self, name: str) -> int:
        return int(await self._on(name, "GET", "/count") or 0)

    async def ids(self, name: str) -> set[UUID]:
        """Pages in the server's order: what is deleted meanwhile may hide others, which the next look finds."""
        found: set[UUID] = set()
        while True:
            body = {"limit": IDS_AT_ONCE, "offset": len(found), "include": []}
            page = await self._on(name, "POST", "/get", body)
            if page is None or not page["ids"]:
                return found
            before = len(found)
            found.update(map(UUID, page["ids"]))
            if len(page["ids"]) < IDS_AT_ONCE or len(found) == before:
                return found

    # ---------------------------------------------------------------- requests

    def _place(self, name: str) -> tuple[str, str]:
        return self.connection.base, name

    async def _on(
        self, name: str, method: str, path: str, body: object = None, *, limit_s: float = WORK_S
    ) -> Any:
        """The parsed answer about a name; None when the server does not know it."""
        for known in (_ids.get(self._place(name)), None):
            id = known or await self._asked_id(name)
            if id is None:
                return None
            answer = await self._send(method, f"{COLLECTIONS}/{id}{path}", body, limit_s=limit_s)
            if answer.status != 404:
                return await self._parsed(answer)
            _ids.pop(self._place(name), None)  # dropped; perhaps made anew by another process
        return None

    async def _asked_id(self, name: str) -> str | None:
        answer = await self._send("GET", f"{COLLECTIONS}/{quote(name, safe='')}")
        if answer.status == 404:
            return None
        id = _ids[self._place(name)] = str((await self._parsed(answer))["id"])
        return id

    async def _send(self, method: str, path: str, body: object = None, *, limit_s: float = WORK_S) -> Answer:
        content = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        return await self.connection.send(method, path, content, limit_s=limit_s)

    async def _parsed(self, answer: Answer) -> Any:
        if answer.status >= 500:
            raise VectorStoreUnavailable
        if answer.status >= 400:
            if b"expecting embedding with dimension" in answer.body:
                raise _wrong_length()
            raise VectorStoreRefused
        try:
            return json.loads(answer.body)
        except ValueError as error:
            raise VectorStoreUnavailable from error


def _packed(vector: Sequence[float]) -> str:
    """32-bit floats, little-endian, in base64: a quarter of the time of writing them in digits."""
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return b64encode(numbers.tobytes()).decode()


def _wrong_length() -> VectorStoreRefused:
    return VectorStoreRefused(
        "vectors_of_other_length",
        _("These vectors were made by another model. The index has to be built anew."),
    )


def _parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part

"""Candidates by meaning: the question as a vector, and the vectors that are near it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final
from uuid import UUID

from chatplatform.common.actors import Actor
from chatplatform.common.errors import PlatformError
from chatplatform.inference import gateway
from chatplatform.knowledge.models import Index
from chatplatform.knowledge.retrieval.encoders import present_encoder
from chatplatform.privacy.subjects import Subject
from chatplatform.vector_store import VectorStore
from chatplatform.vector_store.errors import MISSING

EMBED_WAIT_S: Final = 10.0
SEARCH_WAIT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Meaning:
    """The question as a vector, and the cosines of what is near it."""

    vector: list[float] = field(repr=False)
    cosines: dict[UUID, float] = field(repr=False)
    embedding_s: float


async def by_meaning(
    store: VectorStore,
    indexes: Sequence[Index],
    asked: str,
    *,
    person_id: UUID,
    workspace_id: UUID,
    actor: Actor,
    purpose: str,
    most: int,
) -> Meaning | None:
    """The nearest of all indexes together, but for those that another model made; None where encoder or store do not
    answer, or have nothing of any of them: words have to do.

    Raises PrivacyRefused and what else says that nothing may be asked at all.
    """
    began = monotonic()
    try:
        async with asyncio.timeout(EMBED_WAIT_S):
            vectors, encoder = await asyncio.gather(
                gateway.embed(
                    [asked],
                    kind="query",
                    subject=Subject.person(person_id),
                    workspace_id=workspace_id,
                    actor=actor,
                    purpose=purpose,
                ),
                present_encoder(),
            )
        embedding_s = monotonic() - began
        indexes = [index for index in indexes if encoder in {"", index.encoder} or not index.encoder]
        if not indexes:  # all made by another model: nothing of this vector's
            return None
        async with asyncio.timeout(SEARCH_WAIT_S):
            answers = await asyncio.gather(
                *(_nearest(store, index.vectors_name, vectors[0], most) for index in indexes)
            )
        found = [answer for answer in answers if answer is not None]
        if not found:  # the store lost them all
            return None
    except TimeoutError:
        return None
    except PlatformError as error:
        if error.status < 500:  # a refusal, not a failure
            raise
        return None
    together = {near: cosine for part in found for near, cosine in part.items()}
    nearest = sorted(together.items(), key=lambda one: -one[1])[:most]
    return Meaning(vectors[0], dict(nearest), embedding_s)


async def cosines_of(
    store: VectorStore, index: Index, vector: Sequence[float], chunk_ids: Iterable[UUID]
) -> dict[UUID, float]:
    """How near these are, which others than their vectors have found; nothing where the store does not answer."""
    try:
        async with asyncio.timeout(SEARCH_WAIT_S):
            vectors = await store.get(index.vectors_name, chunk_ids)
    except (PlatformError, TimeoutError):
        return {}
    length = math.hypot(*vector)
    return {
        chunk_id: sum(map(float.__mul__, vector, other)) / ((length * math.hypot(*other)) or 1.0)
        for chunk_id, other in vectors.items()
        if len(other) == len(vector)
    }


async def _nearest(
    store: VectorStore, name: str, vector: Sequence[float], most: int
) -> dict[UUID, float] | None:
    """None where the store has nothing of the name, which is no reason to lose the others."""
    try:
        return {near.id: near.similarity for near in await store.nearest(name, vector, most)}
    except PlatformError as error:
        if error.code == MISSING:
            return None
        raise

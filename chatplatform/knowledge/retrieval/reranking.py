"""The first candidates in another order, by a model that reads each together with the question (docs/adr/0020-*.md).

Only where an administrator names such a model. It says which passage comes before which; how sure a passage is stays
what was calibrated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final
from uuid import UUID

from django.conf import settings

from chatplatform.common.actors import Actor
from chatplatform.common.errors import PlatformError
from chatplatform.inference import gateway
from chatplatform.knowledge.ranking.fusion import Ranked
from chatplatform.knowledge.retrieval.found import Reranking
from chatplatform.privacy.subjects import Subject

# what the fused order has further down is hardly ever what is looked for, and each costs a reading of its own: these
# are as many as a small model reads within the wait on one thread of a processor
RERANKED: Final = 20
# on top of the rest of a search, and before the first word of an answer: nobody wants to wait longer for a better order
WAIT_S: Final = 1.5


@dataclass(frozen=True, slots=True)
class Reordered:
    """The order, and what the reranker gave to those that it saw. `seconds` is what asking it took."""

    order: Sequence[Ranked[UUID]]
    scores: Mapping[UUID, float]
    outcome: Reranking
    seconds: float = 0.0


def is_on() -> bool:
    """Whether a reranker is named."""
    return bool(settings.ENVIRONMENT.reranker)


async def reordered(
    asked: str,
    order: Sequence[Ranked[UUID]],
    texts: Mapping[UUID, str],
    *,
    person_id: UUID,
    workspace_id: UUID,
    actor: Actor,
    purpose: str,
) -> Reordered:
    """Those of the order that have a text, by the reranker's scores, before the others. Where it does not answer in
    time, fails or refuses, the order stays as it is; so does the order of equal scores."""
    seen = [one for one in order if one.passage in texts]
    if len(seen) < 2:
        return Reordered(order, {}, "off")
    began = monotonic()
    try:
        async with asyncio.timeout(WAIT_S):
            found = await gateway.rerank(
                asked,
                [texts[one.passage] for one in seen],
                subject=Subject.person(person_id),
                workspace_id=workspace_id,
                actor=actor,
                purpose=purpose,
            )
    except (PlatformError, TimeoutError):
        return Reordered(order, {}, "missed", monotonic() - began)
    scores = {one.passage: score for one, score in zip(seen, found.scores, strict=True)}
    first = sorted(seen, key=lambda one: -scores[one.passage])
    others = [one for one in order if one.passage not in scores]
    return Reordered([*first, *others], scores, "done", monotonic() - began)

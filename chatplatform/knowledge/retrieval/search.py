"""Passages for a question: by meaning and by words at the same time, as one order, of what may be seen now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Final
from uuid import UUID

from chatplatform.common.actors import Actor
from chatplatform.common.threads import in_thread
from chatplatform.knowledge.models import Index
from chatplatform.knowledge.ranking.bm25 import LexicalScore
from chatplatform.knowledge.ranking.fusion import Ranked, weighted
from chatplatform.knowledge.ranking.query_kind import reading_of
from chatplatform.knowledge.ranking.weights import lexical_weight
from chatplatform.knowledge.retrieval import reranking
from chatplatform.knowledge.retrieval.calibrations import (
    TRANSLATED,
    TRANSLATED_WORDS,
    WORDS_ONLY,
    measured,
)
from chatplatform.knowledge.retrieval.choice import Choice
from chatplatform.knowledge.retrieval.follow_up import asked_for
from chatplatform.knowledge.retrieval.found import Degraded, Explained, Retrieved, Timings
from chatplatform.knowledge.retrieval.living import Living, live_indexes, living
from chatplatform.knowledge.retrieval.meaning import Meaning, by_meaning
from chatplatform.knowledge.retrieval.reading import Read, read
from chatplatform.knowledge.retrieval.wording import Wording, worded
from chatplatform.knowledge.retrieval.words import by_words
from chatplatform.knowledge.rights import SearchScope, require_scope
from chatplatform.vector_store import VectorStore, vector_store

# how many each side hands over to the fusion; what tests/benchmarks/retrieval.py measures with
CANDIDATES: Final = 100
MOST_PASSAGES: Final = 50
MOST_CHARS: Final = 2000
# so many times the passages that are wanted are looked at: some say the same, some are of one document
LOOKED_AT: Final = 4


async def retrieve(
    scope: SearchScope,
    question: str,
    *,
    actor: Actor,
    purpose: str,
    most: int = 8,
    history: Sequence[str] = (),
    explain: bool = False,
    of_index: UUID | None = None,
    turn_id: UUID | None = None,
    apart: UUID | None = None,
) -> Retrieved:
    """The passages of the scope's collections that fit the question best, `most` of them at most.

    `history` is the person's earlier questions: one that points back is looked up together with the one before.
    `of_index` is an index of one of the collections that is to answer in place of the live one, to measure it.
    What a model is asked for it belongs to the turn, and to the conversation that is to be kept `apart`.
    Where encoder or vector store do not answer, or the encoder cannot read the question and no model translated it,
    words alone decide, and `degraded` says so. Where a reranker is named and does not answer in time, the order is the
    one without it, and `reranking` says so. Raises TypeError for a scope that rights were not asked for,
    PrivacyRefused, QuotaExceeded, KeysUnavailable, ContentErased, ContentUnreadable.
    """
    require_scope(scope)
    began = monotonic()
    asked = asked_for(question[:MOST_CHARS], history)
    reading = reading_of(question)
    indexes = await in_thread(live_indexes)(scope, of_index) if scope.collection_ids else []
    if not indexes or not question.strip() or most < 1:
        return Retrieved(
            (), False, WORDS_ONLY.within.threshold, reading.language, Timings(0, 0, 0, 0, _ms(began))
        )
    store = vector_store(purpose=purpose, actor=actor, workspace_id=scope.workspace_id)
    wording = await worded(asked, scope, indexes, actor=actor, turn_id=turn_id, apart=apart)
    (meaning, meaning_ms), (lexical, words_ms) = await asyncio.gather(
        _meaning(store, scope, indexes, wording.for_meaning, actor, purpose), _words(scope, indexes, wording)
    )
    # one encoder for all: the indexes of one moment are made by one
    encoder = indexes[0].encoder
    weight = lexical_weight(reading, encoder, is_translated=bool(wording.english))
    ranked = weighted(meaning.cosines if meaning else {}, lexical, weight)
    rows_began = monotonic()
    candidates = [one.passage for one in ranked]
    most = min(most, MOST_PASSAGES)
    enough = max(LOOKED_AT * most, reranking.RERANKED if reranking.is_on() else 0)
    alive = await in_thread(living)(scope, indexes, candidates, enough=enough)
    order = _without_repeats(ranked, alive)
    # one that reads English alone does so with the translation, and another one does with it as well
    reordered, seen = await _reordered(scope, wording.for_meaning or asked, order, actor, purpose)
    sureness = measured(encoder) if meaning else WORDS_ONLY
    looked_up_in = reading.language
    if wording.english:
        sureness, looked_up_in = TRANSLATED if meaning else TRANSLATED_WORDS, "en"
    choice = Choice(scope, indexes, store, meaning, sureness, looked_up_in)
    found = await choice.made(order, reordered, alive, seen, most)
    limits = [sureness.of(looked_up_in, one.text).threshold for one in found]
    return Retrieved(
        passages=tuple(found),
        is_confident=any(one.score.confidence >= limit for one, limit in zip(found, limits, strict=True)),
        threshold=limits[0] if limits else sureness.within.threshold,
        language=reading.language,
        timings_ms=Timings(
            embedding=meaning.embedding_s * 1000 if meaning else 0.0,
            meaning=meaning_ms,
            words=words_ms,
            rows=_ms(rows_began),
            total=_ms(began),
            reranking=reordered.seconds * 1000,
        ),
        degraded=_degraded(wording, meaning, ranked),
        translation=wording.english,
        reranking=reordered.outcome,
        explained=Explained(
            asked=asked,
            words_weight=weight if meaning else 1.0,
            by_meaning=len(meaning.cosines) if meaning else 0,
            by_words=len(lexical),
            without_row=_without_row(candidates, alive),
        )
        if explain
        else None,
    )


def _degraded(wording: Wording, meaning: Meaning | None, ranked: Sequence[Ranked[UUID]]) -> Degraded:
    if wording.is_unread:
        return "untranslated"
    return "" if meaning or not ranked else "words_only"


async def _meaning(
    store: VectorStore, scope: SearchScope, indexes: Sequence[Index], asked: str, actor: Actor, purpose: str
) -> tuple[Meaning | None, float]:
    if not asked:
        return None, 0.0
    began = monotonic()
    found = await by_meaning(
        store,
        indexes,
        asked,
        person_id=scope.person_id,
        workspace_id=scope.workspace_id,
        actor=actor,
        purpose=purpose,
        most=CANDIDATES,
    )
    return found, _ms(began)


async def _words(
    scope: SearchScope, indexes: Sequence[Index], wording: Wording
) -> tuple[dict[UUID, LexicalScore], float]:
    began = monotonic()
    found = await in_thread(by_words)(scope.workspace_id, indexes, wording.for_words, most=CANDIDATES)
    return found, _ms(began)


async def _reordered(
    scope: SearchScope, asked: str, order: Sequence[Ranked[UUID]], actor: Actor, purpose: str
) -> tuple[reranking.Reordered, dict[UUID, Read]]:
    """The order as a reranker has it, if there is one, and what was read for it."""
    if not reranking.is_on():
        return reranking.Reordered(order, {}, "off"), {}
    first = [one.passage for one in order[: reranking.RERANKED]]
    seen = await in_thread(read)(scope.workspace_id, first)
    found = await reranking.reordered(
        asked,
        order,
        {chunk_id: chunk.said.embedded for chunk_id, chunk in seen.items()},
        person_id=scope.person_id,
        workspace_id=scope.workspace_id,
        actor=actor,
        purpose=purpose,
    )
    return found, seen


def _without_row(candidates: Sequence[UUID], alive: Mapping[UUID, Living]) -> int:
    """Of the candidates before the last that was found to have a row, those that have none."""
    places = [place for place, candidate in enumerate(candidates) if candidate in alive]
    return places[-1] + 1 - len(places) if places else len(candidates)


def _without_repeats(ranked: Sequence[Ranked[UUID]], alive: Mapping[UUID, Living]) -> list[Ranked[UUID]]:
    """Those with a row; of the same words, the first only."""
    seen: set[tuple[UUID, str]] = set()
    order = []
    for one in ranked:
        row = alive.get(one.passage)
        if row is not None and (row.collection_id, row.name) not in seen:
            seen.add((row.collection_id, row.name))
            order.append(one)
    return order


def _ms(began: float) -> float:
    return (monotonic() - began) * 1000

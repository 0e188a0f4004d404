"""Passages for a question: by meaning and by words at the same time, as one order, of what may be seen now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final
from uuid import UUID

from chatplatform.common.actors import Actor
from chatplatform.common.threads import in_thread
from chatplatform.knowledge.models import Index
from chatplatform.knowledge.ranking.bm25 import LexicalScore
from chatplatform.knowledge.ranking.diversity import spread, varied
from chatplatform.knowledge.ranking.fusion import Ranked, weighted
from chatplatform.knowledge.ranking.query_kind import Language, reading_of
from chatplatform.knowledge.ranking.weights import lexical_weight
from chatplatform.knowledge.retrieval.calibrations import (
    TRANSLATED,
    TRANSLATED_WORDS,
    WORDS_ONLY,
    Measured,
    measured,
)
from chatplatform.knowledge.retrieval.follow_up import asked_for
from chatplatform.knowledge.retrieval.found import Degraded, Explained, Passage, Retrieved, Score, Timings
from chatplatform.knowledge.retrieval.living import Living, live_indexes, living
from chatplatform.knowledge.retrieval.meaning import Meaning, by_meaning, cosines_of
from chatplatform.knowledge.retrieval.reading import Read, passages, read
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
# of one document, before others have had their turn
OF_A_DOCUMENT: Final = 3
# texts that share so many of their pieces are said to be alike
ALIKE: Final = 0.5
PIECE_CHARS: Final = 4


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
    words alone decide, and `degraded` says so. Raises TypeError for a scope that rights were not asked for,
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
    alive = await in_thread(living)(scope, indexes, candidates, enough=LOOKED_AT * most)
    order = _without_repeats(ranked, alive)
    sureness = measured(encoder) if meaning else WORDS_ONLY
    looked_up_in = reading.language
    if wording.english:
        sureness, looked_up_in = TRANSLATED if meaning else TRANSLATED_WORDS, "en"
    choice = _Choice(scope, indexes, store, meaning, sureness, looked_up_in)
    found = await choice.made(order, alive, most)
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
        ),
        degraded=_degraded(wording, meaning, ranked),
        translation=wording.english,
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


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which of the candidates are given."""

    scope: SearchScope
    indexes: Sequence[Index]
    store: VectorStore
    meaning: Meaning | None
    sureness: Measured
    language: Language

    async def made(
        self, order: Sequence[Ranked[UUID]], alive: Mapping[UUID, Living], most: int
    ) -> list[Passage]:
        by_id = {one.passage: one for one in order}
        wide = spread(by_id, lambda chunk_id: alive[chunk_id].document_id, OF_A_DOCUMENT)[: 2 * most]
        cosines, chunks = await asyncio.gather(
            self._cosines([by_id[chunk_id] for chunk_id in wide], alive),
            in_thread(read)(self.scope.workspace_id, wide),
        )
        chosen = await in_thread(_unlike)([chunk_id for chunk_id in wide if chunk_id in chunks], chunks, most)
        return await in_thread(self._read_out)(
            [by_id[chunk_id] for chunk_id in chosen], alive, chunks, cosines
        )

    async def _cosines(
        self, order: Sequence[Ranked[UUID]], alive: Mapping[UUID, Living]
    ) -> dict[UUID, float]:
        """Of those that words alone have found: confidence wants to know how near they are."""
        if self.meaning is None:
            return {}
        missing: dict[UUID, list[UUID]] = {}
        for one in order:
            if one.cosine is None:
                missing.setdefault(alive[one.passage].index_id, []).append(one.passage)
        found = await asyncio.gather(
            *(
                cosines_of(self.store, index, self.meaning.vector, missing[index.id])
                for index in self.indexes
                if index.id in missing
            )
        )
        return {chunk_id: cosine for part in found for chunk_id, cosine in part.items()}

    def _read_out(
        self,
        order: Sequence[Ranked[UUID]],
        alive: Mapping[UUID, Living],
        chunks: Mapping[UUID, Read],
        cosines: Mapping[UUID, float],
    ) -> list[Passage]:
        chosen = []
        for one in order:
            cosine = one.cosine if one.cosine is not None else cosines.get(one.passage)
            coverage = one.words.coverage if one.words else 0.0
            score = Score(
                dense=cosine,
                lexical=one.words.bm25 if one.words else 0.0,
                coverage=coverage,
                dense_level=one.dense_level,
                lexical_level=one.lexical_level,
                fused=one.score,
                confidence=self.sureness.of(self.language, chunks[one.passage].said.text).confidence(
                    cosine, coverage
                ),
            )
            chosen.append((alive[one.passage], score))
        return passages(self.scope.workspace_id, chosen, chunks)


def _unlike(order: Sequence[UUID], chunks: Mapping[UUID, Read], most: int) -> list[UUID]:
    """The first of the order, where what says nearly the same as another comes later."""
    pieces = {chunk_id: _pieces(chunks[chunk_id].said.text) for chunk_id in order}

    def alike(one: UUID, other: UUID) -> float:
        both = len(pieces[one] & pieces[other])
        share = both / ((len(pieces[one]) + len(pieces[other]) - both) or 1)
        return share if share >= ALIKE else 0.0

    return varied({chunk_id: 1 - place / len(order) for place, chunk_id in enumerate(order)}, alike, most)


def _pieces(text: str) -> frozenset[str]:
    return frozenset(text[at : at + PIECE_CHARS] for at in range(len(text)))


def _ms(began: float) -> float:
    return (monotonic() - began) * 1000

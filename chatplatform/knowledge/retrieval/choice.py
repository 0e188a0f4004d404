"""Which of the candidates are given: the first of their order, not the same thing ten times, each with its scores."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from chatplatform.common.threads import in_thread
from chatplatform.knowledge.models import Index
from chatplatform.knowledge.ranking.diversity import spread, varied
from chatplatform.knowledge.ranking.fusion import Ranked
from chatplatform.knowledge.ranking.query_kind import Language
from chatplatform.knowledge.retrieval.calibrations import Measured
from chatplatform.knowledge.retrieval.found import Passage, Score
from chatplatform.knowledge.retrieval.living import Living
from chatplatform.knowledge.retrieval.meaning import Meaning, cosines_of
from chatplatform.knowledge.retrieval.reading import Read, passages, read
from chatplatform.knowledge.retrieval.reranking import Reordered
from chatplatform.knowledge.rights import SearchScope
from chatplatform.vector_store import VectorStore

# of one document, before others have had their turn
OF_A_DOCUMENT: Final = 3
# texts that share so many of their pieces are said to be alike
ALIKE: Final = 0.5
PIECE_CHARS: Final = 4


@dataclass(frozen=True, slots=True)
class Choice:
    """What there is to choose by."""

    scope: SearchScope
    indexes: Sequence[Index]
    store: VectorStore
    meaning: Meaning | None
    sureness: Measured
    language: Language

    async def made(
        self,
        fused: Sequence[Ranked[UUID]],
        reordered: Reordered,
        alive: Mapping[UUID, Living],
        seen: Mapping[UUID, Read],
        most: int,
    ) -> list[Passage]:
        """The passages, best first. `reordered` is the fused order or another one of the same candidates, `seen` what
        was read of them already."""
        by_id = {one.passage: one for one in fused}
        wide = _wide(reordered.order, alive, most)
        usual = _wide(fused, alive, most)
        looked_at = list(dict.fromkeys([*wide, *usual]))
        cosines, others = await asyncio.gather(
            self._cosines([by_id[chunk_id] for chunk_id in looked_at], alive),
            in_thread(read)(self.scope.workspace_id, [each for each in looked_at if each not in seen]),
        )
        chunks = {**seen, **others}
        chosen = await in_thread(self._chosen)(wide, usual, by_id, chunks, cosines, reordered, most)
        return await in_thread(passages)(
            self.scope.workspace_id,
            [(alive[chunk_id], score) for chunk_id, score in chosen.items()],
            chunks,
        )

    def _chosen(
        self,
        wide: Sequence[UUID],
        usual: Sequence[UUID],
        by_id: Mapping[UUID, Ranked[UUID]],
        chunks: Mapping[UUID, Read],
        cosines: Mapping[UUID, float],
        reordered: Reordered,
        most: int,
    ) -> dict[UUID, Score]:
        """In their order, with their scores."""
        chosen = _unlike([chunk_id for chunk_id in wide if chunk_id in chunks], chunks, most)

        def score(chunk_id: UUID) -> Score:
            return self._score(by_id[chunk_id], chunks[chunk_id], cosines, reordered.scores)

        scores = {chunk_id: score(chunk_id) for chunk_id in chosen}
        if reordered.outcome == "done":
            others = {chunk_id: score(chunk_id) for chunk_id in usual if chunk_id in chunks}
            scores = self._with_a_sure_one(scores, others, chunks)
        return scores

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

    def _score(
        self, one: Ranked[UUID], chunk: Read, cosines: Mapping[UUID, float], reranked: Mapping[UUID, float]
    ) -> Score:
        cosine = one.cosine if one.cosine is not None else cosines.get(one.passage)
        coverage = one.words.coverage if one.words else 0.0
        return Score(
            dense=cosine,
            lexical=one.words.bm25 if one.words else 0.0,
            coverage=coverage,
            dense_level=one.dense_level,
            lexical_level=one.lexical_level,
            fused=one.score,
            confidence=self.sureness.of(self.language, chunk.said.text).confidence(cosine, coverage),
            reranked=reranked.get(one.passage),
        )

    def _with_a_sure_one(
        self, chosen: dict[UUID, Score], others: Mapping[UUID, Score], chunks: Mapping[UUID, Read]
    ) -> dict[UUID, Score]:
        """Where another order has left out whatever is sure enough, the surest takes the last place: whether anything
        is sure enough is not for a reranker to say, and it may know a language badly."""

        def beyond(chunk_id: UUID, score: Score) -> float:
            limit = self.sureness.of(self.language, chunks[chunk_id].said.text).threshold
            return score.confidence - limit

        surest = max(others, key=lambda chunk_id: beyond(chunk_id, others[chunk_id]), default=None)
        if surest is None or beyond(surest, others[surest]) < 0:
            return chosen
        if any(beyond(chunk_id, score) >= 0 for chunk_id, score in chosen.items()):
            return chosen
        kept = list(chosen.items())[:-1]
        return dict([*kept, (surest, others[surest])])


def _wide(order: Sequence[Ranked[UUID]], alive: Mapping[UUID, Living], most: int) -> list[UUID]:
    """More than are wanted, as some say the same."""
    chunk_ids = [one.passage for one in order]
    return spread(chunk_ids, lambda chunk_id: alive[chunk_id].document_id, OF_A_DOCUMENT)[: 2 * most]


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

"""Scores of chunks for a question: BM25 over the index as it is now, exact for those that have the most.

Terms are looked at from the rarest to the most common. Once the common ones together, as often as they come at most and
in the shortest chunk, could not lift one without rare ones among the best, only chunks with rare ones are looked at
(Turtle and Flood, Query Evaluation, 1995: MaxScore). Nothing is approximated by it.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Final
from uuid import UUID

from django.db.models import Q

from chatplatform.knowledge.collection_secret import key_of
from chatplatform.knowledge.index import packing, storage
from chatplatform.knowledge.index.models import TermBucket, TermPack
from chatplatform.knowledge.index.packing import Postings, number_of
from chatplatform.knowledge.models import Index
from chatplatform.knowledge.ranking.bm25 import K1, B, LexicalScore, rarity
from chatplatform.knowledge.ranking.term_hashes import TermHasher
from chatplatform.knowledge.ranking.terms import terms

MOST: Final = 200
# a longer question is looked up by its beginning
MOST_TERMS: Final = 96
ATTEMPTS: Final = 5
# postings of a term, from which on it pays to find out whether they have to be gone through
WORTH_A_LOOK: Final = 500


def lexical_scores(index: Index, question: str, *, most: int = MOST) -> dict[UUID, LexicalScore]:
    """The `most` chunks that the question's words fit best, best first.

    Raises KeysUnavailable, ContentErased, ContentUnreadable.
    """
    hasher = TermHasher(key_of(index.collection, "terms"))
    wanted = [number_of(hasher.hashed(term)) for term in dict.fromkeys(terms(question))][:MOST_TERMS]
    if not wanted or most < 1:
        return {}
    for _attempt in range(ATTEMPTS):
        packs = _packs(index)
        if not _read_postings(index, packs, wanted):
            continue
        best, total = _best(packs, wanted, most)
        ids = dict(
            TermPack.objects.filter(id__in={packs[number].id for _, number, _ in best}).values_list(
                "id", "ids"
            )
        )
        if all(packs[number].id in ids for _, number, _ in best):
            return {
                UUID(bytes=packing.id_at(bytes(ids[packs[number].id]), ordinal)): LexicalScore(
                    score, score / total
                )
                for score, number, ordinal in best
            }
    return {}  # packs are made anew once in minutes: five times within one question does not happen


@dataclass(slots=True)
class _Pack:
    id: UUID
    chunks: int
    length: int
    longest: int
    buckets: int
    removed: bytes
    lengths: array[int] = field(repr=False)
    postings: dict[int, Postings] = field(default_factory=dict, repr=False)


def _packs(index: Index) -> list[_Pack]:
    """What of each pack is needed; `chunks` counts what is not removed."""
    return [
        _Pack(
            id,
            chunks - removed_chunks,
            length,
            longest,
            buckets,
            bytes(removed),
            packing.numbers("H", bytes(lengths)),
        )
        for id, chunks, removed_chunks, length, longest, buckets, removed, lengths in TermPack.objects.filter(
            index_id=index.id
        ).values_list("id", "chunks", "removed_chunks", "length", "longest", "buckets", "removed", "lengths")
        if chunks > removed_chunks
    ]


def _read_postings(index: Index, packs: Sequence[_Pack], wanted: Sequence[int]) -> bool:
    """Fill in the postings of these terms. False where a pack was made anew meanwhile."""
    by_size: dict[int, list[_Pack]] = defaultdict(list)
    for pack in packs:
        by_size[pack.buckets].append(pack)
    places = Q()
    for size, of_size in by_size.items():
        numbers = {term & (size - 1) for term in wanted}
        places |= Q(pack_id__in=[pack.id for pack in of_size], number__in=numbers)
    if not places:
        return True
    by_id = {pack.id: pack for pack in packs}
    rows = TermBucket.objects.filter(places).values_list("pack_id", "number", "postings")
    for pack_id, number, postings in rows.iterator(chunk_size=200):
        pack = by_id[pack_id]
        bucket = storage.opened_bucket(index.workspace_id, pack_id, number, bytes(postings))
        for term in wanted:
            if term & (pack.buckets - 1) == number and (found := packing.find(bucket, term)) is not None:
                pack.postings[term] = found.without(pack.removed) if pack.removed else found
    present = set(TermPack.objects.filter(index_id=index.id).values_list("id", flat=True))
    return by_id.keys() <= present


def _best(
    packs: Sequence[_Pack], wanted: Sequence[int], most: int
) -> tuple[list[tuple[float, int, int]], float]:
    """Score, number of the pack and ordinal of the best, and what the question could have at most."""
    chunks = sum(pack.chunks for pack in packs)
    mean = (sum(pack.length for pack in packs) / chunks if chunks else 0.0) or 1.0
    longest = max((pack.longest for pack in packs), default=0)
    norms = [K1 * (1 - B + B * length / mean) for length in range(longest + 1)]
    having = {
        term: sum(pack.postings[term].size for pack in packs if term in pack.postings) for term in wanted
    }
    weights = {term: rarity(max(chunks, n), n) * (K1 + 1) for term, n in having.items()}
    rows = _Rows(norms, weights)
    order = sorted(wanted, key=lambda term: -weights[term])
    best: list[tuple[float, int, int]] = []
    for number, pack in enumerate(packs):
        least = best[-1][0] if len(best) == most else 0.0
        found = _scores(pack, [term for term in order if term in pack.postings], rows, least, most)
        fresh = ((score, number, ordinal) for ordinal, score in found.items() if score > least)
        best = nlargest(most, [*best, *fresh])
    return best, sum(weights.values())


class _Rows:
    """What a term adds to a chunk, by its count there and the chunk's length; each worked out once."""

    def __init__(self, norms: Sequence[float], weights: dict[int, float]) -> None:
        self._norms = norms
        self._weights = weights
        self._shares: dict[int, list[float]] = {}
        self._rows: dict[tuple[int, int], list[float]] = {}

    def of(self, term: int, count: int) -> list[float]:
        row = self._rows.get((term, count))
        if row is None:
            shares = self._shares.get(count)
            if shares is None:
                shares = self._shares[count] = [count / (count + norm) for norm in self._norms]
            weight = self._weights[term]
            row = self._rows[term, count] = [weight * share for share in shares]
        return row


def _scores(pack: _Pack, order: Sequence[int], rows: _Rows, least: float, most: int) -> dict[int, float]:
    """Scores by ordinal: of all chunks of the pack that could have more than `least`, and perhaps of others."""
    lengths = pack.lengths
    shortest = min(lengths)
    bounds = {term: rows.of(term, pack.postings[term].most_often)[shortest] for term in order}
    rest = sum(bounds.values())
    scores: dict[int, float] = {}
    for at, term in enumerate(order):
        if len(scores) > most and pack.postings[term].size > WORTH_A_LOOK:
            # scores only grow: what so many chunks of this pack have already is what the best have at least
            least = max(least, nlargest(most, scores.values())[-1])
        if rest <= least:
            return _finished(pack, order[at:], scores, bounds, rows, least)
        rest -= bounds[term]
        for ordinal, gain in _gains(pack.postings[term], term, lengths, rows):
            scores[ordinal] = scores.get(ordinal, 0.0) + gain
    return scores


def _gains(postings: Postings, term: int, lengths: array[int], rows: _Rows) -> Iterable[tuple[int, float]]:
    ordinals, counts = postings.ordinals, postings.counts
    if postings.dense is not None:
        counts = postings.dense.replace(b"\0", b"")
    if counts is None:
        row = rows.of(term, 1)
        return zip(ordinals, [row[lengths[ordinal]] for ordinal in ordinals], strict=True)
    of_count = {count: rows.of(term, count) for count in set(counts)}
    gains = [of_count[count][lengths[ordinal]] for ordinal, count in zip(ordinals, counts, strict=True)]
    return zip(ordinals, gains, strict=True)


def _finished(
    pack: _Pack,
    common: Sequence[int],
    scores: dict[int, float],
    bounds: dict[int, float],
    rows: _Rows,
    least: float,
) -> dict[int, float]:
    """The scores with what common terms add to them, without those that cannot reach `least` any more."""
    rest = sum(bounds[term] for term in common)
    lengths = pack.lengths
    for term in common:
        scores = {ordinal: score for ordinal, score in scores.items() if score + rest > least}
        if not scores:
            break
        rest -= bounds[term]
        of_count: dict[int, list[float]] = {}
        for ordinal, count in _counts(pack.postings[term], scores.keys()):
            row = of_count.get(count)
            if row is None:
                row = of_count[count] = rows.of(term, count)
            scores[ordinal] += row[lengths[ordinal]]
    return scores


def _counts(postings: Postings, ordinals: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Those of the ordinals that have the term, and how often."""
    if postings.dense is not None:
        dense = postings.dense
        return ((ordinal, dense[ordinal]) for ordinal in ordinals if dense[ordinal])
    if postings.counts is None:
        return ((ordinal, 1) for ordinal in set(postings.places).intersection(ordinals))
    counts = dict(zip(postings.places, postings.counts, strict=True))
    return ((ordinal, counts[ordinal]) for ordinal in counts.keys() & set(ordinals))

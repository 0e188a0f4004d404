"""The inside of a pack: whatever is packed is found again, and nothing else."""

from __future__ import annotations

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from chatplatform.knowledge.index import packing
from chatplatform.knowledge.index.packing import ChunkTerms

TERMS = st.dictionaries(st.integers(0, 2**64 - 1) | st.integers(0, 40), st.integers(1, 400), max_size=12)


def _found(pack: packing.Pack, term: int) -> dict[UUID, int]:
    part = pack.parts.get(term & (pack.buckets - 1))
    postings = packing.find(part, term) if part is not None else None
    if postings is None:
        return {}
    pairs = list(postings)
    assert postings.size == len(pairs)
    assert list(postings.ordinals) == [ordinal for ordinal, _ in pairs]
    return {UUID(bytes=packing.id_at(pack.ids, ordinal)): count for ordinal, count in pairs}


@given(st.lists(TERMS, min_size=1, max_size=40))
def test_every_term_is_found_where_it_is_and_as_often(texts: list[dict[int, int]]) -> None:
    chunks = [ChunkTerms(uuid4().bytes, counts, sum(counts.values())) for counts in texts]
    pack = packing.pack(chunks)
    known = {term for counts in texts for term in counts}
    for term in known | {7, 2**63}:
        assert _found(pack, term) == {
            UUID(bytes=chunk.id): min(chunk.counts[term], packing.MOST_COUNT)
            for chunk in chunks
            if term in chunk.counts
        }
    everything = [term for part in pack.parts.values() for term, _ in packing.everything(part)]
    assert sorted(everything) == sorted(known)
    assert list(packing.numbers("H", pack.lengths)) == [
        min(chunk.length, packing.MOST_LENGTH) for chunk in sorted(chunks, key=lambda chunk: chunk.id)
    ]
    assert all(len(part) % 256 == 0 for part in pack.parts.values())


def test_common_terms_take_a_byte_a_chunk_and_rare_ones_two() -> None:
    everywhere, seldom = 8, 16
    chunks = [
        ChunkTerms(UUID(int=number).bytes, {everywhere: 2, **({seldom: 1} if number < 3 else {})}, 2)
        for number in range(3000)
    ]
    pack = packing.pack(chunks)
    (part,) = pack.parts.values()
    common, rare = packing.find(part, everywhere), packing.find(part, seldom)
    assert common is not None
    assert rare is not None
    assert (common.dense, common.size) == (bytes([2]) * 3000, 3000)
    assert (rare.dense, list(rare.places)) == (None, [0, 1, 2])


def test_many_terms_are_parted_into_buckets_of_a_size() -> None:
    chunks = [
        ChunkTerms(UUID(int=number).bytes, {number * 97 + term: 1 for term in range(90)}, 90)
        for number in range(500)
    ]
    pack = packing.pack(chunks)
    assert pack.buckets > 8
    assert max(map(len, pack.parts.values())) < 4 * packing.BUCKET_BYTES


@given(st.sets(st.integers(0, 99)), st.sets(st.integers(0, 99)))
def test_removed_ordinals_are_remembered(first: set[int], second: set[int]) -> None:
    bits = packing.with_removed(packing.with_removed(b"", first, 100), second, 100)
    assert {ordinal for ordinal in range(100) if packing.is_removed(bits, ordinal)} == first | second
    postings = packing.Postings(range(100), None).without(bits)
    assert list(postings) == [(ordinal, 1) for ordinal in range(100) if ordinal not in first | second]


def test_ids_are_looked_up_by_their_order() -> None:
    ids = sorted(uuid4().bytes for _ in range(33))
    joined = b"".join(ids)
    assert [packing.ordinal_of(joined, chunk_id) for chunk_id in ids] == list(range(33))
    assert packing.ordinal_of(joined, uuid4().bytes) is None
    assert packing.ordinal_of(b"", ids[0]) is None

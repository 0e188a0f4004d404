"""The inside of a pack, before it is encrypted: which of its chunks have a term, and how often.

A bucket is a number of terms, their hashes in order (8 bytes), the ends of their postings (4 bytes), and the postings.
A posting is told by its first byte: places of 2 bytes each, for a term that comes once in each; places, then counts of
one byte each; or a count for every chunk of the pack, where that is shorter. All numbers are little-endian.
"""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

MOST_CHUNKS: Final = 16_384
MOST_BUCKETS: Final = 2048
BUCKET_BYTES: Final = 8192
MOST_COUNT: Final = 255
MOST_LENGTH: Final = 65535
ID_BYTES: Final = 16

_COUNT: Final = struct.Struct("<I")
_ONCE, _COUNTED, _DENSE = 0, 1, 2
# sizes of buckets are seen by who has the database: they say little when they are round
_ROUNDING: Final = 256


@dataclass(frozen=True, slots=True)
class ChunkTerms:
    """A chunk's part of an index: how often each hash comes, and how many terms there are."""

    id: bytes
    counts: Mapping[int, int] = field(repr=False)
    length: int


@dataclass(frozen=True, slots=True)
class Postings:
    """Chunks that have a term, by ordinal. Either `dense` has the count of every chunk of the pack; or `places` grow,
    and `counts` belong to them, None where each is 1."""

    places: Sequence[int] = field(repr=False)
    counts: bytes | None = field(repr=False)
    dense: bytes | None = field(default=None, repr=False)

    @property
    def size(self) -> int:
        return len(self.places) if self.dense is None else len(self.dense) - self.dense.count(0)

    @property
    def most_often(self) -> int:
        """How often the term comes at most in one chunk."""
        counts = self.counts if self.dense is None else self.dense
        return max(counts, default=1) if counts is not None else 1

    @property
    def ordinals(self) -> Sequence[int]:
        if self.dense is None:
            return self.places
        return [ordinal for ordinal, count in enumerate(self.dense) if count]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Ordinals and counts."""
        if self.dense is not None:
            return ((ordinal, count) for ordinal, count in enumerate(self.dense) if count)
        if self.counts is None:
            return ((ordinal, 1) for ordinal in self.places)
        return zip(self.places, self.counts, strict=True)

    def without(self, removed: bytes) -> Postings:
        """Those whose bit is not set."""
        kept = [(ordinal, count) for ordinal, count in self if not is_removed(removed, ordinal)]
        return Postings([ordinal for ordinal, _ in kept], bytes(count for _, count in kept))


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack as it is to be kept; `parts` are its buckets by number."""

    ids: bytes = field(repr=False)
    lengths: bytes = field(repr=False)
    buckets: int
    parts: dict[int, bytes] = field(repr=False)

    @property
    def chunks(self) -> int:
        return len(self.ids) // ID_BYTES


def number_of(term: bytes) -> int:
    """A term's hash as a number."""
    return int.from_bytes(term, "little")


def pack(chunks: Iterable[ChunkTerms]) -> Pack:
    """MOST_CHUNKS at most, no id twice."""
    ordered = sorted(chunks, key=lambda chunk: chunk.id)
    postings: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for ordinal, chunk in enumerate(ordered):
        for term, count in chunk.counts.items():
            postings[term].append((ordinal, min(count, MOST_COUNT)))
    return packed(
        [chunk.id for chunk in ordered], [min(chunk.length, MOST_LENGTH) for chunk in ordered], postings
    )


def packed(
    ids: Sequence[bytes], lengths: Iterable[int], postings: Mapping[int, Sequence[tuple[int, int]]]
) -> Pack:
    """A pack of what is in order already."""
    coded = {term: coded_posting(found, len(ids)) for term, found in postings.items()}
    buckets = buckets_for(sum(len(posting) + 12 for posting in coded.values()))
    return Pack(b"".join(ids), bytes_of_lengths(lengths), buckets, parted(coded, buckets))


def buckets_for(size: int) -> int:
    """How many buckets postings of so many bytes are parted into."""
    return min(MOST_BUCKETS, 1 << max(0, size // BUCKET_BYTES - 1).bit_length())


def parted(coded: Mapping[int, bytes], buckets: int) -> dict[int, bytes]:
    """Coded postings as buckets, by their numbers."""
    sorted_in: dict[int, list[int]] = defaultdict(list)
    for term in coded:
        sorted_in[term & (buckets - 1)].append(term)
    return {number: _bucket(sorted(terms), coded) for number, terms in sorted_in.items()}


def bytes_of_lengths(lengths: Iterable[int]) -> bytes:
    return _bytes_of(array("H", lengths))


def find(bucket: bytes, term: int) -> Postings | None:
    """Where a term of this bucket is; None where it is nowhere."""
    (n,) = _COUNT.unpack_from(bucket)
    place = bisect_left(numbers("Q", bucket[4 : 4 + 8 * n]), term)
    if place == n or bucket[4 + 8 * place : 12 + 8 * place] != term.to_bytes(8, "little"):
        return None
    ends = 4 + 8 * n
    start = _COUNT.unpack_from(bucket, ends + 4 * (place - 1))[0] if place else 0
    (end,) = _COUNT.unpack_from(bucket, ends + 4 * place)
    first = ends + 4 * n
    return _postings(bucket[first + start : first + end])


def everything(bucket: bytes) -> Iterator[tuple[int, Postings]]:
    """All terms of a bucket."""
    (n,) = _COUNT.unpack_from(bucket)
    first, start = 4 + 12 * n, 0
    terms = numbers("Q", bucket[4 : 4 + 8 * n])
    for term, end in zip(terms, numbers("I", bucket[4 + 8 * n : first]), strict=True):
        yield term, _postings(bucket[first + start : first + end])
        start = end


def numbers(kind: str, data: bytes) -> array[int]:
    """Little-endian numbers of an array's kind."""
    found = array(kind)
    found.frombytes(data)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def ordinal_of(ids: bytes, chunk_id: bytes) -> int | None:
    """The place of a chunk in a pack."""
    low, high = 0, len(ids) // ID_BYTES
    while low < high:
        middle = (low + high) // 2
        if ids[middle * ID_BYTES : (middle + 1) * ID_BYTES] < chunk_id:
            low = middle + 1
        else:
            high = middle
    return low if ids[low * ID_BYTES : (low + 1) * ID_BYTES] == chunk_id else None


def id_at(ids: bytes, ordinal: int) -> bytes:
    return ids[ordinal * ID_BYTES : (ordinal + 1) * ID_BYTES]


def with_removed(removed: bytes, ordinals: Iterable[int], chunks: int) -> bytes:
    """The bits with these set too."""
    bits = bytearray(removed or bytes(-(-chunks // 8)))
    for ordinal in ordinals:
        bits[ordinal >> 3] |= 1 << (ordinal & 7)
    return bytes(bits)


def is_removed(removed: bytes, ordinal: int) -> bool:
    return bool(removed) and bool(removed[ordinal >> 3] & (1 << (ordinal & 7)))


def coded_posting(found: Sequence[tuple[int, int]], chunks: int) -> bytes:
    """The bytes of one term's ordinals, growing, and counts."""
    once = all(count == 1 for _, count in found)
    if len(found) * (2 if once else 3) >= chunks:
        dense = bytearray(chunks)
        for ordinal, count in found:
            dense[ordinal] = count
        return bytes((_DENSE, *dense))
    places = _bytes_of(array("H", [ordinal for ordinal, _ in found]))
    if once:
        return bytes((_ONCE,)) + places
    return bytes((_COUNTED,)) + places + bytes(count for _, count in found)


def _postings(data: bytes) -> Postings:
    kind, rest = data[0], data[1:]
    if kind == _DENSE:
        return Postings((), None, rest)
    if kind == _ONCE:
        return Postings(numbers("H", rest), None)
    size = len(rest) // 3 * 2
    return Postings(numbers("H", rest[:size]), rest[size:])


def _bucket(terms: Sequence[int], coded: Mapping[int, bytes]) -> bytes:
    ends = array("I")
    end = 0
    for term in terms:
        end += len(coded[term])
        ends.append(end)
    data = b"".join(
        (
            _COUNT.pack(len(terms)),
            _bytes_of(array("Q", terms)),
            _bytes_of(ends),
            *(coded[term] for term in terms),
        )
    )
    return data + bytes(-len(data) % _ROUNDING)


def _bytes_of(found: array[int]) -> bytes:
    if sys.byteorder == "big":
        found = found[:]
        found.byteswap()
    return found.tobytes()

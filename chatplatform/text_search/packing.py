"""The inside of a pack, before it is encrypted: which texts, and which of them hold a token.

A listing is 40 bytes a text, newest first: id, group, time in microseconds since 1970. A text's place in it is its
ordinal. A bucket is a number of tokens, their hashes in order, the lengths of their postings and the postings: either
two bytes for each ordinal, or, where that is no longer, one bit for each text.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Final
from uuid import UUID

BUCKETS: Final = 64
_TEXT: Final = struct.Struct("<16s16sq")
_COUNT: Final = struct.Struct("<I")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# sizes of buckets are seen by who has the database: they say little when they are round
_ROUNDING: Final = 256


@dataclass(frozen=True, slots=True)
class Place:
    """A text in the index."""

    item_id: UUID
    group_id: UUID
    at: datetime


def hashed(token: str, key: bytes) -> tuple[int, int]:
    """The bucket of a token and its hash there; the same for the same key only."""
    digest = blake2b(token.encode(errors="surrogatepass"), digest_size=5, key=key).digest()
    return digest[0] % BUCKETS, int.from_bytes(digest[1:], "little")


def listing(places: Iterable[Place]) -> bytes:
    return b"".join(
        _TEXT.pack(place.item_id.bytes, place.group_id.bytes, (place.at - _EPOCH) // _MICROSECOND)
        for place in places
    )


def listed(data: bytes, ordinal: int) -> Place:
    item, group, at = _TEXT.unpack_from(data, ordinal * _TEXT.size)
    return Place(UUID(bytes=item), UUID(bytes=group), _EPOCH + at * _MICROSECOND)


def group_of(data: bytes, ordinal: int) -> bytes:
    """The bytes of the group's id alone, for who asks of very many."""
    start = ordinal * _TEXT.size + 16
    return data[start : start + 16]


def buckets(tokens: Iterable[set[str]], key: bytes) -> dict[int, bytes]:
    """The buckets of a pack whose texts, by ordinal, have these tokens."""
    ordinals: dict[str, list[int]] = defaultdict(list)
    texts = 0
    for of_text in tokens:
        for token in of_text:
            ordinals[token].append(texts)
        texts += 1
    sorted_in: dict[int, dict[int, list[int]]] = defaultdict(dict)
    for token, held_by in ordinals.items():
        number, value = hashed(token, key)
        bucket = sorted_in[number]
        if value in bucket:  # two tokens of one hash are one: what is found is compared anyway
            held_by = sorted({*bucket[value], *held_by})
        bucket[value] = held_by
    return {number: _bucket(bucket, texts) for number, bucket in sorted_in.items()}


def _bucket(ordinals: dict[int, list[int]], texts: int) -> bytes:
    values = sorted(ordinals)
    width = _bitmap_bytes(texts)
    postings = [_posting(ordinals[value], width) for value in values]
    n = len(values)
    data = b"".join(
        (
            _COUNT.pack(n),
            struct.pack(f"<{n}I", *values),
            struct.pack(f"<{n}H", *map(len, postings)),
            *postings,
        )
    )
    return data + bytes(-len(data) % _ROUNDING)


def _posting(ordinals: list[int], width: int) -> bytes:
    if 2 * len(ordinals) < width:
        return struct.pack(f"<{len(ordinals)}H", *ordinals)
    bits = 0
    for ordinal in ordinals:
        bits |= 1 << ordinal
    return bits.to_bytes(width, "little")


def holders(bucket: bytes, value: int, texts: int) -> int:
    """Which of the pack's texts hold the token with this hash: one bit for each ordinal."""
    (n,) = _COUNT.unpack_from(bucket)
    values = struct.unpack_from(f"<{n}I", bucket, 4)
    place = bisect_left(values, value)
    if place == n or values[place] != value:
        return 0
    lengths = struct.unpack_from(f"<{place + 1}H", bucket, 4 + 4 * n)
    start = 4 + 6 * n + sum(lengths[:-1])
    posting = bucket[start : start + lengths[-1]]
    if len(posting) == _bitmap_bytes(texts):
        return int.from_bytes(posting, "little")
    bits = 0
    for ordinal in struct.unpack(f"<{len(posting) // 2}H", posting):
        bits |= 1 << ordinal
    return bits


@lru_cache(maxsize=64)
def _bitmap_bytes(texts: int) -> int:
    return -(-texts // 8)

"""Looking for texts: the packs say where to look, newest first, and each text is compared before it counts as found.

So what is found equals what a plain search through all texts would find, in the same order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush
from time import monotonic
from typing import Final
from uuid import UUID

from django.db.models import Q

from chatplatform.privacy.content import decrypt_bytes
from chatplatform.privacy.data_keys import derived_secret
from chatplatform.privacy.subjects import Subject
from chatplatform.text_search import packing, sources
from chatplatform.text_search.folding import folded
from chatplatform.text_search.models import Kind, SearchBucket, SearchEntry, SearchPack
from chatplatform.text_search.pack_making import HASH_PURPOSE, context_of_bucket, context_of_listing
from chatplatform.text_search.packing import Place
from chatplatform.text_search.terms import Query
from chatplatform.text_search.tokens import tokens_of_term

COMPARED_AT_ONCE: Final = 32
UNPACKED_AT_ONCE: Final = 512
MOST_PACKS_AT_ONCE: Final = 32
LONGEST_S: Final = 2.0

Cursor = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True)
class Found:
    place: Place
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Findings:
    """`after` is where to go on, None at the end. `is_cut`: it ran out of time before the page was full."""

    found: list[Found]
    after: Cursor | None
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where to look: in these groups (None: in all), from `since` to before `until`."""

    groups: frozenset[bytes] | None = None
    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def of(
        cls,
        groups: Collection[UUID] | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Bounds:
        return cls(None if groups is None else frozenset(group.bytes for group in groups), since, until)


ANYWHERE: Final = Bounds()


def search(
    owner_id: UUID,
    kind: Kind,
    query: Query,
    *,
    limit: int,
    bounds: Bounds = ANYWHERE,
    after: Cursor | None = None,
    longest_s: float = LONGEST_S,
) -> Findings:
    """The person's texts that answer the query, newest first, at most `limit` of them, in the open workspace scope.

    An empty query finds nothing. After `longest_s` seconds it gives what it has: that happens where very many texts
    are in no pack yet.
    """
    found: list[Found] = []
    if query.is_empty or bounds.groups == frozenset():
        return Findings(found, None)
    began = monotonic()
    candidates = _Candidates(owner_id, kind, query, bounds, after)
    last = after
    for places in candidates:
        texts = sources.read(kind, owner_id, [place.item_id for place in places])
        for place in places:
            text = texts.get(place.item_id)
            if text is not None and query.matches(folded(text)):
                if len(found) == limit:
                    return Findings(found, (found[-1].place.at, found[-1].place.item_id))
                found.append(Found(place, text))
            last = place.at, place.item_id
        if monotonic() - began > longest_s:
            return Findings(found, last, is_cut=True)
    return Findings(found, None)


class _Candidates:
    """Places that may answer the query, newest first, each once."""

    def __init__(
        self, owner_id: UUID, kind: Kind, query: Query, bounds: Bounds, after: Cursor | None
    ) -> None:
        self._owner_id, self._kind, self._bounds, self._after = owner_id, kind, bounds, after
        self._subject = Subject.person(owner_id)
        tokens = set().union(*map(tokens_of_term, query.terms))
        key = derived_secret(self._subject, purpose=HASH_PURPOSE)
        # long tokens are rare ones: the first that a pack lacks ends the look at it
        self._hashes = [packing.hashed(token, key) for token in sorted(tokens, key=len, reverse=True)]
        # the next place of each source, and the rest of it: a common word fills packs that nobody looks through
        self._waiting: list[tuple[float, int, Place, Iterator[Place]]] = []
        self._seen: set[UUID] = set()

    def __iter__(self) -> Iterator[list[Place]]:
        """In lists of up to COMPARED_AT_ONCE. A place is given once nothing that is unread can be newer."""
        packs, unpacked = self._packs(), self._unpacked()
        next_pack, next_unpacked = next(packs, None), next(unpacked, None)
        while True:
            unread = max((part[0] for part in (next_pack, next_unpacked) if part is not None), default=None)
            while ready := self._ready(unread):
                yield ready
            if unread is None:
                return
            if next_pack is not None and next_pack[0] == unread:
                self._take(self._holders(next_pack[1]))
                next_pack = next(packs, None)
            elif next_unpacked is not None:
                self._take(iter(next_unpacked[1]))
                next_unpacked = next(unpacked, None)

    def _ready(self, unread: datetime | None) -> list[Place]:
        ready: list[Place] = []
        while self._waiting and len(ready) < COMPARED_AT_ONCE:
            if unread is not None and self._waiting[0][2].at <= unread:
                break
            _at, _id, place, rest = heappop(self._waiting)
            ready.append(place)
            self._take(rest)
        return ready

    def _take(self, places: Iterator[Place]) -> None:
        """Let the next of these places wait for its turn; they are newest first."""
        for place in places:
            if place.item_id not in self._seen and self._is_within(place):
                self._seen.add(place.item_id)
                heappush(self._waiting, (-place.at.timestamp(), -place.item_id.int, place, places))
                return

    def _is_within(self, place: Place) -> bool:
        bounds = self._bounds
        return (
            (self._after is None or (place.at, place.item_id) < self._after)
            and (bounds.until is None or place.at < bounds.until)
            and (bounds.since is None or place.at >= bounds.since)
            and (bounds.groups is None or place.group_id.bytes in bounds.groups)
        )

    # ---------------------------------------------------------------- texts in no pack

    def _unpacked(self) -> Iterator[tuple[datetime, list[Place]]]:
        rows = SearchEntry.objects.filter(
            owner_id=self._owner_id, kind=self._kind, pack__isnull=True
        ).order_by("-at", "-item_id")
        if self._bounds.since is not None:
            rows = rows.filter(at__gte=self._bounds.since)
        if self._bounds.until is not None:
            rows = rows.filter(at__lt=self._bounds.until)
        if self._after is not None:
            rows = rows.filter(at__lte=self._after[0])
        last: Cursor | None = None
        while True:
            part = rows
            if last is not None:
                part = rows.filter(Q(at__lt=last[0]) | Q(at=last[0], item_id__lt=last[1]))
            places = [
                Place(item_id, group_id, at)
                for item_id, group_id, at in part.values_list("item_id", "group_id", "at")[:UNPACKED_AT_ONCE]
            ]
            if not places:
                return
            last = places[-1].at, places[-1].item_id
            yield places[0].at, places

    # ---------------------------------------------------------------- packs

    def _packs(self) -> Iterator[tuple[datetime, _Pack]]:
        """In growing numbers at once: a common word is found in the first, a rare one only after them all."""
        rows = SearchPack.objects.filter(owner_id=self._owner_id, kind=self._kind)
        if self._bounds.since is not None:
            rows = rows.filter(newest__gte=self._bounds.since)
        if self._bounds.until is not None:
            rows = rows.filter(oldest__lt=self._bounds.until)
        if self._after is not None:
            rows = rows.filter(oldest__lte=self._after[0])
        packs = rows.order_by("-newest").values_list("id", "newest", "texts")
        numbers = {number for number, _value in self._hashes}
        looked_at: set[UUID] = set()
        at_once = 1
        known = list(packs)
        while known:
            part, known = known[:at_once], known[at_once:]
            at_once = min(MOST_PACKS_AT_ONCE, 4 * at_once)
            looked_at.update(row[0] for row in part)
            holding, are_gone = self._holding(part, numbers)
            yield from holding
            if are_gone or not known:  # packs were made anew meanwhile: their texts are in others now
                known = [row for row in packs.all() if row[0] not in looked_at]

    def _holding(
        self, packs: Sequence[tuple[UUID, datetime, int]], numbers: Collection[int]
    ) -> tuple[list[tuple[datetime, _Pack]], bool]:
        """Those of the packs that have texts with all tokens, and whether some of them are no longer there."""
        buckets: dict[UUID, dict[int, bytes]] = {pack_id: {} for pack_id, _newest, _texts in packs}
        for pack_id, number, postings in SearchBucket.objects.filter(
            pack_id__in=list(buckets), number__in=numbers
        ).values_list("pack_id", "number", "postings"):
            buckets[pack_id][number] = bytes(postings)
        bits = {pack_id: self._bits(pack_id, buckets[pack_id], texts) for pack_id, _newest, texts in packs}
        wanted = [pack_id for pack_id, held in bits.items() if held or not buckets[pack_id]]
        listings = dict(SearchPack.objects.filter(id__in=wanted).values_list("id", "listing"))
        holding = [
            (newest, _Pack(pack_id, bits[pack_id], bytes(listings[pack_id])))
            for pack_id, newest, _texts in packs
            if bits[pack_id] and pack_id in listings
        ]
        return holding, len(listings) < len(wanted)

    def _bits(self, pack_id: UUID, buckets: dict[int, bytes], texts: int) -> int:
        """Which texts of a pack hold all tokens."""
        opened: dict[int, bytes] = {}
        bits = -1
        for number, value in self._hashes:
            if number not in buckets:
                return 0
            if number not in opened:
                opened[number] = decrypt_bytes(
                    self._subject, buckets[number], context=context_of_bucket(pack_id, number)
                )
            bits &= packing.holders(opened[number], value, texts)
            if not bits:
                break
        return bits

    def _holders(self, pack: _Pack) -> Iterator[Place]:
        listing = decrypt_bytes(self._subject, pack.listing, context=context_of_listing(pack.id))
        groups = self._bounds.groups
        bits = pack.holders
        while bits:
            lowest = bits & -bits
            bits ^= lowest
            ordinal = lowest.bit_length() - 1
            if groups is None or packing.group_of(listing, ordinal) in groups:
                yield packing.listed(listing, ordinal)


@dataclass(frozen=True, slots=True)
class _Pack:
    """A pack that may have something, with its listing as stored."""

    id: UUID
    holders: int
    listing: bytes = field(repr=False)

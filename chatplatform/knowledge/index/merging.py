"""Small packs become large ones, and what was removed leaves its pack. Slow work first, then one short transaction.

Packs are merged by size, eight of about one size into one of the next, so that a chunk is written anew a few times at
most, however many come. Postings are merged as they are: the texts are not read again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Final
from uuid import UUID

from django.db import transaction

from chatplatform.common.clock import now
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.knowledge.index import packing, storage
from chatplatform.knowledge.index.models import TermBucket, TermPack
from chatplatform.knowledge.index.services import mark_removed
from chatplatform.knowledge.models import Index
from chatplatform.privacy.content import ContentErased

MERGE_AT: Final = 8
# what was removed waits for more of its kind: a document that changes in many steps has its packs made anew once
REMOVED_FOR: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A pack as it was when the work on it began; `places` are the new ordinals of its chunks, None of removed ones.
    `sealed` are its buckets as they are kept."""

    id: UUID
    sealed: dict[int, bytes]
    places: list[int | None]
    buckets: int

    @property
    def size(self) -> int:
        return sum(map(len, self.sealed.values()))


def merge_due_packs(*, within_s: float) -> int:
    """Work for about so long; gives how many packs were made. What is left is due again."""
    made, began = 0, monotonic()
    with all_workspaces("the index of every workspace is made by one chore"):
        due = set(TermPack.objects.filter(removed_chunks__gt=0).values_list("workspace_id", "index_id"))
        counted = TermPack.objects.filter(chunks__lt=packing.MOST_CHUNKS).values_list(
            "workspace_id", "index_id"
        )
        seen: dict[tuple[UUID, UUID], int] = defaultdict(int)
        for place in counted:
            seen[place] += 1
        due |= {place for place, packs in seen.items() if packs >= MERGE_AT}
    for workspace_id, index_id in sorted(due):
        with workspace_scope(workspace_id):
            for _pack in merge_packs_of(index_id):
                made += 1
                if monotonic() - began > within_s:
                    return made
    return made


def merge_packs_of(index_id: UUID) -> Iterator[int]:
    """Make all packs of an index that are due, one at a time; gives the number of chunks of each. In a scope."""
    index = Index.objects.filter(id=index_id).first()
    if index is None:
        return
    try:
        while chosen := _chosen(index):
            made = _merge(index, chosen)
            if made is None:  # others were at work on them
                return
            yield made
    except ContentErased:
        TermPack.objects.filter(index_id=index.id).delete()


def _chosen(index: Index) -> list[UUID]:
    """Packs that are to become one now."""
    rows = list(
        TermPack.objects.filter(index_id=index.id)
        .order_by("chunks", "id")
        .values_list("id", "chunks", "removed_chunks", "removed_at")
    )
    by_size: dict[int, list[tuple[UUID, int]]] = defaultdict(list)
    for pack_id, chunks, removed, removed_at in rows:
        if removed and (removed_at is None or removed_at < now() - REMOVED_FOR or removed * 4 >= chunks):
            return [pack_id]
        if chunks * 2 <= packing.MOST_CHUNKS:
            by_size[chunks.bit_length() // 3].append((pack_id, chunks))
    for packs in by_size.values():
        if len(packs) >= MERGE_AT:
            return _fitting(packs)
    return []


def _fitting(packs: Sequence[tuple[UUID, int]]) -> list[UUID]:
    chosen: list[UUID] = []
    room = packing.MOST_CHUNKS
    for pack_id, chunks in packs:
        if chunks > room:
            break
        chosen.append(pack_id)
        room -= chunks
    return chosen


def _merge(index: Index, pack_ids: Sequence[UUID]) -> int | None:
    """One pack of what is left in these; None where they are not there any more."""
    rows = list(TermPack.objects.filter(id__in=pack_ids))
    if len(rows) < len(pack_ids):
        return None
    lengths_of: dict[bytes, int] = {}
    for row in rows:
        held, removed = bytes(row.ids), bytes(row.removed)
        for ordinal, length in enumerate(packing.numbers("H", bytes(row.lengths))):
            if not packing.is_removed(removed, ordinal):
                lengths_of[packing.id_at(held, ordinal)] = length
    ids = sorted(lengths_of)
    place_of = {chunk_id: place for place, chunk_id in enumerate(ids)}
    seen = [_seen(row, place_of) for row in rows]
    pack = _merged(index, seen, ids, [lengths_of[chunk_id] for chunk_id in ids])
    pack_id, sealed = storage.sealed_parts(index.workspace_id, pack)
    with transaction.atomic():
        present = TermPack.objects.select_for_update().filter(id__in=pack_ids).order_by("id")
        removed_now = {row.id: bytes(row.removed) for row in present.only("id", "removed")}
        if len(removed_now) < len(pack_ids):
            return None
        if ids:
            made = storage.write_pack(index, pack, sealed, pack_id)
            mark_removed(made, _removed_meanwhile(seen, removed_now))
        TermPack.objects.filter(id__in=pack_ids).delete()
    return len(ids)


def _seen(row: TermPack, place_of: dict[bytes, int]) -> _Seen:
    ids, removed = bytes(row.ids), bytes(row.removed)
    places = [
        None if packing.is_removed(removed, ordinal) else place_of[packing.id_at(ids, ordinal)]
        for ordinal in range(row.chunks)
    ]
    sealed = TermBucket.objects.filter(pack_id=row.id).values_list("number", "postings")
    return _Seen(row.id, {number: bytes(postings) for number, postings in sealed}, places, row.buckets)


def _merged(
    index: Index, seen: Sequence[_Seen], ids: Sequence[bytes], lengths: Sequence[int]
) -> packing.Pack:
    """The new pack, made in as many steps as the pack with the fewest buckets has: each holds all packs' postings of
    some terms, and few of them."""
    steps = min(each.buckets for each in seen)
    buckets = max(steps, packing.buckets_for(sum(each.size for each in seen)))
    parts: dict[int, bytes] = {}
    for step in range(steps):
        postings: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for each in seen:
            for number in range(step, each.buckets, steps):
                _take(index, each, number, postings)
        coded = {
            term: packing.coded_posting(sorted(found), len(ids)) for term, found in postings.items() if found
        }
        parts.update(packing.parted(coded, buckets))
    return packing.Pack(b"".join(ids), packing.bytes_of_lengths(lengths), buckets, parts)


def _take(index: Index, seen: _Seen, number: int, postings: dict[int, list[tuple[int, int]]]) -> None:
    """What one bucket of a pack holds, at the chunks' new places."""
    sealed = seen.sealed.get(number)
    if sealed is None:
        return
    places = seen.places
    bucket = storage.opened_bucket(index.workspace_id, seen.id, number, sealed)
    for term, found in packing.everything(bucket):
        kept = postings[term]
        for ordinal, count in found:
            place = places[ordinal]
            if place is not None:
                kept.append((place, count))


def _removed_meanwhile(seen: Sequence[_Seen], removed_now: dict[UUID, bytes]) -> list[int]:
    return [
        place
        for each in seen
        for ordinal, place in enumerate(each.places)
        if place is not None and packing.is_removed(removed_now[each.id], ordinal)
    ]

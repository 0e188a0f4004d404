"""Chunks enter the index and leave it, in the transaction of whoever makes and removes them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from uuid import UUID

from django.db import transaction
from django.db.models import F

from chatplatform.common.clock import now
from chatplatform.knowledge.collection_secret import key_of
from chatplatform.knowledge.index import packing, storage
from chatplatform.knowledge.index.models import TermPack
from chatplatform.knowledge.index.packing import ChunkTerms, number_of
from chatplatform.knowledge.models import Index
from chatplatform.knowledge.ranking.term_hashes import TermHasher
from chatplatform.knowledge.ranking.terms import terms


@dataclass(frozen=True, slots=True)
class PreparedTerms:
    """Packs that only want writing."""

    chunk_ids: tuple[UUID, ...]
    packs: tuple[tuple[packing.Pack, UUID, dict[int, bytes]], ...] = field(repr=False)


def add_terms(index: Index, chunks: Iterable[tuple[UUID, str]]) -> None:
    """Have chunks found by the words of their texts, at once. Inside the caller's transaction.

    A text is all that a chunk is to be found by. A chunk that is there already is replaced. Raises KeysUnavailable,
    ContentErased, ContentUnreadable.
    """
    write_terms(index, prepare_terms(index, chunks))


def prepare_terms(index: Index, chunks: Iterable[tuple[UUID, str]]) -> PreparedTerms:
    """The slow half of `add_terms`, which needs no transaction; `write_terms` is the other."""
    hasher = TermHasher(key_of(index.collection, "terms"))
    rest = iter(dict(chunks).items())  # of an id that comes twice, the last
    chunk_ids: list[UUID] = []
    packs = []
    while part := list(islice(rest, packing.MOST_CHUNKS)):
        chunk_ids.extend(chunk_id for chunk_id, _ in part)
        pack = packing.pack(_terms_of(hasher, part))
        packs.append((pack, *storage.sealed_parts(index.workspace_id, pack)))
    return PreparedTerms(tuple(chunk_ids), tuple(packs))


def write_terms(index: Index, prepared: PreparedTerms) -> None:
    """Inside the caller's transaction."""
    remove_chunks(index, prepared.chunk_ids)
    for pack, pack_id, sealed in prepared.packs:
        storage.write_pack(index, pack, sealed, pack_id)


def remove_chunks(index: Index, chunk_ids: Collection[UUID]) -> None:
    """Have chunks found no more, at once; their words leave the index within a few minutes. Chunks that are not there
    are none of its business. Inside the caller's transaction."""
    wanted = [chunk_id.bytes for chunk_id in chunk_ids]
    if not wanted:
        return
    with transaction.atomic():
        packs = TermPack.objects.select_for_update().filter(index_id=index.id).order_by("id")
        for pack in packs.only("id", "chunks", "removed", "removed_at", "lengths", "ids").iterator(
            chunk_size=8
        ):
            ids = bytes(pack.ids)
            found = {at for chunk_id in wanted if (at := packing.ordinal_of(ids, chunk_id)) is not None}
            mark_removed(pack, found)


def mark_removed(pack: TermPack, ordinals: Iterable[int]) -> None:
    """Set the bits of these. Inside a transaction that holds the row."""
    removed = bytes(pack.removed)
    fresh = {ordinal for ordinal in ordinals if not packing.is_removed(removed, ordinal)}
    if not fresh:
        return
    lengths = packing.numbers("H", bytes(pack.lengths))
    TermPack.objects.filter(id=pack.id).update(
        removed=packing.with_removed(removed, fresh, pack.chunks),
        removed_at=pack.removed_at or now(),
        removed_chunks=F("removed_chunks") + len(fresh),
        length=F("length") - sum(lengths[ordinal] for ordinal in fresh),
    )


def _terms_of(hasher: TermHasher, chunks: Iterable[tuple[UUID, str]]) -> Iterator[ChunkTerms]:
    for chunk_id, text in chunks:
        counted = hasher.count(terms(text))
        counts = {number_of(term): count for term, count in counted.counts.items()}
        yield ChunkTerms(chunk_id.bytes, counts, counted.length)

"""Makes packs of texts that are in none, and makes stale and small ones anew. Slow work first, then one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Count, QuerySet

from chatplatform.common.ids import new_id
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.privacy.content import ContentErased, encrypt_bytes
from chatplatform.privacy.data_keys import derived_secret
from chatplatform.privacy.subjects import Subject
from chatplatform.text_search import packing, services, sources
from chatplatform.text_search.folding import folded
from chatplatform.text_search.models import Kind, SearchBucket, SearchEntry, SearchPack
from chatplatform.text_search.packing import Place
from chatplatform.text_search.tokens import tokens_of

PACK_TEXTS: Final = 2048
# so many texts without a pack make one, and so many small packs make a large one
PACK_AT: Final = 256
MERGE_AT: Final = 8
HASH_PURPOSE: Final = "search tokens"


@dataclass(frozen=True, slots=True)
class Due:
    """A person whose index wants work."""

    workspace_id: UUID
    owner_id: UUID
    kind: Kind


def context_of_listing(pack_id: UUID) -> str:
    return f"search:{pack_id}"


def context_of_bucket(pack_id: UUID, number: int) -> str:
    return f"search:{pack_id}:{number}"


def due() -> set[Due]:
    """Whose texts are to be packed now."""
    names = ("workspace_id", "owner_id", "kind")
    with all_workspaces("the index of every workspace is made by one chore"):
        unpacked = SearchEntry.objects.filter(pack__isnull=True).values_list(*names)
        packs = SearchPack.objects.values_list(*names)
        found = (
            *unpacked.annotate(n=Count("id")).filter(n__gte=PACK_AT),
            *((*row, 1) for row in packs.filter(is_stale=True).distinct()),
            *packs.filter(texts__lte=PACK_TEXTS // 2).annotate(n=Count("id")).filter(n__gte=MERGE_AT),
        )
    return {Due(workspace_id, owner_id, Kind(kind)) for workspace_id, owner_id, kind, _n in found}


def make_due_packs(*, within_s: float) -> int:
    """Work for about so long; gives how many packs were made. What is left is due again."""
    made, began = 0, monotonic()
    for each in due():
        for _pack in packs_of(each):
            made += 1
            if monotonic() - began > within_s:
                return made
    return made


def packs_of(due: Due) -> Iterator[int]:
    """Make this person's packs, one at a time; gives the number of texts of each."""
    with workspace_scope(due.workspace_id):
        try:
            for pack in _packs(due).filter(is_stale=True):
                yield _make(due, _entries(due).filter(pack=pack), replaces=[pack.id])
            while len(small := _small(due)) >= MERGE_AT:
                yield _make(due, _entries(due).filter(pack_id__in=small), replaces=small)
            while _entries(due).filter(pack__isnull=True).count() >= PACK_AT:
                yield _make(due, _entries(due).filter(pack__isnull=True), replaces=[])
        except ContentErased:
            services.erase(Subject.person(due.owner_id))


def _packs(due: Due) -> QuerySet[SearchPack]:
    return SearchPack.objects.filter(owner_id=due.owner_id, kind=due.kind)


def _entries(due: Due) -> QuerySet[SearchEntry]:
    return SearchEntry.objects.filter(owner_id=due.owner_id, kind=due.kind)


def _small(due: Due) -> list[UUID]:
    """Small packs that follow one another in time, as many as make a large one."""
    chosen: list[UUID] = []
    texts = 0
    for pack_id, of_pack in (
        _packs(due).filter(texts__lte=PACK_TEXTS // 2).order_by("newest").values_list("id", "texts")
    ):
        if texts + of_pack > PACK_TEXTS:
            break
        chosen.append(pack_id)
        texts += of_pack
    return chosen


def _make(due: Due, entries: QuerySet[SearchEntry], *, replaces: Sequence[UUID]) -> int:
    """One pack of these entries, the oldest first, in the place of others."""
    seen = list(
        entries.order_by("at", "item_id").values_list(
            "id", "item_id", "group_id", "at", "revision", "pack_id"
        )[:PACK_TEXTS]
    )
    seen.reverse()
    subject = Subject.person(due.owner_id)
    pack_id = new_id()
    parts = packing.buckets(_tokens(due, [row[1] for row in seen]), _key(subject))
    places = [Place(item_id, group_id, at) for _id, item_id, group_id, at, _revision, _pack in seen]
    with transaction.atomic():
        rows = SearchEntry.objects.select_for_update().filter(id__in=[row[0] for row in seen])
        now_so = {row[0]: row for row in rows.values_list("id", "revision", "pack_id")}
        unchanged = [row[0] for row in seen if now_so.get(row[0]) == (row[0], row[4], row[5])]
        if unchanged:
            pack = SearchPack.objects.create(
                id=pack_id,
                workspace_id=due.workspace_id,
                owner_id=due.owner_id,
                kind=due.kind,
                newest=places[0].at,
                oldest=places[-1].at,
                texts=len(places),
                is_stale=len(unchanged) < len(seen),
                listing=encrypt_bytes(subject, packing.listing(places), context=context_of_listing(pack_id)),
            )
            SearchBucket.objects.bulk_create(
                SearchBucket(
                    workspace_id=due.workspace_id,
                    pack=pack,
                    number=number,
                    postings=encrypt_bytes(subject, postings, context=context_of_bucket(pack_id, number)),
                )
                for number, postings in parts.items()
            )
            SearchEntry.objects.filter(id__in=unchanged).update(pack=pack)
        SearchPack.objects.filter(id__in=replaces).delete()
    return len(unchanged)


def _tokens(due: Due, item_ids: Sequence[UUID]) -> Iterator[set[str]]:
    for part in sources.in_parts(item_ids):
        texts = sources.read(due.kind, due.owner_id, part)
        for item_id in part:
            yield tokens_of(folded(texts.get(item_id, "")))


def _key(subject: Subject) -> bytes:
    return derived_secret(subject, purpose=HASH_PURPOSE)

"""Collections as people see them, in a workspace scope. Each function asks for the reader's rights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Count, QuerySet, Sum

from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.queries import MembershipView
from chatplatform.knowledge import rights
from chatplatform.knowledge.collections import Grant
from chatplatform.knowledge.document_queries import State, states_of
from chatplatform.knowledge.models import (
    AssistantCollection,
    AssistantKnowledge,
    Collection,
    CollectionGrant,
    Document,
    Index,
    IndexEntry,
)

# about what it takes to start the process that reads a file
READING_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class CollectionView:
    """A collection for one reader. Who may not search it but manage it sees counts, never documents.

    `states` counts documents by state, `size` is in bytes, `assistants` are names of those that answer from it.
    """

    id: UUID
    name: str
    description: str
    access: str
    grants: tuple[Grant, ...]
    is_shipped: bool
    may_search: bool
    may_edit: bool
    may_manage: bool
    documents: int
    states: Mapping[State, int]
    size: int
    chunks: int
    assistants: tuple[str, ...]
    encoder: str
    created_at: datetime

    @property
    def is_busy(self) -> bool:
        return any(self.states.get(state) for state in ("waiting", "reading", "indexing"))


@dataclass(frozen=True, slots=True)
class AssistantUse:
    """How an assistant uses collections."""

    collection_ids: tuple[UUID, ...]
    use: str


def collection_list(person_id: UUID) -> list[CollectionView]:
    """All that the person may know of, by name."""
    place = rights.place_of(person_id)
    found = Collection.objects.filter(rights.visible_to(place), deleted_at=None).order_by("name")
    return _collections(found, place)


def collection_view(person_id: UUID, collection_id: UUID) -> CollectionView:
    """Raises NotFound where there is none that the person may know of."""
    place = rights.place_of(person_id)
    found = Collection.objects.filter(rights.visible_to(place), deleted_at=None, id=collection_id)
    views = _collections(found, place)
    if not views:
        raise rights.not_found()
    return views[0]


def assistant_use(assistant_id: UUID) -> AssistantUse:
    """From which collections an assistant answers, whoever asks it, and how."""
    chosen = AssistantCollection.objects.filter(assistant_id=assistant_id, collection__deleted_at=None)
    row = AssistantKnowledge.objects.filter(assistant_id=assistant_id).first()
    return AssistantUse(
        tuple(chosen.order_by("collection__name").values_list("collection_id", flat=True)),
        row.use if row else AssistantKnowledge.Use.HELP,
    )


def estimate(collection_id: UUID, size: int, files: int) -> float | None:
    """Seconds until so many bytes in so many files can be found, by what was measured here; None where nothing was.

    What waits in the collection already comes first.
    """
    speeds = Index.objects.filter(measured_s__gt=1).aggregate(
        tokens=Sum("measured_tokens"), s=Sum("measured_s")
    )
    done = IndexEntry.objects.filter(state=IndexEntry.State.DONE).aggregate(
        tokens=Sum("tokens"), size=Sum("document__size")
    )
    if not speeds["s"] or not speeds["tokens"] or not done["size"]:
        return None
    waiting = Document.objects.filter(collection_id=collection_id).exclude(state=Document.State.FAILED)
    waiting = waiting.exclude(entries__state__in=[IndexEntry.State.DONE, IndexEntry.State.FAILED])
    before = waiting.aggregate(size=Sum("size"), files=Count("id"))
    tokens = (size + (before["size"] or 0)) * (done["tokens"] or 0) / done["size"]
    reading = (files + before["files"]) * READING_S
    return float(tokens * speeds["s"] / speeds["tokens"] + reading)


def _collections(found: QuerySet[Collection], place: MembershipView) -> list[CollectionView]:
    rows = list(found.select_related("live_index"))
    ids = [row.id for row in rows]
    searchable = set(found.filter(rights.searchable_by(place)).values_list("id", flat=True))
    editable = set(found.filter(rights.editable_by(place)).values_list("id", flat=True))
    documents = Document.objects.filter(collection_id__in=ids)
    states = states_of(documents)
    sizes = dict(documents.values_list("collection_id").annotate(Sum("size")))
    chunks = dict(
        IndexEntry.objects.filter(index__live_for__in=ids)
        .values_list("index__live_for")
        .annotate(Sum("done"))
    )
    grants: dict[UUID, list[Grant]] = {}
    for grant in CollectionGrant.objects.filter(collection_id__in=ids).order_by("id"):
        told = Grant(grant.role, grant.group_id, grant.person_id, grant.level)
        grants.setdefault(grant.collection_id, []).append(told)
    assistants: dict[UUID, list[str]] = {}
    uses = AssistantCollection.objects.filter(collection_id__in=ids, assistant__archived_at=None)
    for collection_id, name in uses.order_by("assistant__name").values_list(
        "collection_id", "assistant__name"
    ):
        assistants.setdefault(collection_id, []).append(name)
    may_manage = place.may(Permission.KNOWLEDGE_MANAGE)
    return [
        CollectionView(
            id=row.id,
            name=row.name,
            description=row.description,
            access=row.access,
            grants=tuple(grants.get(row.id, ())) if may_manage else (),
            is_shipped=bool(row.shipped_id),
            may_search=row.id in searchable,
            may_edit=row.id in editable,
            may_manage=may_manage,
            documents=sum(states.get(row.id, {}).values()),
            states=states.get(row.id, {}),
            size=sizes.get(row.id) or 0,
            chunks=chunks.get(row.id) or 0,
            assistants=tuple(assistants.get(row.id, ())),
            encoder=row.live_index.encoder if row.live_index else "",
            created_at=row.created_at,
        )
        for row in rows
    ]

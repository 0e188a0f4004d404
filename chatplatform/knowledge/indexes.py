"""The indexes of a collection as people see them: the one that answers, one that is built beside it, the one before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Case, Count, F, FloatField, Max, Q, Sum, Value, When
from django.db.models.functions import Cast

from chatplatform.knowledge import rights
from chatplatform.knowledge.ingestion.planning import sizes_of
from chatplatform.knowledge.models import Collection, Document, Index, IndexEntry


@dataclass(frozen=True, slots=True)
class IndexView:
    """`state` is a word of Index.State. Of `documents` that were read, `done` are in it, `waiting` are on their way and
    `failed` could not be put into it. `progress` is from 0 to 1, by the length of their texts. `chunks` with
    their `tokens` are in it already; `changed_at` is when the last document came into it, None before the first."""

    id: UUID
    state: str
    encoder: str
    chunk_tokens: int
    documents: int
    done: int
    waiting: int
    failed: int
    chunks: int
    tokens: int
    progress: float
    created_at: datetime
    changed_at: datetime | None

    @property
    def is_ready(self) -> bool:
        """Whether it was built and somebody may have it answer."""
        return self.state == Index.State.BUILDING and not self.waiting

    @property
    def is_busy(self) -> bool:
        return self.state != Index.State.OLD and self.waiting > 0


@dataclass(frozen=True, slots=True)
class IndexesView:
    """`live` is None until the first document was read; `building` is beside it, `before` can be gone back to."""

    live: IndexView | None
    building: IndexView | None
    before: IndexView | None

    @property
    def all(self) -> tuple[IndexView, ...]:
        """The one that answers first."""
        return tuple(one for one in (self.live, self.building, self.before) if one is not None)


def indexes_of(person_id: UUID, collection_id: UUID) -> IndexesView:
    """Raises NotFound where the person may not know of the collection."""
    place = rights.place_of(person_id)
    if not Collection.objects.filter(rights.visible_to(place), deleted_at=None, id=collection_id).exists():
        raise rights.not_found()
    found: dict[str, IndexView] = {}
    for row in _rows(collection_id):
        # of several that were replaced, the newest is gone back to
        found[row.state] = _view(row)
    return IndexesView(
        found.get(Index.State.LIVE), found.get(Index.State.BUILDING), found.get(Index.State.OLD)
    )


_READ = Q(entries__document__state=Document.State.READ)
_CHARACTERS = Cast(F("entries__document__characters"), FloatField())


def _rows(collection_id: UUID) -> list[Index]:
    rows = Index.objects.filter(collection_id=collection_id).order_by("created_at")
    return list(
        rows.annotate(
            documents=Count("entries", filter=_READ),
            entered=Count("entries", filter=_READ & Q(entries__state=IndexEntry.State.DONE)),
            waiting=Count("entries", filter=_READ & Q(entries__state=IndexEntry.State.WAITING)),
            failed=Count("entries", filter=_READ & Q(entries__state=IndexEntry.State.FAILED)),
            chunks_done=Sum("entries__done"),
            tokens_done=Sum("entries__tokens"),
            characters=Sum(_CHARACTERS, filter=_READ),
            characters_done=Sum(
                Case(
                    When(~Q(entries__state=IndexEntry.State.WAITING), then=_CHARACTERS),
                    When(
                        entries__chunks__gt=0,
                        then=_CHARACTERS * F("entries__done") / F("entries__chunks"),
                    ),
                    default=Value(0.0),
                    output_field=FloatField(),
                ),
                filter=_READ,
            ),
            changed_at=Max("entries__indexed_at"),
        )
    )


def _view(row: Index) -> IndexView:
    told = row.__dict__  # what the query added, which the model's type does not have
    characters, done = told["characters"] or 0.0, told["characters_done"] or 0.0
    return IndexView(
        id=row.id,
        state=row.state,
        encoder=row.encoder,
        chunk_tokens=sizes_of(row).most,
        documents=told["documents"],
        done=told["entered"],
        waiting=told["waiting"],
        failed=told["failed"],
        chunks=told["chunks_done"] or 0,
        tokens=told["tokens_done"] or 0,
        progress=1.0 if not told["waiting"] else min(done / characters, 1.0) if characters else 0.0,
        created_at=row.created_at,
        changed_at=told["changed_at"],
    )

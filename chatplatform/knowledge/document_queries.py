"""Documents as people see them, in a workspace scope. Each function asks for the reader's rights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from django.db.models import Case, Count, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chatplatform.common.errors import NotFound
from chatplatform.documents.blocks import Document as ReadDocument
from chatplatform.knowledge import content, rights
from chatplatform.knowledge.chunk_text import chunk_text
from chatplatform.knowledge.content import Field
from chatplatform.knowledge.models import (
    Chunk,
    Collection,
    Document,
    IndexEntry,
)
from chatplatform.knowledge.problems import problem_words
from chatplatform.privacy.errors import ContentUnreadable

State = Literal["waiting", "reading", "indexing", "ready", "failed"]
STATES: Final[tuple[State, ...]] = ("waiting", "reading", "indexing", "ready", "failed")

STAGES: Final[Mapping[State, str | Promise]] = {
    "waiting": _("Waiting"),
    "reading": _("Being read"),
    "indexing": _("Being indexed"),
    "ready": _("Ready"),
    "failed": _("Failed"),
}


@dataclass(frozen=True, slots=True)
class DocumentView:
    """A document. `state` is the one that people see; `stage` says it in words, `progress` from 0 to 1 how far it is,
    `message` what is wrong and what to do. `title` is what people call it, `name` the file's."""

    id: UUID
    collection_id: UUID
    source: str
    name: str = field(repr=False)
    title: str = field(repr=False)
    origin: str = field(repr=False)
    kind: str
    language: str
    size: int
    revision: int
    state: State
    stage: str
    progress: float
    problem: str
    message: str
    characters: int
    pages: int
    is_cut: bool
    chunks: int
    tokens: int
    created_at: datetime
    changed_at: datetime
    indexed_at: datetime | None


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """`documents` newest first; `counts` of all documents by state, whatever is filtered; `next` is for `after`."""

    documents: tuple[DocumentView, ...]
    counts: Mapping[State, int]
    next: tuple[datetime, UUID] | None


@dataclass(frozen=True, slots=True)
class ChunkView:
    """A chunk as it is found. `start` and `end` are characters of the document's text."""

    id: UUID
    number: int
    context: str = field(repr=False)
    text: str = field(repr=False)
    start: int
    end: int
    page: int
    tokens: int


def document_page(
    person_id: UUID,
    collection_id: UUID,
    *,
    state: State | Literal[""] = "",
    find: str = "",
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> DocumentPage:
    """Documents of a collection that the person may search. `find` is a part of a name or title, in any case.

    Raises NotFound.
    """
    collection = rights.require_searchable(person_id, collection_id)
    rows = _documents(collection).order_by("-created_at", "-id")
    counts = states_of(Document.objects.filter(collection=collection))
    if state:
        rows = rows.filter(Q(shown_state=state))
    if after is not None:
        moment, last_id = after
        rows = rows.filter(created_at__lte=moment).exclude(created_at=moment, id__gte=last_id)
    found = [_view(row) for row in (rows[: limit + 1] if not find else _matching(rows, find, limit + 1))]
    shown = found[:limit]
    following = (shown[-1].created_at, shown[-1].id) if len(found) > limit else None
    return DocumentPage(tuple(shown), counts.get(collection.id, {}), following)


def document_view(person_id: UUID, document_id: UUID) -> DocumentView:
    """Raises NotFound."""
    collection, _document = readable_document(person_id, document_id)
    return _view(_documents(collection).get(id=document_id))


def readable_document(person_id: UUID, document_id: UUID) -> tuple[Collection, Document]:
    """The document's rows, if this person may read it: for downloads. Raises NotFound."""
    document = Document.objects.filter(id=document_id).first()
    if document is None or not rights.may_search(person_id, document.collection_id):
        raise NotFound("document_not_found", _("This document does not exist, or you may not see it."))
    return Collection.objects.get(id=document.collection_id), document


def text_of(person_id: UUID, document_id: UUID) -> ReadDocument:
    """What was read of a document. Raises NotFound, also while there is no text."""
    _collection, document = readable_document(person_id, document_id)
    try:
        return content.text_of(document)
    except ContentUnreadable:
        raise NotFound("document_has_no_text", _("There is no text of this document, or not yet.")) from None


def chunks_of(person_id: UUID, document_id: UUID, *, after: int = -1, limit: int = 50) -> list[ChunkView]:
    """The document's chunks as they are found, in order, past number `after`. Raises NotFound."""
    collection, document = readable_document(person_id, document_id)
    rows = Chunk.objects.filter(index__live_for=collection, document=document, number__gt=after)
    found = []
    for row in rows.order_by("number")[:limit]:
        said = chunk_text(row)
        found.append(
            ChunkView(row.id, row.number, said.context, said.text, row.start, row.end, row.page, row.tokens)
        )
    return found


def origins_of(collection_id: UUID) -> dict[str, UUID]:
    """The documents that say where they came from, by that; for those who keep folders and sites in step with them."""
    rows = Document.objects.filter(collection_id=collection_id).exclude(origin=b"").order_by("created_at")
    return {content.field_of(row, Field.ORIGIN): row.id for row in rows}


def _with_state(rows: QuerySet[Document]) -> QuerySet[Document]:
    """Each with how far it is in the index that answers."""
    entry = IndexEntry.objects.filter(
        index_id=OuterRef("collection__live_index_id"), document_id=OuterRef("pk")
    )
    return rows.annotate(
        entry_state=Subquery(entry.values("state")[:1]),
        shown_state=_SHOWN,
    )


_SHOWN = Case(
    When(state=Document.State.WAITING, then=Value("waiting")),
    When(state=Document.State.READING, then=Value("reading")),
    When(state=Document.State.FAILED, then=Value("failed")),
    When(entry_state=IndexEntry.State.DONE, then=Value("ready")),
    When(entry_state=IndexEntry.State.FAILED, then=Value("failed")),
    default=Value("indexing"),
)


def _documents(collection: Collection) -> QuerySet[Document]:
    rows = Document.objects.filter(collection=collection)
    entry = IndexEntry.objects.filter(index__live_for=collection, document_id=OuterRef("pk"))
    told = ("problem", "chunks", "done", "tokens", "indexed_at")
    return _with_state(rows).annotate(**{f"entry_{name}": Subquery(entry.values(name)[:1]) for name in told})


def states_of(rows: QuerySet[Document]) -> dict[UUID, dict[State, int]]:
    """How many documents of each collection are in each state."""
    counted: dict[UUID, dict[State, int]] = {}
    grouped = (
        _with_state(rows).order_by().values_list("collection_id", F("shown_state")).annotate(Count("id"))
    )
    for collection_id, state, count in grouped:
        counted.setdefault(collection_id, {})[state] = count
    return counted


def _matching(rows: QuerySet[Document], find: str, most: int) -> Iterator[Document]:
    """Names are sealed: they are looked through one after the other."""
    wanted = find.casefold()
    found = 0
    for row in rows.iterator(chunk_size=500):
        if any(wanted in content.field_of(row, name).casefold() for name in (Field.NAME, Field.TITLE)):
            yield row
            found += 1
            if found == most:
                return


def _view(row: Document) -> DocumentView:
    told = row.__dict__  # what the query added, which the model's type does not have
    state: State = told["shown_state"]
    problem = row.problem or told["entry_problem"] or ""
    total, done = told["entry_chunks"] or 0, told["entry_done"] or 0
    progress = {"ready": 1.0, "indexing": 0.2 + 0.8 * done / total if total else 0.2, "reading": 0.1}
    name = content.field_of(row, Field.NAME)
    return DocumentView(
        id=row.id,
        collection_id=row.collection_id,
        source=row.source,
        name=name,
        title=content.field_of(row, Field.TITLE) or name,
        origin=content.field_of(row, Field.ORIGIN),
        kind=row.kind,
        language=row.language,
        size=row.size,
        revision=row.revision,
        state=state,
        stage=str(STAGES[state]),
        progress=progress.get(state, 0.0),
        problem=problem,
        message=problem_words(problem),
        characters=row.characters,
        pages=row.pages,
        is_cut=row.is_cut,
        chunks=total if state == "ready" else done,
        tokens=told["entry_tokens"] or 0,
        created_at=row.created_at,
        changed_at=row.changed_at,
        indexed_at=told["entry_indexed_at"],
    )

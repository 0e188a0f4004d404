"""Sites and pages as people see them, in a workspace scope. Each function asks for the reader's rights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Count

from chatplatform.common.errors import NotFound
from chatplatform.knowledge import rights
from chatplatform.knowledge.web_pages import content
from chatplatform.knowledge.web_pages.models import WebPage, WebSite
from chatplatform.knowledge.web_pages.problems import page_words
from chatplatform.knowledge.web_pages.services import site_not_found

PAGES_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class SiteView:
    """A site. `counts` are pages by state, `message` says what is wrong and what to do, `progress` is from 0 to 1."""

    id: UUID
    collection_id: UUID
    address: str = field(repr=False)
    prefix: str = field(repr=False)
    most_pages: int
    depth: int
    every: str
    removes_gone: bool
    state: str
    label: str
    problem: str
    message: str
    pages: int
    counts: Mapping[str, int]
    progress: float
    created_at: datetime
    finished_at: datetime | None
    next_at: datetime | None

    @property
    def is_busy(self) -> bool:
        return self.state in {WebSite.State.WAITING, WebSite.State.RUNNING}

    @property
    def failed(self) -> int:
        return self.counts.get(WebPage.State.FAILED, 0)


@dataclass(frozen=True, slots=True)
class PageView:
    """A page; `document_id` is what it became, None where it became nothing."""

    id: UUID
    address: str = field(repr=False)
    depth: int
    state: str
    label: str
    problem: str
    message: str
    document_id: UUID | None
    fetched_at: datetime | None


@dataclass(frozen=True, slots=True)
class PageList:
    """`next` is what to ask for as `after`, None at the end."""

    pages: tuple[PageView, ...]
    next: UUID | None


def site_list(person_id: UUID, collection_id: UUID) -> list[SiteView]:
    """Newest first. Raises NotFound where there is no collection that the person may search."""
    collection = rights.require_searchable(person_id, collection_id)
    rows = list(WebSite.objects.filter(collection=collection).order_by("-created_at", "-id"))
    return [_site(row, counts) for row, counts in zip(rows, _counts(rows), strict=True)]


def site_view(person_id: UUID, site_id: UUID) -> SiteView:
    """Raises NotFound."""
    row = _readable(person_id, site_id)
    return _site(row, _counts([row])[0])


def page_list(
    person_id: UUID, site_id: UUID, *, state: str = "", after: UUID | None = None, limit: int = PAGES_AT_ONCE
) -> PageList:
    """Pages of a site, in the order in which they were found. Raises NotFound."""
    rows = WebPage.objects.filter(site=_readable(person_id, site_id)).order_by("id")
    if state:
        rows = rows.filter(state=state)
    if after is not None:
        rows = rows.filter(id__gt=after)
    found = list(rows[: limit + 1])
    shown = tuple(_page(row) for row in found[:limit])
    return PageList(shown, shown[-1].id if len(found) > limit else None)


def _readable(person_id: UUID, site_id: UUID) -> WebSite:
    row = WebSite.objects.filter(id=site_id).first()
    if row is None:
        raise site_not_found()
    try:
        rights.require_searchable(person_id, row.collection_id)
    except NotFound:
        raise site_not_found() from None
    return row


def _counts(rows: list[WebSite]) -> list[dict[str, int]]:
    counted: dict[UUID, dict[str, int]] = {row.id: {} for row in rows}
    grouped = WebPage.objects.filter(site_id__in=list(counted)).values_list("site_id", "state")
    for site_id, state, count in grouped.order_by().annotate(Count("id")):
        counted[site_id][state] = count
    return [counted[row.id] for row in rows]


def _site(row: WebSite, counts: Mapping[str, int]) -> SiteView:
    pages = sum(counts.values())
    waiting = counts.get(WebPage.State.WAITING, 0)
    return SiteView(
        id=row.id,
        collection_id=row.collection_id,
        address=content.address_of(row),
        prefix=content.prefix_of(row),
        most_pages=row.most_pages,
        depth=row.depth,
        every=row.every,
        removes_gone=row.removes_gone,
        state=row.state,
        label=str(WebSite.State(row.state).label),
        problem=row.problem,
        message=page_words(row.problem),
        pages=pages,
        counts=counts,
        progress=(pages - waiting) / pages if pages else 0.0,
        created_at=row.created_at,
        finished_at=row.finished_at,
        next_at=row.next_at,
    )


def _page(row: WebPage) -> PageView:
    return PageView(
        id=row.id,
        address=content.address_of(row),
        depth=row.depth,
        state=row.state,
        label=str(WebPage.State(row.state).label),
        problem=row.problem,
        message=page_words(row.problem),
        document_id=row.document_id,
        fetched_at=row.fetched_at,
    )

"""Web pages and sites as sources of a collection."""

from __future__ import annotations

from typing import Any, Literal, cast
from uuid import UUID

from ninja import Field, Query, Router, Schema, Status

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.cursors import at_id, cursor
from chatplatform.api.documentation import CHANGES, FINDS, answers, example
from chatplatform.api.editing import EditorAccess, require_editor, require_editor_of_site
from chatplatform.api.resources.files import ProblemOut
from chatplatform.api.resources.knowledge import COLLECTION
from chatplatform.api.schemas import Body, Moment, NextCursor, Page, Text
from chatplatform.knowledge import queries as collections
from chatplatform.knowledge.web_pages import queries, services
from chatplatform.knowledge.web_pages.addresses import MOST_CHARS
from chatplatform.knowledge.web_pages.queries import PageView, SiteView

router = Router(tags=["Knowledge"])
READ = Access(Permission.KNOWLEDGE_READ)
EDIT = EditorAccess()

SITE = "knowledge/sites/{uuid:site_id}"
SiteState = Literal["waiting", "running", "done", "failed", "stopped"]
PageState = Literal["waiting", "taken", "unchanged", "same", "left_out", "failed", "gone"]
Every = Literal["never", "day", "week"]
EVERY = "`never`: only when asked."


class SiteOut(Schema):
    """A page, or a site whose links are followed. `counts` are its pages by state; `problem` is why it failed."""

    id: UUID
    collection_id: UUID
    address: str
    prefix: str = Field(..., description="The path that pages lie below; empty for the whole host.")
    most_pages: int
    depth: int
    every: Every
    removes_gone: bool
    state: SiteState
    problem: ProblemOut | None
    pages: int
    counts: dict[str, int]
    progress: float
    created_at: Moment
    finished_at: Moment | None
    next_at: Moment | None


class SiteList(Schema):
    items: list[SiteOut]


class WebPageOut(Schema):
    """A page. `document_id` is the document that it became, null where it became none; `problem` says why."""

    id: UUID
    address: str
    depth: int = Field(..., description="How many links it is away from the start.")
    state: PageState
    problem: ProblemOut | None
    document_id: UUID | None
    fetched_at: Moment | None


class WebPageList(Schema):
    items: list[WebPageOut]
    next: NextCursor


class SiteIn(Body):
    """As it stands, one page alone. Of a site give how many pages are fetched and how many links away they may be."""

    address: Text = Field(..., min_length=1, max_length=MOST_CHARS)
    prefix: Text = Field(
        "", max_length=MOST_CHARS, description="Only pages below this path, such as `/docs`."
    )
    most_pages: int = Field(1, ge=1, le=services.MOST_PAGES)
    depth: int = Field(0, ge=0, le=services.MOST_DEPTH)
    every: Every = Field("never", description=EVERY)
    removes_gone: bool = Field(True, description="Delete documents whose pages are gone.")


class SiteChange(Body):
    every: Every = Field(..., description=EVERY)
    removes_gone: bool = True


class SiteFetch(Body):
    only_failed: bool = False


class SitePages(Page):
    state: PageState | None = None


class SiteRemoval(Schema):
    documents: bool = Field(False, description="Delete the documents that came from it, too.")


@router.get(
    f"{COLLECTION}/sites", response=answers(SiteList, errors=FINDS), auth=READ, summary="List web sites"
)
def list_sites(request: ApiRequest, collection_id: UUID) -> dict[str, Any]:
    """Pages and sites that documents of the collection come from, newest first."""
    return {"items": [_site(view) for view in queries.site_list(request.caller.id, collection_id)]}


@router.post(
    f"{COLLECTION}/sites",
    response=answers(SiteOut, status=201, errors=CHANGES),
    auth=EDIT,
    summary="Add a web page or site",
    openapi_extra=example({"address": "https://docs.example.org/", "most_pages": 200, "depth": 5}),
)
def add_site(request: ApiRequest, collection_id: UUID, body: SiteIn) -> Status[SiteOut]:
    """Fetched in the background, and each page made a document. The host has to be permitted by the operator, in
    `CHATPLATFORM_WEB_PAGE_HOSTS`; else the answer is 409."""
    require_editor(request, collection_id)
    collections.collection_view(request.caller.id, collection_id)
    made = services.add_site(
        collection_id,
        body.address,
        prefix=body.prefix,
        most_pages=body.most_pages,
        depth=body.depth,
        every=body.every,
        removes_gone=body.removes_gone,
        actor=request.caller.actor,
    )
    return Status(201, _site(queries.site_view(request.caller.id, made)))


@router.get(SITE, response=answers(SiteOut, errors=FINDS), auth=READ, summary="Get a web site")
def get_site(request: ApiRequest, site_id: UUID) -> SiteOut:
    """How far it is."""
    return _site(queries.site_view(request.caller.id, site_id))


@router.patch(
    SITE,
    response=answers(SiteOut, errors=CHANGES),
    auth=EDIT,
    summary="Change how often a web site is fetched",
    openapi_extra=example({"every": "week"}),
)
def change_site(request: ApiRequest, site_id: UUID, body: SiteChange) -> SiteOut:
    require_editor_of_site(request, site_id)
    services.change_site(
        site_id, every=body.every, removes_gone=body.removes_gone, actor=request.caller.actor
    )
    return _site(queries.site_view(request.caller.id, site_id))


@router.delete(
    SITE, response=answers(None, status=204, errors=CHANGES), auth=EDIT, summary="Remove a web site"
)
def remove_site(request: ApiRequest, site_id: UUID, wish: Query[SiteRemoval]) -> Status[None]:
    """Its documents stay, unless they are to go."""
    require_editor_of_site(request, site_id)
    queries.site_view(request.caller.id, site_id)
    services.remove_site(site_id, with_documents=wish.documents, actor=request.caller.actor)
    return Status(204, None)


@router.post(
    f"{SITE}/fetch", response=answers(SiteOut, errors=CHANGES), auth=EDIT, summary="Fetch a web site again"
)
def fetch_site(request: ApiRequest, site_id: UUID, body: SiteFetch) -> SiteOut:
    """All of its pages, or those alone that failed. What did not change is not embedded again."""
    require_editor_of_site(request, site_id)
    services.fetch_again(site_id, only_failed=body.only_failed, actor=request.caller.actor)
    return _site(queries.site_view(request.caller.id, site_id))


@router.post(
    f"{SITE}/stop", response=answers(SiteOut, errors=CHANGES), auth=EDIT, summary="Stop fetching a web site"
)
def stop_site(request: ApiRequest, site_id: UUID) -> SiteOut:
    """What was taken stays."""
    require_editor_of_site(request, site_id)
    services.stop_site(site_id, actor=request.caller.actor)
    return _site(queries.site_view(request.caller.id, site_id))


@router.get(
    f"{SITE}/pages", response=answers(WebPageList, errors=FINDS), auth=READ, summary="List a web site's pages"
)
def list_pages(request: ApiRequest, site_id: UUID, page: Query[SitePages]) -> dict[str, Any]:
    """In the order in which they were found."""
    found = queries.page_list(
        request.caller.id, site_id, state=page.state or "", after=at_id(page.after), limit=page.limit
    )
    return {
        "items": [_page(view) for view in found.pages],
        "next": cursor(found.next) if found.next else None,
    }


def _site(view: SiteView) -> SiteOut:
    return SiteOut(
        id=view.id,
        collection_id=view.collection_id,
        address=view.address,
        prefix=view.prefix,
        most_pages=view.most_pages,
        depth=view.depth,
        every=cast(Every, view.every),
        removes_gone=view.removes_gone,
        state=cast(SiteState, view.state),
        problem=_problem(view),
        pages=view.pages,
        counts={str(state): count for state, count in view.counts.items()},
        progress=view.progress,
        created_at=view.created_at,
        finished_at=view.finished_at,
        next_at=view.next_at,
    )


def _page(view: PageView) -> WebPageOut:
    return WebPageOut(
        id=view.id,
        address=view.address,
        depth=view.depth,
        state=cast(PageState, view.state),
        problem=_problem(view),
        document_id=view.document_id,
        fetched_at=view.fetched_at,
    )


def _problem(view: SiteView | PageView) -> ProblemOut | None:
    return ProblemOut(code=view.problem, message=view.message) if view.problem else None

"""Adding, fetching again, stopping and removing sites. Each act is one transaction, in a workspace scope."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from chatplatform.audit.catalogue import AuditEventType
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput, NotFound, TooMany
from chatplatform.common.ids import new_id
from chatplatform.knowledge import document_acts
from chatplatform.knowledge.models import Collection
from chatplatform.knowledge.rights import require_edit
from chatplatform.knowledge.web_pages import audit_events as events
from chatplatform.knowledge.web_pages import content, work
from chatplatform.knowledge.web_pages.addresses import canonical, checked_prefix, host_of, is_permitted
from chatplatform.knowledge.web_pages.models import WebPage, WebSite
from chatplatform.knowledge.web_pages.problems import Problem, page_words

MOST_PAGES: Final = 1_000
MOST_DEPTH: Final = 20
MOST_SITES: Final = 100
AT_ONCE: Final = 500
PERIODS: Final = {
    WebSite.Every.DAY.value: timedelta(days=1),
    WebSite.Every.WEEK.value: timedelta(days=7),
}


def add_site(
    collection_id: UUID,
    address: str,
    *,
    prefix: str = "",
    most_pages: int = 1,
    depth: int = 0,
    every: str = WebSite.Every.NEVER,
    removes_gone: bool = True,
    actor: Actor,
) -> UUID:
    """Make a page, or what its links lead to, a source of the collection, and have it fetched; gives the site's id.

    `prefix` is a path that pages have to lie below, `depth` how many links away they may be. Raises NotFound,
    NotAllowed, InvalidInput, TooMany, and Conflict where the host is not permitted or the address is there already.
    """
    require_edit(actor, collection_id)
    start = canonical(address)
    if not start:
        raise InvalidInput(
            "web_address_invalid",
            _("This is no address of a web page. Give it whole, with https:// before it."),
        )
    if not 1 <= most_pages <= MOST_PAGES or not 0 <= depth <= MOST_DEPTH:
        raise InvalidInput(
            "web_limits_invalid",
            _("Fetch 1 to %(pages)d pages, 0 to %(depth)d links away.")
            % {"pages": MOST_PAGES, "depth": MOST_DEPTH},
        )
    _require_every(every)
    path = checked_prefix(prefix)
    if not is_permitted(host_of(start)):
        raise Conflict("web_host_not_permitted", page_words(Problem.HOST_NOT_PERMITTED))
    with transaction.atomic():
        collection = Collection.objects.select_for_update().get(id=collection_id)
        address_key = content.key_of_site(collection, start, path)
        sites = WebSite.objects.filter(collection=collection)
        if sites.filter(address_key=address_key).exists():
            raise Conflict("web_site_exists", _("This address is there already. Fetch it again."))
        if sites.count() >= MOST_SITES:
            raise TooMany(
                "web_sites_full", _("A collection has %(n)d addresses at most.") % {"n": MOST_SITES}
            )
        site_id, workspace_id = new_id(), collection.workspace_id
        site = WebSite.objects.create(
            id=site_id,
            workspace_id=workspace_id,
            collection=collection,
            address=content.sealed(workspace_id, site_id, "address", start),
            prefix=content.sealed(workspace_id, site_id, "prefix", path),
            address_key=address_key,
            host_key=content.key_of_host(workspace_id, host_of(start)),
            most_pages=most_pages,
            depth=depth,
            every=every,
            removes_gone=removes_gone,
            next_at=_next(every),
            created_by=actor.id,
        )
        note_page(site, start, depth=0)
        _record(
            events.SITE_ADDED,
            site,
            actor,
            collection_id=str(collection.id),
            most_pages=most_pages,
            depth=depth,
            every=every,
        )
        work.begin(site, actor)
    return site.id


def note_page(site: WebSite, address: str, *, depth: int) -> WebPage:
    """A page that is to be fetched in this run; the one that there is, if there is one."""
    page_id = new_id()
    page, _is_new = WebPage.objects.get_or_create(
        site=site,
        address_key=content.key_of_page(site, address),
        defaults={
            "id": page_id,
            "workspace_id": site.workspace_id,
            "address": content.sealed(site.workspace_id, page_id, "address", address),
            "depth": depth,
            "run": site.run,
        },
    )
    return page


def change_site(site_id: UUID, *, every: str, removes_gone: bool, actor: Actor) -> None:
    """How often it is fetched, and whether documents go whose pages are gone.

    Raises NotFound, NotAllowed, InvalidInput.
    """
    _require_every(every)
    with transaction.atomic():
        site = editable(site_id, actor, lock=True)
        if every != site.every:
            site.every, site.next_at = every, _next(every)
        site.removes_gone = removes_gone
        site.save(update_fields=["every", "next_at", "removes_gone"])
        _record(events.SITE_CHANGED, site, actor, every=every, removes_gone=removes_gone)


def fetch_again(site_id: UUID, *, only_failed: bool = False, actor: Actor) -> None:
    """Fetch every page once more, or those alone that failed. Raises NotFound, NotAllowed, and Conflict while it is
    being fetched or where nothing failed."""
    with transaction.atomic():
        site = editable(site_id, actor, lock=True)
        if site.state in {WebSite.State.WAITING, WebSite.State.RUNNING}:
            raise Conflict("web_site_busy", _("It is being fetched already."))
        if only_failed and not WebPage.objects.filter(site=site, state=WebPage.State.FAILED).exists():
            raise Conflict("web_nothing_failed", _("No page failed. Fetch all of them again."))
        _record(events.SITE_ASKED, site, actor, only_failed=only_failed)
        work.begin(site, actor, only_failed=only_failed)


def fetch_due(site_id: UUID, *, actor: Actor) -> bool:
    """Begin a run that its schedule asks for; False where it is being fetched, or somebody else was quicker."""
    with transaction.atomic():
        site = WebSite.objects.select_for_update().filter(id=site_id, next_at__lte=now()).first()
        if site is None:
            return False
        site.next_at = _next(site.every)
        site.save(update_fields=["next_at"])
        if site.state in {WebSite.State.WAITING, WebSite.State.RUNNING}:
            return False
        _record(events.SITE_ASKED, site, actor, only_failed=False)
        work.begin(site, actor)
    return True


def stop_site(site_id: UUID, *, actor: Actor) -> None:
    """Fetch no further page of it; what was taken stays. Raises NotFound, NotAllowed, and Conflict where it is over."""
    with transaction.atomic():
        site = editable(site_id, actor, lock=True)
        if site.state not in {WebSite.State.WAITING, WebSite.State.RUNNING}:
            raise Conflict("web_site_over", _("It is not being fetched just now."))
        site.state, site.problem, site.finished_at = WebSite.State.STOPPED, Problem.STOPPED, now()
        site.save(update_fields=["state", "problem", "finished_at"])
        waiting = WebPage.objects.filter(site=site, state=WebPage.State.WAITING)
        waiting.update(state=WebPage.State.FAILED, problem=Problem.STOPPED)
        _record(events.SITE_STOPPED, site, actor)


def remove_site(site_id: UUID, *, with_documents: bool, actor: Actor) -> int:
    """Take the address away, and with it the documents that came from it, if so wished; gives how many went.

    Raises NotFound, NotAllowed.
    """
    site = editable(site_id, actor)
    went = 0
    if with_documents:
        ids = list(
            WebPage.objects.filter(site=site, document__isnull=False).values_list("document", flat=True)
        )
        for at in range(0, len(ids), AT_ONCE):
            went += document_acts.delete_documents(ids[at : at + AT_ONCE], actor=actor)
    with transaction.atomic():
        site = editable(site_id, actor, lock=True)
        _record(events.SITE_REMOVED, site, actor, collection_id=str(site.collection_id), documents=went)
        site.delete()
    return went


def editable(site_id: UUID, actor: Actor, *, lock: bool = False) -> WebSite:
    """Raises NotFound, NotAllowed."""
    rows = WebSite.objects.select_for_update() if lock else WebSite.objects.all()
    site = rows.filter(id=site_id).first()
    if site is None:
        raise site_not_found()
    try:
        require_edit(actor, site.collection_id)
    except NotFound:
        raise site_not_found() from None
    return site


def site_not_found() -> NotFound:
    return NotFound("web_site_not_found", _("This address is not there any more, or you may not see it."))


def _next(every: str) -> datetime | None:
    period = PERIODS.get(every)
    return now() + period if period else None


def _require_every(every: str) -> None:
    if every not in WebSite.Every.values:
        raise InvalidInput("web_schedule_unknown", _("Choose how often it is fetched."))


def _record(event: AuditEventType, site: WebSite, actor: Actor, **details: str | int | bool) -> None:
    record(
        event,
        actor=actor,
        workspace_id=site.workspace_id,
        target=Target("web_site", str(site.id)),
        details=details,
    )

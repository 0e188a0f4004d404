"""The part of `manage.py knowledge` that has to do with web pages."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from chatplatform.common.actors import Actor
from chatplatform.knowledge.web_pages import queries, services
from chatplatform.knowledge.web_pages.addresses import canonical
from chatplatform.knowledge.web_pages.models import WebPage, WebSite
from chatplatform.knowledge.web_pages.queries import SiteView


def add_arguments(fetch: ArgumentParser, forget: ArgumentParser) -> None:
    fetch.add_argument("address", nargs="?", default="", help="of a page; without, all that there are")
    fetch.add_argument("--pages", type=int, default=1, metavar="N", help="of a site: so many at most")
    fetch.add_argument("--depth", type=int, default=5, metavar="N", help="links away at most (default 5)")
    fetch.add_argument("--prefix", default="", metavar="PATH", help="only pages below this path")
    fetch.add_argument("--every", choices=WebSite.Every.values, default=WebSite.Every.NEVER.value)
    fetch.add_argument("--keep-gone", action="store_true", help="keep documents whose pages are gone")
    act = fetch.add_mutually_exclusive_group()
    act.add_argument("--only-failed", action="store_true", help="fetch again what failed and nothing else")
    act.add_argument("--stop", action="store_true", help="fetch no further")
    forget.add_argument("address", help="as `sites` shows it")
    forget.add_argument("--documents", action="store_true", help="delete its documents too")


def fetch(person_id: UUID, collection_id: UUID, options: Mapping[str, Any], actor: Actor) -> Iterator[str]:
    """Add the address, or fetch again (or stop) what is known; says what was done with each."""
    address = options["address"]
    known = queries.site_list(person_id, collection_id)
    chosen = [view for view in known if not address or view.address == canonical(address)]
    if not chosen and address:
        services.add_site(
            collection_id,
            address,
            prefix=options["prefix"],
            most_pages=options["pages"],
            depth=options["depth"] if options["pages"] > 1 else 0,
            every=options["every"],
            removes_gone=not options["keep_gone"],
            actor=actor,
        )
        yield "added; its pages are being fetched"
    for view in chosen:
        if options["stop"]:
            if view.is_busy:
                services.stop_site(view.id, actor=actor)
                yield f"{view.address}: stopped"
        elif not view.is_busy and (view.failed or not options["only_failed"]):
            services.fetch_again(view.id, only_failed=options["only_failed"], actor=actor)
            yield f"{view.address}: fetched again"


def told(person_id: UUID, collection_id: UUID) -> Iterator[str]:
    """Each site with its state, and below it the pages that became no document, with why."""
    for view in queries.site_list(person_id, collection_id):
        counts = ", ".join(f"{count} {state}" for state, count in view.counts.items())
        yield f"{view.address}: {view.state} ({counts}){f' {view.message}' if view.message else ''}"
        for state in (WebPage.State.FAILED, WebPage.State.LEFT_OUT, WebPage.State.GONE):
            for page in _pages(person_id, view, state):
                yield f"    {page.address}: {page.message}"


def forget(person_id: UUID, collection_id: UUID, address: str, *, with_documents: bool, actor: Actor) -> int:
    """Gives how many documents went."""
    for view in queries.site_list(person_id, collection_id):
        if view.address == canonical(address):
            return services.remove_site(view.id, with_documents=with_documents, actor=actor)
    raise CommandError("The collection has no such address. See: manage.py knowledge sites")


def _pages(person_id: UUID, view: SiteView, state: str) -> Iterator[queries.PageView]:
    after: UUID | None = None
    while True:
        found = queries.page_list(person_id, view.id, state=state, after=after)
        yield from found.pages
        after = found.next
        if after is None:
            return

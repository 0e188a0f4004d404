"""Asks for the fetching of a site, inside the caller's transaction."""

from __future__ import annotations

from typing import Final

from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.jobs.services import enqueue
from chatplatform.knowledge.web_pages.models import WebPage, WebSite

FETCH_JOB: Final = "knowledge.fetch_pages"


def begin(site: WebSite, actor: Actor, *, only_failed: bool = False) -> None:
    """Have the pages of a site fetched, those known from before and those that they lead to; the row is locked by the
    caller. With `only_failed` those alone that failed."""
    pages = WebPage.objects.filter(site=site)
    # told once, then forgotten: its place is another page's
    pages.filter(state=WebPage.State.GONE, document=None, depth__gt=0).delete()
    if only_failed:
        pages.filter(state=WebPage.State.FAILED).update(
            state=WebPage.State.WAITING, problem="", run=site.run + 1
        )
    else:
        pages.update(state=WebPage.State.WAITING, problem="", run=site.run + 1)
    site.run += 1
    site.state, site.problem = WebSite.State.WAITING, ""
    site.asked_at, site.begun_at, site.finished_at = now(), None, None
    site.save(update_fields=["run", "state", "problem", "asked_at", "begun_at", "finished_at"])
    have_it_fetched(site, actor)


def have_it_fetched(site: WebSite, actor: Actor) -> None:
    enqueue(
        FETCH_JOB,
        args={"site_id": str(site.id)},
        actor=actor,
        workspace_id=site.workspace_id,
        dedupe_key=key_of_fetching(site),
    )


def key_of_fetching(site: WebSite) -> str:
    """Each run has a job of its own, so that one that was stopped holds up none."""
    return f"{FETCH_JOB}:{site.id}:{site.run}"

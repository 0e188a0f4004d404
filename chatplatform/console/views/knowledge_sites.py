"""Web pages and sites as sources of a collection: added, watched, fetched again and taken away."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.errors import InvalidInput, NotFound, PlatformError
from chatplatform.console.identifiers import uuid_of
from chatplatform.knowledge import queries as collections
from chatplatform.knowledge.editors import require_editor
from chatplatform.knowledge.web_pages import queries, services
from chatplatform.knowledge.web_pages.addresses import MOST_CHARS, canonical, host_of
from chatplatform.knowledge.web_pages.editors import require_editor_of
from chatplatform.knowledge.web_pages.models import WebPage, WebSite
from chatplatform.knowledge.web_pages.queries import SiteView
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors

SITE_PAGES = 200
SITE_DEPTH = 5
REACHES: tuple[tuple[str, Promise], ...] = (
    ("page", gettext_lazy("This page alone")),
    ("site", gettext_lazy("The pages that it leads to as well")),
)
DONE: Mapping[str, Promise] = {
    "fetch": gettext_lazy("It is fetched again."),
    "failed": gettext_lazy("What failed is tried again."),
    "stop": gettext_lazy("Stopped. What was taken stays."),
    "schedule": gettext_lazy("Saved."),
}


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def site_list(request: PersonRequest, collection_id: UUID) -> HttpResponseBase:
    """Its pages and sites, and a form for another one; `?part=` gives the list alone, to be looked at again."""
    if request.method == "POST":
        by_role = request.person.may(Permission.KNOWLEDGE_EDIT)
        require_editor(request.person.id, collection_id, by_role=by_role)
    view = collections.collection_view(request.person.id, collection_id)
    typed = {
        "address": "",
        "reach": "page",
        "prefix": "",
        "most_pages": str(SITE_PAGES),
        "depth": str(SITE_DEPTH),
    }
    typed |= {"every": str(WebSite.Every.NEVER)}
    problem: PlatformError | None = None
    if request.method == "POST":
        typed = {name: request.POST.get(name, "").replace("\x00", "").strip() for name in typed}
        try:
            made = _added(request, collection_id, typed)
        except NotFound:
            raise
        except PlatformError as error:
            problem = error
        else:
            messages.success(request, _("Added. Its pages are being fetched."))
            return redirect("console:site", made)
    sites = queries.site_list(request.person.id, collection_id)
    context = {
        "collection": view,
        "sites": sites,
        "is_busy": any(each.is_busy for each in sites),
        "may_edit": view.may_edit,
        "typed": typed,
        "reaches": REACHES,
        "schedules": WebSite.Every.choices,
        "most_pages": services.MOST_PAGES,
        "most_depth": services.MOST_DEPTH,
        "most_chars": MOST_CHARS,
        "hosts": settings.ENVIRONMENT.web_page_hosts,
        "problem": problem.message if problem else "",
        "problem_host": host_of(canonical(typed["address"]))
        if problem and problem.code == "web_host_not_permitted"
        else "",
        "data": {"strings": STRINGS},
    }
    if request.GET.get("part") == "sites":
        return render(request, "console/knowledge/site_rows.html", context)
    return render(request, "console/knowledge/sites.html", context, status=problem.status if problem else 200)


@require_safe
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def site(request: PersonRequest, site_id: UUID) -> HttpResponseBase:
    """How far it is, and each page with its state; `?state=` narrows it down, `?part=` is what is looked at again."""
    view = queries.site_view(request.person.id, site_id)
    collection = collections.collection_view(request.person.id, view.collection_id)
    state = request.GET.get("state", "")
    state = state if state in WebPage.State.values else ""
    after = request.GET.get("after", "")
    found = queries.page_list(request.person.id, site_id, state=state, after=uuid_of(after))
    context = {
        "site": view,
        "collection": collection,
        "pages": found.pages,
        "filters": _filters(view, state),
        "is_busy": view.is_busy,
        "may_edit": collection.may_edit,
        "schedules": WebSite.Every.choices,
        "live": _address(part="pages", state=state, after=after[:36]),
        "more": _address(state=state, after=str(found.next)) if found.next else "",
        "data": {"strings": STRINGS},
    }
    if request.GET.get("part") == "pages":
        return render(request, "console/knowledge/site_pages.html", context)
    return render(request, "console/knowledge/site.html", context)


@require_POST
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def change(request: PersonRequest, site_id: UUID) -> HttpResponseBase:
    """`act`: fetch, failed (fetch what failed), stop, schedule (with `every` and `removes_gone`), or delete (with
    `documents`)."""
    require_editor_of(request.person.id, site_id, by_role=request.person.may(Permission.KNOWLEDGE_EDIT))
    view = queries.site_view(request.person.id, site_id)
    act = request.POST.get("act", "")
    try:
        _act(request, site_id, act)
    except NotFound:
        raise
    except PlatformError as problem:
        messages.error(request, str(problem.message))
        return redirect("console:site", site_id)
    if act == "delete":
        messages.success(request, _("The address is taken away."))
        return redirect("console:sites", view.collection_id)
    messages.success(request, str(DONE[act]))
    return redirect("console:site", site_id)


def _act(request: PersonRequest, site_id: UUID, act: str) -> None:
    actor = request.person.actor
    match act:
        case "fetch" | "failed":
            services.fetch_again(site_id, only_failed=act == "failed", actor=actor)
        case "stop":
            services.stop_site(site_id, actor=actor)
        case "schedule":
            every, removes_gone = request.POST.get("every", ""), "removes_gone" in request.POST
            services.change_site(site_id, every=every, removes_gone=removes_gone, actor=actor)
        case "delete":
            services.remove_site(site_id, with_documents="documents" in request.POST, actor=actor)
        case _:
            raise InvalidInput("act_unknown", _("That request made no sense to us"))


def _added(request: PersonRequest, collection_id: UUID, typed: Mapping[str, str]) -> UUID:
    is_site = typed["reach"] == "site"
    return services.add_site(
        collection_id,
        typed["address"],
        prefix=typed["prefix"] if is_site else "",
        most_pages=_number(typed["most_pages"]) if is_site else 1,
        depth=_number(typed["depth"]) if is_site else 0,
        every=typed["every"],
        actor=request.person.actor,
    )


def _number(text: str) -> int:
    """What is no number is none that is permitted, and the service says so."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else -1


def _filters(view: SiteView, state: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = [
        {"label": _("All"), "count": view.pages, "address": "?", "is_current": not state}
    ]
    for value, label in WebPage.State.choices:
        if view.counts.get(value) or value == state:
            found.append(
                {
                    "label": label,
                    "count": view.counts.get(value, 0),
                    "address": _address(state=value),
                    "is_current": value == state,
                }
            )
    return found


def _address(**given: str) -> str:
    return "?" + urlencode({name: value for name, value in given.items() if value})

"""Knowledge: the workspace's collections, what each is called, who may search it, and its end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.models import Role
from chatplatform.accounts.names import names_of
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.accounts.queries import groups, member, members
from chatplatform.common.errors import NotAllowed, PlatformError
from chatplatform.console.identifiers import uuid_of
from chatplatform.console.parts import wants_part
from chatplatform.knowledge import collections as services
from chatplatform.knowledge import queries
from chatplatform.knowledge.collections import Grant
from chatplatform.knowledge.gaps.queries import open_gaps
from chatplatform.knowledge.models import Collection, CollectionGrant
from chatplatform.knowledge.queries import CollectionView
from chatplatform.prompts.assistant_queries import assistant_list
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors

CANDIDATES = 8
LEVELS = [("", gettext_lazy("Nothing more")), *CollectionGrant.Level.choices]


@dataclass(frozen=True, slots=True)
class Holder:
    """A role, group or person that may be given a right; `field` is the name of its choice in the form."""

    field: str
    name: str
    kind: str
    level: str


@require_safe
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def collection_list(request: PersonRequest) -> HttpResponseBase:
    """All that the person may know of."""
    labels = dict(Collection.Access.choices)
    context = {
        "collections": [
            {
                "view": view,
                "address": _address(view),
                "access_label": labels[view.access],
                "in_work": _in_work(view),
                "failed": view.states.get("failed", 0),
            }
            for view in queries.collection_list(request.person.id)
        ],
        "may_manage": request.person.may(Permission.KNOWLEDGE_MANAGE),
        "may_answer": request.person.may(Permission.KNOWLEDGE_EDIT),
        "open_gaps": open_gaps(request.person.id),
        "data": {"strings": STRINGS},
    }
    return render(request, "console/knowledge/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.KNOWLEDGE_MANAGE)
@expected_errors
def new_collection(request: PersonRequest) -> HttpResponseBase:
    typed = {"name": "", "description": "", "access": str(Collection.Access.EVERYBODY)}
    problem: PlatformError | None = None
    if request.method == "POST":
        typed = {name: request.POST.get(name, "") for name in typed}
        try:
            made = services.create_collection(
                typed["name"], typed["description"], access=typed["access"], actor=request.person.actor
            )
        except PlatformError as error:
            problem = error
        else:
            messages.success(request, _("The collection is made. Add the first document."))
            return redirect("console:collection", made)
    context = {
        "typed": typed,
        "access_choices": Collection.Access.choices,
        "problem": problem.message if problem else "",
        "data": {"strings": STRINGS},
    }
    return render(request, "console/knowledge/new.html", context, status=problem.status if problem else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def settings(request: PersonRequest, collection_id: UUID) -> HttpResponseBase:
    """What it is called and which assistants answer from it; a POST changes what it is called."""
    if request.method == "POST" and not request.person.may(Permission.KNOWLEDGE_MANAGE):
        raise NotAllowed("knowledge.not_allowed", _("Your role does not permit this. Ask an administrator."))
    problem: PlatformError | None = None
    view = queries.collection_view(request.person.id, collection_id)
    typed = {"name": view.name, "description": view.description}
    if request.method == "POST":
        typed = {name: request.POST.get(name, "") for name in typed}
        try:
            services.change_collection(collection_id, **typed, actor=request.person.actor)
        except PlatformError as error:
            problem = error
        else:
            messages.success(request, _("Saved."))
            return redirect("console:collection_settings", collection_id)
    context = {
        "collection": view,
        "typed": typed,
        "assistants": [each for each in assistant_list() if each.name in view.assistants],
        "may_open_assistants": request.person.may(Permission.ASSISTANTS_READ),
        "problem": problem.message if problem else "",
        "data": {"strings": STRINGS},
    }
    return render(
        request, "console/knowledge/settings.html", context, status=problem.status if problem else 200
    )


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.KNOWLEDGE_MANAGE)
@expected_errors
def access(request: PersonRequest, collection_id: UUID) -> HttpResponseBase:
    """Who may search and who may change it; a POST sets all of it. `?find=` looks for people to add."""
    problem: PlatformError | None = None
    view = queries.collection_view(request.person.id, collection_id)
    chosen, grants = view.access, view.grants
    if request.method == "POST":
        chosen, grants = request.POST.get("access", ""), tuple(_typed_grants(request))
        try:
            services.set_access(collection_id, chosen, grants, actor=request.person.actor)
        except PlatformError as error:
            problem = error
        else:
            messages.success(request, _("Saved. It holds from the next question on."))
            return redirect("console:collection_access", collection_id)
    find = request.GET.get("find", "").replace("\x00", "").strip()[:100]
    known = {grant.person_id for grant in grants if grant.person_id}
    found = members(search=find, limit=CANDIDATES) if find else []
    context = {
        "collection": view,
        "typed": {"access": chosen},
        "access_choices": Collection.Access.choices,
        "holders": _holders(grants, request.person.workspace_id),
        "levels": LEVELS,
        "find": find,
        "candidates": [each for each in found if each.user_id not in known],
        "problem": problem.message if problem else "",
        "data": {"strings": STRINGS},
    }
    if wants_part(request):
        return render(request, "console/knowledge/candidates.html", context)
    return render(
        request, "console/knowledge/access.html", context, status=problem.status if problem else 200
    )


@require_POST
@requires(Permission.KNOWLEDGE_MANAGE)
@expected_errors
def delete(request: PersonRequest, collection_id: UUID) -> HttpResponseBase:
    services.delete_collection(collection_id, actor=request.person.actor)
    messages.success(request, _("The collection is deleted. What it held is being removed."))
    return redirect("console:knowledge")


def _address(view: CollectionView) -> str:
    name = "console:collection" if view.may_search else "console:collection_settings"
    return reverse(name, args=[view.id])


def _in_work(view: CollectionView) -> int:
    return sum(view.states.get(state, 0) for state in ("waiting", "reading", "indexing"))


def _holders(grants: Iterable[Grant], workspace_id: UUID) -> list[Holder]:
    """Every role and group, and the people who have a right, with what each has."""
    levels = {(grant.role, grant.group_id, grant.person_id): str(grant.level) for grant in grants}
    people = [grant.person_id for grant in grants if grant.person_id is not None]
    names = names_of(map(str, people), workspace_id)
    found = [
        Holder(f"role:{role.value}", str(role.label), _("Role"), levels.get((role.value, None, None), ""))
        for role in Role
    ]
    found += [
        Holder(f"group:{group.id}", group.name, _("Group"), levels.get(("", group.id, None), ""))
        for group in groups()
    ]
    found += [
        Holder(
            f"person:{person_id}",
            names.get(str(person_id), _("Somebody who is gone")),
            _("Person"),
            levels[("", None, person_id)],
        )
        for person_id in people
    ]
    return found


def _typed_grants(request: PersonRequest) -> list[Grant]:
    """What is not understood gives nobody a right."""
    found = []
    for field, level in request.POST.items():
        kind, _colon, whom = field.partition(":")
        if not level or level not in CollectionGrant.Level.values:
            continue
        held = uuid_of(whom)
        if kind == "role" and whom in Role.values:
            found.append(Grant(role=whom, level=level))
        elif kind == "group" and held is not None:
            found.append(Grant(group_id=held, level=level))
        elif kind == "person" and held is not None:
            found.append(Grant(person_id=held, level=level))
    added = uuid_of(request.POST.get("add", ""))
    if added is not None:
        found.append(Grant(person_id=member(added).user_id, level=CollectionGrant.Level.SEARCH))
    return found

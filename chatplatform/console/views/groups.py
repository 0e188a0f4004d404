"""Groups of members: what they are called, here and at the identity provider, and who is in them."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from chatplatform.accounts import groups as services
from chatplatform.accounts import queries
from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.errors import InvalidInput, NotFound, PlatformError
from chatplatform.console.identifiers import uuid_of
from chatplatform.console.parts import wants_part
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors

PAGE_MEMBERS = 50
CANDIDATES = 8
FIELDS = ("name", "description", "external_name")


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.GROUPS_MANAGE)
@expected_errors
def group_list(request: PersonRequest) -> HttpResponseBase:
    """All groups; a POST makes one."""
    problem: PlatformError | None = None
    if request.method == "POST":
        try:
            made = services.create_group(**_typed(request), actor=request.person.actor)
        except PlatformError as error:
            problem = error
        else:
            messages.success(request, _("The group is made."))
            return redirect("console:group", made.id)
    context = {
        "groups": queries.groups(),
        "typed": _typed(request) if problem else {},
        "problem": problem.message if problem else "",
        "data": {"strings": STRINGS},
    }
    return render(request, "console/groups/list.html", context, status=problem.status if problem else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.GROUPS_MANAGE)
@expected_errors
def group(request: PersonRequest, group_id: UUID) -> HttpResponseBase:
    """One group and who is in it; a POST changes what it is called. `?find=` looks for people to add."""
    if request.method == "POST":

        def act() -> None:
            services.change_group(group_id, **_typed(request), actor=request.person.actor)

        return _changed(request, group_id, act, _("Saved."))
    return _page(request, group_id)


@require_POST
@requires(Permission.GROUPS_MANAGE)
@expected_errors
def add_member(request: PersonRequest, group_id: UUID) -> HttpResponseBase:
    def act() -> None:
        services.add_to_group(group_id, _member_id(request), actor=request.person.actor)

    return _changed(request, group_id, act, _("Added to the group."))


@require_POST
@requires(Permission.GROUPS_MANAGE)
@expected_errors
def remove_member(request: PersonRequest, group_id: UUID) -> HttpResponseBase:
    def act() -> None:
        services.remove_from_group(group_id, _member_id(request), actor=request.person.actor)

    return _changed(request, group_id, act, _("Taken out of the group."))


@require_POST
@requires(Permission.GROUPS_MANAGE)
@expected_errors
def delete(request: PersonRequest, group_id: UUID) -> HttpResponseBase:
    services.delete_group(group_id, actor=request.person.actor)
    messages.success(request, _("The group is deleted."))
    return redirect("console:groups")


def _typed(request: PersonRequest) -> dict[str, str]:
    return {name: request.POST.get(name, "") for name in FIELDS}


def _member_id(request: PersonRequest) -> UUID:
    found = uuid_of(request.POST.get("member", ""))
    if found is None:
        raise InvalidInput("accounts.no_such_member", _("Choose a person."))
    return found


def _changed(request: PersonRequest, group_id: UUID, act: Callable[[], None], words: str) -> HttpResponseBase:
    try:
        act()
    except NotFound:
        raise
    except PlatformError as problem:
        return _page(request, group_id, problem=problem)
    messages.success(request, words)
    return redirect("console:group", group_id)


def _page(
    request: PersonRequest, group_id: UUID, *, problem: PlatformError | None = None
) -> HttpResponseBase:
    shown = queries.group(group_id)
    find = request.GET.get("find", "").replace("\x00", "").strip()[:100]
    found = queries.members(
        group_id=group_id, after=uuid_of(request.GET.get("after", "")), limit=PAGE_MEMBERS + 1
    )
    context = {
        "group": shown,
        "typed": _typed(request) if problem else shown,
        "members": found[:PAGE_MEMBERS],
        "after": found[PAGE_MEMBERS - 1].membership_id if len(found) > PAGE_MEMBERS else None,
        "find": find,
        "candidates": [
            each for each in queries.members(search=find, limit=CANDIDATES) if shown.name not in each.groups
        ]
        if find
        else [],
        "problem": problem.message if problem else "",
        "data": {"strings": STRINGS},
    }
    if wants_part(request):
        return render(request, "console/groups/candidates.html", context)
    return render(request, "console/groups/group.html", context, status=problem.status if problem else 200)

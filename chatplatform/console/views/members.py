"""Who belongs to the workspace: roles, groups, suspension, tokens, and ways in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chatplatform.accounts import members, queries
from chatplatform.accounts.access import requires
from chatplatform.accounts.api_tokens import revoke_token
from chatplatform.accounts.groups import add_to_group, remove_from_group
from chatplatform.accounts.member_links import make_member_link
from chatplatform.accounts.models import Role, User
from chatplatform.accounts.permissions import ROLE_PERMISSIONS, Permission
from chatplatform.accounts.person import Person, PersonRequest
from chatplatform.accounts.sign_in_links import LINK_TTL_S
from chatplatform.accounts.token_queries import tokens_of
from chatplatform.common.errors import InvalidInput, NotFound, PlatformError
from chatplatform.console.identifiers import uuid_of, uuids_of
from chatplatform.console.parts import wants_part
from chatplatform.sign_in.sessions import sessions_of
from chatplatform.usage.queries import by_person, limits_of, today
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors

PAGE_MEMBERS = 50
USE_DAYS = 30


@require_safe
@requires(Permission.MEMBERS_READ)
@expected_errors
def member_list(request: PersonRequest) -> HttpResponseBase:
    """`?search=&role=&state=` narrow down, `?after=` pages on. htmx gets the table alone, while one types."""
    search = request.GET.get("search", "").strip()[:100]
    role = request.GET.get("role", "")
    state = request.GET.get("state", "")
    found = queries.members(
        search=search.replace("\x00", ""),
        after=uuid_of(request.GET.get("after", "")),
        limit=PAGE_MEMBERS + 1,
        role=Role(role) if role in Role.values else None,
        suspended={"active": False, "suspended": True}.get(state),
    )
    context = {
        "members": found[:PAGE_MEMBERS],
        "after": found[PAGE_MEMBERS - 1].membership_id if len(found) > PAGE_MEMBERS else None,
        "search": search,
        "role": role,
        "state": state,
        "roles": Role.choices,
        "is_filtered": bool(search or role or state),
        "may_manage": request.person.may(Permission.MEMBERS_MANAGE),
        "data": {"strings": STRINGS},
    }
    template = "members" if wants_part(request) else "list"
    return render(request, f"console/members/{template}.html", context)


@require_safe
@requires(Permission.MEMBERS_READ)
@expected_errors
def member(request: PersonRequest, membership_id: UUID) -> HttpResponseBase:
    return _member_page(request, membership_id)


@require_POST
@requires(Permission.MEMBERS_MANAGE)
@expected_errors
def change_role(request: PersonRequest, membership_id: UUID) -> HttpResponseBase:
    def act() -> None:
        role = request.POST.get("role", "")
        if role not in Role.values:
            raise InvalidInput("accounts.no_such_role", _("Choose a role."))
        members.change_role(membership_id, Role(role), actor=request.person.actor)

    return _changed(request, membership_id, act, _("The role is changed."))


@require_POST
@requires(Permission.GROUPS_MANAGE)
@expected_errors
def change_groups(request: PersonRequest, membership_id: UUID) -> HttpResponseBase:
    """Put the member into exactly the groups of the form, or into none of them."""

    @transaction.atomic
    def act() -> None:
        shown = queries.member(membership_id)
        wanted = uuids_of(request.POST.getlist("groups"))
        present = queries.groups_of(shown.user_id, request.person.workspace_id)
        for group_id in wanted - present:
            add_to_group(group_id, membership_id, actor=request.person.actor)
        for group_id in present - wanted:
            remove_from_group(group_id, membership_id, actor=request.person.actor)

    return _changed(request, membership_id, act, _("The groups are changed."))


@require_POST
@requires(Permission.MEMBERS_MANAGE)
@expected_errors
def suspend(request: PersonRequest, membership_id: UUID) -> HttpResponseBase:
    def act() -> None:
        members.suspend(membership_id, actor=request.person.actor)

    return _changed(request, membership_id, act, _("Suspended. Sessions and tokens are shut out."))


@require_POST
@requires(Permission.MEMBERS_MANAGE)
@expected_errors
def reinstate(request: PersonRequest, membership_id: UUID) -> HttpResponseBase:
    def act() -> None:
        members.reinstate(membership_id, actor=request.person.actor)

    return _changed(request, membership_id, act, _("Reinstated."))


@require_POST
@requires(Permission.MEMBERS_MANAGE)
@expected_errors
def remove(request: PersonRequest, membership_id: UUID) -> HttpResponseBase:
    try:
        members.remove_member(membership_id, actor=request.person.actor)
    except NotFound:
        raise
    except PlatformError as problem:
        return _member_page(request, membership_id, problem=problem)
    messages.success(request, _("Removed from the workspace."))
    return redirect("console:members")


@require_POST
@requires(Permission.MEMBERS_MANAGE)
@expected_errors
def sign_in_link(request: PersonRequest, membership_id: UUID) -> HttpResponseBase:
    """The answer shows the link, once: it is kept nowhere."""
    try:
        link = make_member_link(membership_id, actor=request.person.actor)
    except NotFound:
        raise
    except PlatformError as problem:
        return _member_page(request, membership_id, problem=problem)
    return _member_page(request, membership_id, link=link)


@require_POST
@requires(Permission.TOKENS_MANAGE)
@expected_errors
def revoke_member_token(request: PersonRequest, membership_id: UUID, token_id: UUID) -> HttpResponseBase:
    def act() -> None:
        owner = queries.member(membership_id).user_id
        revoke_token(token_id, actor=request.person.actor, owner_id=owner)

    return _changed(request, membership_id, act, _("The token is revoked."))


def roles_to_give(person: Person) -> list[tuple[str, str]]:
    """The roles that can do no more than the person's own, with their names."""
    own = ROLE_PERMISSIONS[person.role]
    return [(role.value, str(role.label)) for role in Role if ROLE_PERMISSIONS[role] <= own]


def _changed(
    request: PersonRequest, membership_id: UUID, act: Callable[[], None], words: str
) -> HttpResponseBase:
    """Do it and say so on the member's page; a refusal is said there too, and stays."""
    try:
        act()
    except NotFound:
        raise
    except PlatformError as problem:
        return _member_page(request, membership_id, problem=problem)
    messages.success(request, words)
    return redirect("console:member", membership_id)


def _member_page(
    request: PersonRequest, membership_id: UUID, *, problem: PlatformError | None = None, link: str = ""
) -> HttpResponseBase:
    shown = queries.member(membership_id)
    own = ROLE_PERMISSIONS[request.person.role]
    context = {
        "member": shown,
        "is_self": shown.user_id == request.person.id,
        "may_manage": request.person.may(Permission.MEMBERS_MANAGE) and ROLE_PERMISSIONS[shown.role] <= own,
        "may_group": request.person.may(Permission.GROUPS_MANAGE),
        "may_revoke": request.person.may(Permission.TOKENS_MANAGE),
        "roles": roles_to_give(request.person),
        "groups": queries.groups(),
        "group_ids": queries.groups_of(shown.user_id, request.person.workspace_id),
        "sessions": len(sessions_of(User.objects.get(id=shown.user_id), current_key=None)),
        "tokens": [token for token in tokens_of(shown.user_id) if token.is_living],
        "problem": problem.message if problem else "",
        "link": link,
        "link_minutes": LINK_TTL_S // 60,
        "data": {"strings": STRINGS},
    }
    if request.person.may(Permission.USAGE_READ):
        until = today()
        uses = by_person(until - timedelta(days=USE_DAYS - 1), until, search=shown.email, limit=50)
        context["use"] = next((use for use in uses if use.user_id == shown.user_id), None)
        context["use_days"] = USE_DAYS
        context["limits"] = limits_of(shown.user_id)
    return render(request, "console/members/member.html", context, status=problem.status if problem else 200)

"""Ways into the workspace for new people: by e-mail address, or by a link for whoever holds it."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from chatplatform.accounts import queries
from chatplatform.accounts.access import requires
from chatplatform.accounts.invitations import invitation_link, invite, revoke_invitation
from chatplatform.accounts.models import Role
from chatplatform.accounts.permissions import ROLE_PERMISSIONS, Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.errors import InvalidInput, PlatformError
from chatplatform.console.identifiers import uuids_of
from chatplatform.console.people import names_for
from chatplatform.console.views.members import roles_to_give
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors

DAY_S = 86400
VALID_FOR = {
    "1": gettext_lazy("1 day"),
    "7": gettext_lazy("7 days"),
    "30": gettext_lazy("30 days"),
    "90": gettext_lazy("90 days"),
}


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MEMBERS_MANAGE)
@expected_errors
def invitations(request: PersonRequest) -> HttpResponseBase:
    """The open invitations, and a form for a new one; its answer shows the link."""
    if request.method != "POST":
        return _page(request)
    role, days = request.POST.get("role", ""), request.POST.get("days", "7")
    try:
        if role not in Role.values:
            raise InvalidInput("accounts.no_such_role", _("Choose a role."))
        made = invite(
            email=request.POST.get("email", "")[:300],
            role=Role(role),
            group_ids=uuids_of(request.POST.getlist("groups")),
            expires_in_s=int(days if days in VALID_FOR else "7") * DAY_S,
            actor=request.person.actor,
        )
    except PlatformError as problem:
        return _page(request, problem=problem)
    return _page(request, link=made.url)


@require_POST
@requires(Permission.MEMBERS_MANAGE)
@expected_errors
def show_link(request: PersonRequest, invitation_id: UUID) -> HttpResponseBase:
    """The link of an open invitation once more."""
    return _page(request, link=invitation_link(invitation_id, actor=request.person.actor))


@require_POST
@requires(Permission.MEMBERS_MANAGE)
@expected_errors
def revoke(request: PersonRequest, invitation_id: UUID) -> HttpResponseBase:
    revoke_invitation(invitation_id, actor=request.person.actor)
    messages.success(request, _("The invitation is taken back."))
    return redirect("console:invitations")


def _page(
    request: PersonRequest, *, problem: PlatformError | None = None, link: str = ""
) -> HttpResponseBase:
    still_open = queries.open_invitations()
    own = ROLE_PERMISSIONS[request.person.role]
    context = {
        "invitations": [(each, ROLE_PERMISSIONS[each.role] <= own) for each in still_open],
        "names": names_for(request.person, {each.created_by for each in still_open}),
        "roles": roles_to_give(request.person),
        "groups": queries.groups(),
        "valid_for": VALID_FOR,
        # after a mistake, what was typed is still there
        "typed": request.POST if problem else {"role": Role.MEMBER.value, "days": "7"},
        "typed_groups": {str(each) for each in uuids_of(request.POST.getlist("groups"))} if problem else (),
        "problem": problem.message if problem else "",
        "link": link,
        "data": {"strings": STRINGS},
    }
    return render(
        request, "console/members/invitations.html", context, status=problem.status if problem else 200
    )

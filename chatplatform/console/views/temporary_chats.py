"""Whether people may have temporary chats, or no others."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from chatplatform.accounts.access import requires
from chatplatform.accounts.models import Role
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.chat.temporary.policy import Mode, current_policy, set_policy
from chatplatform.common.errors import PlatformError
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.WORKSPACE_MANAGE)
@expected_errors
def policy(request: PersonRequest) -> HttpResponseBase:
    """One choice of three; the last one for everybody, or for some roles."""
    problem: PlatformError | None = None
    if request.method == "POST":
        try:
            set_policy(request.POST.get("mode", ""), request.POST.getlist("role"), actor=request.person.actor)
        except PlatformError as error:
            problem = error
        else:
            messages.success(request, _("This holds from now on. Chats that are open go on as they began."))
            return redirect("console:temporary_chats")
    found = current_policy()
    context = {
        "mode": found.mode,
        "modes": Mode.choices,
        "roles": [(role.value, role.label, role in found.roles) for role in Role],
        "problem": problem.message if problem else "",
        "data": {"strings": STRINGS},
    }
    return render(
        request, "console/temporary/policy.html", context, status=problem.status if problem else 200
    )

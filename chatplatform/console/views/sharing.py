"""What may be shared by link, and the links of everybody."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.clock import moment_of
from chatplatform.common.errors import PlatformError
from chatplatform.console.identifiers import uuid_of
from chatplatform.sharing.limits import EXPIRY_DAYS
from chatplatform.sharing.policy import Policy, set_policy, sharing_policy
from chatplatform.sharing.queries import links_of_workspace
from chatplatform.sharing.shares import revoke_share_of_workspace
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors

PAGE_LINKS = 50


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.SHARING_MANAGE)
@expected_errors
def sharing(request: PersonRequest) -> HttpResponseBase:
    """The policy, and all open links; a POST sets the policy."""
    problem: PlatformError | None = None
    if request.method == "POST":
        try:
            ended = set_policy(_typed(request), actor=request.person.actor)
        except PlatformError as error:
            problem = error
        else:
            said = _("This holds from now on.")
            if ended:
                said += " " + ngettext("%(n)d link ended.", "%(n)d links ended.", ended) % {"n": ended}
            messages.success(request, said)
            return redirect("console:sharing")
    found = links_of_workspace(after=_after(request), limit=PAGE_LINKS + 1)
    shown = found[:PAGE_LINKS]
    context = {
        "policy": sharing_policy(),
        "choices": EXPIRY_DAYS,
        "links": shown,
        "after": f"{shown[-1].created_at.isoformat()}~{shown[-1].id}" if len(found) > len(shown) else "",
        "problem": str(problem.message) if problem else "",
        "data": {"strings": STRINGS},
    }
    return render(request, "console/sharing/sharing.html", context, status=problem.status if problem else 200)


@require_POST
@requires(Permission.SHARING_MANAGE)
@expected_errors
def revoke_link(request: PersonRequest, share_id: UUID) -> HttpResponseBase:
    revoke_share_of_workspace(share_id, actor=request.person.actor)
    messages.success(request, _("The link is revoked. It opens nothing from now on."))
    return redirect("console:sharing")


def _typed(request: PersonRequest) -> Policy:
    days = request.POST.get("longest_days", "")
    return Policy(
        workspace_links=request.POST.get("workspace_links") == "on",
        public_links=request.POST.get("public_links") == "on",
        longest_days=int(days) if days.isascii() and days.isdecimal() and len(days) < 5 else 0,
    )


def _after(request: PersonRequest) -> tuple[datetime, UUID] | None:
    text, _tilde, last = request.GET.get("after", "").partition("~")
    moment, last_id = moment_of(text.replace(" ", "+")), uuid_of(last)
    return (moment, last_id) if moment is not None and last_id is not None else None

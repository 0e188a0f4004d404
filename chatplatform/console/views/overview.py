"""/console/: the first steps, and how the platform is."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.console import first_steps
from chatplatform.console.live_status import live_status
from chatplatform.console.parts import go_to, wants_part
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors


@require_safe
@requires(Permission.ASSISTANTS_READ)
@expected_errors
def overview(request: PersonRequest) -> HttpResponseBase:
    away = first_steps.are_put_away()
    steps = [] if away else first_steps.first_steps(request.person)
    context = {
        "steps": steps,
        "done": sum(step.is_done for step in steps),
        "put_away": away,
        "may_put_away": request.person.may(Permission.WORKSPACE_MANAGE),
        "remote_hosts": first_steps.remote_hosts()
        if any(step.id == "remote_hosts" for step in steps)
        else [],
        "may_see_status": request.person.may(Permission.HEALTH_READ)
        or request.person.may(Permission.JOBS_READ),
        "is_owner": request.person.may(Permission.SYSTEM_MANAGE),
        "data": {"strings": STRINGS},
    }
    return render(request, "console/overview/overview.html", context)


@require_safe
@requires(Permission.ASSISTANTS_READ)
@expected_errors
def status(request: PersonRequest) -> HttpResponseBase:
    """The figures alone, looked at again and again; asks the engine, so the page does not wait for them."""
    return render(request, "console/overview/status.html", {"status": live_status(request.person)})


@require_POST
@requires(Permission.WORKSPACE_MANAGE)
@expected_errors
def show_steps(request: PersonRequest) -> HttpResponseBase:
    """`shown=` brings the first steps back (1) or puts them away (0), for the whole workspace."""
    first_steps.show_first_steps(request.POST.get("shown") == "1", actor=request.person.actor)
    return _back(request)


@require_POST
@requires(Permission.SYSTEM_MANAGE)
@expected_errors
def review_hosts(request: PersonRequest) -> HttpResponseBase:
    first_steps.review_remote_hosts(actor=request.person.actor)
    return _back(request)


def _back(request: PersonRequest) -> HttpResponseBase:
    if wants_part(request):
        return go_to(HttpResponse(status=204), request.build_absolute_uri("/console/"))
    return redirect("console:start")

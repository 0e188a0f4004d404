"""The set-up page: what is being installed and started, live."""

from __future__ import annotations

from ipaddress import ip_address

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chatplatform.accounts.person import person_of
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.setup_status import SetupStatus, read_setup_status


@require_safe
def setup(request: HttpRequest) -> HttpResponseBase:
    status = _visible_status(request)
    data = {"strings": STRINGS, "signed_in": person_of(request) is not None}
    return render(request, "setup/setup.html", {"status": status, "data": data})


@require_safe
def setup_status(request: HttpRequest) -> HttpResponse:
    """The same as JSON, with `html` of the steps for the page to put in place."""
    status = _visible_status(request)
    body = render(request, "setup/steps.html", {"status": status}).content.decode()
    return JsonResponse({"phase": status.phase, "can_chat": status.can_chat, "html": body})


def _visible_status(request: HttpRequest) -> SetupStatus:
    """Everything for who runs the workspace, general terms for members and for this machine, else 404."""
    person = person_of(request)
    status = read_setup_status()
    if person is not None and person.runs_the_workspace:
        return status
    if person is None and not _is_this_machine(request):
        raise Http404
    return status.in_general_terms


def _is_this_machine(request: HttpRequest) -> bool:
    """Whether the request comes from a loopback address and through no proxy."""
    if "HTTP_X_FORWARDED_FOR" in request.META or "HTTP_FORWARDED" in request.META:
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False

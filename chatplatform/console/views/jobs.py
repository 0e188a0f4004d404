"""Background jobs of the workspace, and the platform's own: what runs, what failed, and another try."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.clock import moment_of
from chatplatform.console.job_timeline import timeline
from chatplatform.console.parts import wants_part, with_toast
from chatplatform.console.people import names_for
from chatplatform.jobs import queries, services
from chatplatform.jobs.models import UNFINISHED, JobState
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors

PAGE_JOBS = 50


@require_safe
@requires(Permission.JOBS_READ)
@expected_errors
def job_list(request: PersonRequest) -> HttpResponseBase:
    """`?state=` and `?kind=` filter, `?before=` pages on, `?part=table` gives the table alone for a live refresh.

    `?of=platform` shows those who run the machine what the platform does for itself, such as cleaning up.
    """
    of_platform = _of_platform(request)
    workspace_id = None if of_platform else request.person.workspace_id
    wanted = request.GET.get("state", "")
    state = JobState(wanted) if wanted in JobState.values else None
    kinds = queries.kind_titles(workspace_id)
    kind = request.GET.get("kind", "")
    kind = kind if kind in kinds else ""
    found = queries.job_page(
        workspace_id,
        state=state,
        kind=kind,
        before=moment_of(request.GET.get("before", "")),
        limit=PAGE_JOBS + 1,
    )
    kept = {"of": "platform" if of_platform else "", "kind": kind}
    older = found[PAGE_JOBS - 1].created_at if len(found) > PAGE_JOBS else None
    counts = queries.job_counts(workspace_id)
    context = {
        "jobs": found[:PAGE_JOBS],
        "older": _address(**kept, state=wanted, before=older.isoformat()) if older else "",
        "filters": [
            {
                "label": each.label,
                "count": getattr(counts, each.value),
                "address": _address(**kept, state=each.value),
                "is_current": state == each,
            }
            for each in JobState
        ],
        "all_address": _address(**kept),
        "own_address": _address(),
        "platform_address": _address(of="platform"),
        "state": state,
        "kind": kind,
        "kinds": kinds,
        "of_platform": of_platform,
        "is_filtered": bool(state or kind),
        "is_live": "before" not in request.GET,
        "live": _address(**kept, state=wanted, part="table"),
        "may_see_platform": request.person.may(Permission.SYSTEM_MANAGE),
        "may_manage": request.person.may(Permission.JOBS_MANAGE),
        "data": {"strings": STRINGS},
    }
    part = request.GET.get("part") == "table"
    return render(request, f"console/jobs/{'table' if part else 'list'}.html", context)


@require_safe
@requires(Permission.JOBS_READ)
@expected_errors
def job(request: PersonRequest, job_id: UUID) -> HttpResponseBase:
    """One job; `?part=job` gives what changes, for a live refresh."""
    of_platform = _of_platform(request)
    shown = queries.job_view(job_id, None if of_platform else request.person.workspace_id)
    moments = timeline(shown)
    context = {
        "job": shown,
        "timeline": moments,
        "names": names_for(request.person, {moment.actor_id for moment in moments if moment.by_person}),
        "of_platform": of_platform,
        "is_live": shown.state in UNFINISHED,
        "live": _address(of="platform" if of_platform else "", part="job"),
        "may_manage": request.person.may(Permission.JOBS_MANAGE),
        "data": {"strings": STRINGS},
    }
    part = request.GET.get("part") == "job"
    return render(request, f"console/jobs/{'one' if part else 'job'}.html", context)


@require_POST
@requires(Permission.JOBS_MANAGE)
@expected_errors
def retry(request: PersonRequest, job_id: UUID) -> HttpResponseBase:
    of_platform = _of_platform(request)
    services.retry(job_id, actor=request.person.actor, of_platform=of_platform)
    return _done(request, job_id, of_platform, _("Started again."))


@require_POST
@requires(Permission.JOBS_MANAGE)
@expected_errors
def cancel(request: PersonRequest, job_id: UUID) -> HttpResponseBase:
    of_platform = _of_platform(request)
    services.cancel(job_id, actor=request.person.actor, of_platform=of_platform)
    return _done(request, job_id, of_platform, _("Cancelled."))


def _of_platform(request: PersonRequest) -> bool:
    """Whether the platform's own jobs are meant; raises PermissionDenied for who may not see them."""
    if request.GET.get("of") != "platform":
        return False
    if not request.person.may(Permission.SYSTEM_MANAGE):
        raise PermissionDenied
    return True


def _done(request: PersonRequest, job_id: UUID, of_platform: bool, words: str) -> HttpResponseBase:
    if wants_part(request):  # the page looks again by itself
        return with_toast(HttpResponse(status=204), words)
    messages.success(request, words)
    address = reverse("console:job", args=[job_id])
    return redirect(f"{address}?of=platform" if of_platform else address)


def _address(**query: str) -> str:
    """The page with these parameters; empty ones are left out. Never empty itself: a link needs somewhere to go."""
    return "?" + urlencode({name: value for name, value in query.items() if value})

"""How every part of the platform is: what runs, how fast, and what the doctor would say."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.errors import NotFound
from chatplatform.console.engines import engines
from chatplatform.health.checks.catalogue import all_checks
from chatplatform.health.checks.findings import Check, examine
from chatplatform.health.checks.models import wanted_models
from chatplatform.health.processes import supervised_processes
from chatplatform.inference.model_files import catalogue, model_services
from chatplatform.jobs.celery_app import uses_folder
from chatplatform.jobs.queries import beat_is_kept, job_counts, newest_by_key
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors

READS_MODELS = "models"


@require_safe
@requires(Permission.HEALTH_READ)
@expected_errors
def health(request: PersonRequest) -> HttpResponseBase:
    """The frame: each part asks for itself, so that one that hangs holds up nothing else."""
    context = {"checks": all_checks(), "data": {"strings": STRINGS}}
    return render(request, "console/health/health.html", context)


@require_safe
@requires(Permission.HEALTH_READ)
@expected_errors
def live(request: PersonRequest) -> HttpResponseBase:
    """Processes, engines and jobs, looked at again and again."""
    of_platform = request.person.may(Permission.SYSTEM_MANAGE)
    context = {
        "processes": supervised_processes(),
        "engines": engines(),
        "jobs": job_counts(request.person.workspace_id),
        "platform_jobs": job_counts(None) if of_platform else None,
        "broker": _("a folder on this machine")
        if uses_folder()
        else settings.CELERY_BROKER_URL.split(":", 1)[0],
        "beat_is_kept": beat_is_kept(),
    }
    return render(request, "console/health/live.html", context)


@require_safe
@requires(Permission.HEALTH_READ)
@expected_errors
def check(request: PersonRequest, check_id: str) -> HttpResponseBase:
    """One check, made now, as a row. What takes long is told by the job that does it."""
    return _row(request, _check(check_id))


@require_POST
@requires(Permission.SYSTEM_MANAGE)
@expected_errors
def read_models(request: PersonRequest) -> HttpResponseBase:
    """Have the files of every model in use read from beginning to end, by jobs."""
    for model in wanted_models():
        if catalogue.find(model) is not None:
            model_services.verify(model, actor=request.person.actor)
    if request.headers.get("HX-Request") == "true":
        return _row(request, _check(READS_MODELS))
    return redirect("console:health")


def _check(check_id: str) -> Check:
    found = next((each for each in all_checks() if each.id == check_id), None)
    if found is None:
        raise NotFound("check_unknown", _("There is no such check."))
    return found


def _row(request: PersonRequest, found: Check) -> HttpResponseBase:
    context = {"check": found, "finding": examine(found, quickly=True)}
    if found.id == READS_MODELS:
        newest = newest_by_key(model_services.VERIFY)
        jobs = {model: newest[model] for model in wanted_models() if model in newest}
        context |= {
            "reading": jobs,
            "is_reading": any(job.can_cancel for job in jobs.values()),
            "may_read": request.person.may(Permission.SYSTEM_MANAGE),
        }
    return render(request, "console/health/check.html", context)

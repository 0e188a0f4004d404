"""Pull the plug: the page that kills a process while an answer streams, and shows what was lost."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.errors import InvalidInput
from chatplatform.console import plug
from chatplatform.health.processes import supervised_processes
from chatplatform.jobs.models import UNFINISHED
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors

# the next one is asked when an answer was over before the process could be killed
QUESTIONS = (
    gettext_lazy(
        "Tell me, in plain sentences without lists, the story of a lighthouse keeper and a storm."
        " Use about 150 words."
    ),
    gettext_lazy("Describe a long walk along a river, from its spring to the sea. Use about 200 words."),
)
# what the page says while it goes on; {places} are filled in by the script
SAID = {
    "plug_asked": gettext_lazy("Asked for a long answer, and started three jobs."),
    "plug_writing": gettext_lazy("The answer has begun."),
    "plug_killed": gettext_lazy("Killed {name}, process {pid}, with kill -9."),
    "plug_down": gettext_lazy("{name} is down."),
    "plug_web_down": gettext_lazy("The site does not answer. This page goes on trying."),
    "plug_waiting": gettext_lazy("The answer waits for the engine."),
    "plug_back": gettext_lazy("{name} runs again after {seconds} s, as process {pid}."),
    "plug_goes_on": gettext_lazy("The answer goes on."),
    "plug_done": gettext_lazy("The answer is complete."),
    "plug_failed": gettext_lazy("The answer failed: {message}"),
    "plug_jobs": gettext_lazy("All jobs are done."),
    "plug_comparing": gettext_lazy("Comparing what was shown with what is stored."),
    "plug_too_long": gettext_lazy("It takes too long. What is known so far is judged."),
    "plug_asking_again": gettext_lazy(
        "The answer was over before the process could be killed. Asking for another one."
    ),
    "plug_ended_early": gettext_lazy(
        "The answers were too short: each was over before the process could be killed."
        " Try again, or with a larger model."
    ),
}


@require_safe
@requires(Permission.SYSTEM_MANAGE)
@expected_errors
def page(request: PersonRequest) -> HttpResponseBase:
    context = {
        "targets": plug.targets(),
        "data": {"strings": {**STRINGS, **SAID}, "questions": QUESTIONS},
    }
    return render(request, "console/plug/page.html", context)


@require_POST
@requires(Permission.SYSTEM_MANAGE)
@expected_errors
def begin(request: PersonRequest) -> HttpResponseBase:
    return JsonResponse({"drill_id": str(plug.begin(request.person))})


@require_POST
@requires(Permission.SYSTEM_MANAGE)
@expected_errors
def pull(request: PersonRequest) -> HttpResponseBase:
    """`process` is its name, `drill_id` what `begin` gave."""
    pid = plug.pull(request.POST.get("process", ""), _id(request, "drill_id"), request.person)
    return JsonResponse({"pid": pid})


@require_POST
@requires(Permission.SYSTEM_MANAGE)
@expected_errors
def watch(request: PersonRequest) -> HttpResponseBase:
    """How processes and the drill's jobs are now."""
    states = plug.job_states(request.person, _id(request, "drill_id"))
    processes = [
        {"name": process.name, "pid": process.pid, "state": process.state, "restarts": process.restarts}
        for process in supervised_processes()
    ]
    return JsonResponse(
        {"processes": processes, "jobs_left": sum(state in UNFINISHED for state in states)},
    )


@require_POST
@requires(Permission.SYSTEM_MANAGE)
@expected_errors
def verdict(request: PersonRequest) -> HttpResponseBase:
    """`shown` is what the page showed before the kill and at the end; each must be the beginning of what is stored."""
    try:
        back_after_s = float(request.POST.get("back_after_s", ""))
    except ValueError:
        raise InvalidInput("plug_bad_time", _("That request made no sense to us")) from None
    found = plug.judge(
        request.person,
        drill_id=_id(request, "drill_id"),
        name=request.POST.get("process", ""),
        conversation_id=_id(request, "conversation_id"),
        shown=tuple(request.POST.getlist("shown")),
        back_after_s=back_after_s,
    )
    return JsonResponse(
        {
            "lost_words": found.lost_words,
            "lost_jobs": found.lost_jobs,
            "words": ngettext("lost word of %(count)d shown", "lost words of %(count)d shown", found.words)
            % {"count": found.words},
            "jobs": ngettext("lost job of %(count)d", "lost jobs of %(count)d", found.jobs)
            % {"count": found.jobs},
            "seconds": _("seconds until it ran again"),
        }
    )


def _id(request: PersonRequest, name: str) -> UUID:
    try:
        return UUID(request.POST.get(name, ""))
    except ValueError:
        raise InvalidInput("plug_bad_id", _("That request made no sense to us")) from None

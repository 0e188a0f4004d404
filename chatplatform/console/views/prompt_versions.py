"""The history of a prompt: versions, labels, releases, rollbacks and differences."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.errors import InvalidInput, NotAllowed
from chatplatform.console.views.prompt_editor import whole_number
from chatplatform.prompts import prompt_queries, services
from chatplatform.prompts.comparison import difference
from chatplatform.prompts.models import PromptLabel
from chatplatform.prompts.prompt_files import exported, file_name
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors

PAGE_VERSIONS = 50


@require_GET
@requires(Permission.PROMPTS_READ)
@expected_errors
def versions(request: PersonRequest, prompt_id: UUID) -> HttpResponseBase:
    """`?before=` pages on from a number."""
    before = whole_number(request.GET.get("before"))
    found = prompt_queries.version_list(prompt_id, before=before, limit=PAGE_VERSIONS + 1)
    context = {
        "prompt": prompt_queries.prompt_view(prompt_id),
        "versions": found[:PAGE_VERSIONS],
        "older_before": found[PAGE_VERSIONS - 1].number if len(found) > PAGE_VERSIONS else None,
        "moves": prompt_queries.label_history(prompt_id),
        "may_edit": request.person.may(Permission.PROMPTS_EDIT),
        "may_release": request.person.may(Permission.PROMPTS_RELEASE),
        "data": {"strings": STRINGS},
    }
    return render(request, "console/prompts/versions.html", context)


@require_GET
@requires(Permission.PROMPTS_READ)
@expected_errors
def compare(request: PersonRequest, prompt_id: UUID) -> HttpResponseBase:
    """`?from=&to=` are numbers; without them, production and the newest version."""
    prompt = prompt_queries.prompt_view(prompt_id)
    production = prompt.production.number if prompt.production else prompt.newest
    old = prompt_queries.version_text(prompt_id, whole_number(request.GET.get("from")) or production)
    new = prompt_queries.version_text(prompt_id, whole_number(request.GET.get("to")) or prompt.newest)
    context = {
        "prompt": prompt,
        "old": old,
        "new": new,
        "numbers": range(prompt.newest, max(0, prompt.newest - 200), -1),
        "difference": difference(old.text, new.text),
        "data": {"strings": STRINGS},
    }
    return render(request, "console/prompts/compare.html", context)


@require_POST
@requires(Permission.PROMPTS_EDIT)
@expected_errors
def label(request: PersonRequest, prompt_id: UUID) -> HttpResponseBase:
    """Point `label` at version `number`; `seen` is the number that it was seen at. `production` is a release."""
    name = _label(request)
    if name == PromptLabel.PRODUCTION:
        _require_release(request)
    number, seen = whole_number(request.POST.get("number")), whole_number(request.POST.get("seen"))
    if number is None:
        raise InvalidInput("version_invalid", _("There is no such version of this prompt."))
    version = prompt_queries.version_text(prompt_id, number)
    services.move_label(
        prompt_id,
        name,
        version.id,
        actor=request.person.actor,
        expected_version_id=prompt_queries.version_text(prompt_id, seen).id if seen else None,
    )
    if name == PromptLabel.PRODUCTION:
        said = _("Version %(number)d is in production now.") % {"number": number}
    else:
        said = _("“%(label)s” names version %(number)d now.") % {"label": name, "number": number}
    messages.success(request, said)
    return redirect("console:prompt_versions", prompt_id)


@require_POST
@requires(Permission.PROMPTS_EDIT)
@expected_errors
def remove_label(request: PersonRequest, prompt_id: UUID) -> HttpResponseBase:
    services.remove_label(prompt_id, _label(request), actor=request.person.actor)
    return redirect("console:prompt_versions", prompt_id)


@require_POST
@requires(Permission.PROMPTS_RELEASE)
@expected_errors
def roll_back(request: PersonRequest, prompt_id: UUID) -> HttpResponseBase:
    """Back to the release before; `seen` is the number that was in production on the page."""
    seen = whole_number(request.POST.get("seen"))
    if seen is None:
        raise InvalidInput("version_invalid", _("There is no such version of this prompt."))
    number = services.roll_back(
        prompt_id,
        actor=request.person.actor,
        expected_version_id=prompt_queries.version_text(prompt_id, seen).id,
    )
    messages.success(request, _("Rolled back: version %(number)d is in production now.") % {"number": number})
    return redirect("console:prompt_versions", prompt_id)


@require_POST
@requires(Permission.PROMPTS_EDIT)
@expected_errors
def rename(request: PersonRequest, prompt_id: UUID) -> HttpResponseBase:
    services.rename_prompt(prompt_id, request.POST.get("name", ""), actor=request.person.actor)
    messages.success(request, _("Renamed."))
    return redirect("console:prompt_versions", prompt_id)


@require_GET
@requires(Permission.PROMPTS_READ)
@expected_errors
def export(request: PersonRequest, prompt_id: UUID) -> HttpResponseBase:
    """A version as a file: `?version=`, or the newest."""
    version = prompt_queries.version_text(prompt_id, whole_number(request.GET.get("version")))
    response = HttpResponse(exported(version), content_type="text/markdown; charset=utf-8")
    response.headers["Content-Disposition"] = _attachment(file_name(version.prompt_name))
    return response


def _label(request: PersonRequest) -> str:
    return request.POST.get("label", "").replace("\x00", "").strip()


def _attachment(name: str) -> str:
    from django.utils.http import content_disposition_header

    return content_disposition_header(True, name) or "attachment"


def _require_release(request: PersonRequest) -> None:
    if not request.person.may(Permission.PROMPTS_RELEASE):
        raise NotAllowed("release_not_allowed", _("Your role does not include releasing prompts."))

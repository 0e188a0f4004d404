"""The prompts of the workspace: the list, new ones, and ones from files."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.errors import InvalidInput, PlatformError
from chatplatform.prompts import prompt_queries
from chatplatform.prompts.prompt_files import MAX_FILE_BYTES, import_prompt
from chatplatform.prompts.releases import MAX_NAME_CHARS, MAX_PROMPT_CHARS
from chatplatform.prompts.services import create_prompt
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors


@require_GET
@requires(Permission.PROMPTS_READ)
@expected_errors
def prompt_list(request: PersonRequest) -> HttpResponseBase:
    context = {
        "prompts": prompt_queries.prompt_list(),
        "may_edit": request.person.may(Permission.PROMPTS_EDIT),
        "data": {"strings": STRINGS},
    }
    return render(request, "console/prompts/list.html", context)


@require_http_methods(["GET", "POST"])
@requires(Permission.PROMPTS_EDIT)
@expected_errors
def new_prompt(request: PersonRequest) -> HttpResponseBase:
    """A prompt that nobody speaks yet: its first version is its production at once."""
    name, text = request.POST.get("name", ""), plain_text(request.POST.get("text", ""))
    error = ""
    if request.method == "POST":
        try:
            saved = create_prompt(name, text, actor=request.person.actor)
        except PlatformError as refusal:
            error = str(refusal.message)
        else:
            return redirect("console:prompt", saved.prompt_id)
    context = {
        "name": name,
        "text": text,
        "error": error,
        "max_name_chars": MAX_NAME_CHARS,
        "max_prompt_chars": MAX_PROMPT_CHARS,
        "data": {"strings": STRINGS},
    }
    return render(request, "console/prompts/new.html", context, status=400 if error else 200)


@require_POST
@requires(Permission.PROMPTS_EDIT)
@expected_errors
def import_file(request: PersonRequest) -> HttpResponseBase:
    """A prompt from a file: a new one, or a version of the one that has its name."""
    file = request.FILES.get("file")
    if file is None:
        raise InvalidInput("no_file", _("Choose a file first."))
    imported = import_prompt(file.read(MAX_FILE_BYTES + 1), actor=request.person.actor)
    saved = imported.saved
    if imported.is_new_prompt:
        messages.success(request, _("Imported as a new prompt."))
    elif saved.created:
        messages.success(
            request, _("Imported as version %(number)d. It is not released yet.") % {"number": saved.number}
        )
    else:
        messages.info(
            request, _("The file holds version %(number)d, which is here already.") % {"number": saved.number}
        )
    return redirect("console:prompt", saved.prompt_id)


def plain_text(text: str) -> str:
    """The text of a form, whose lines end as in every saved version."""
    return text.replace("\r\n", "\n")

"""How a person likes the chat to behave: shortcuts and notifications."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from chatplatform.accounts.access import signed_in
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.errors import InvalidInput
from chatplatform.preferences.services import Preferences, change_preferences, preferences_of, warnings_for
from chatplatform.preferences.shortcuts import KEY_CHARS, SHORTCUTS, parse_keys, shown_keys
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@expected_errors
def chat_preferences(request: PersonRequest) -> HttpResponseBase:
    """The form; what cannot be kept comes back with a word why."""
    current = preferences_of(request.person.id)
    problem = ""
    if request.method == "POST":
        typed = {each.id: request.POST.get(each.id, "")[: KEY_CHARS + 1] for each in SHORTCUTS}
        if request.POST.get("act") == "reset":
            typed = {each.id: each.keys for each in SHORTCUTS}
        current = Preferences(
            typed, request.POST.get("shortcuts_on") == "on", request.POST.get("notify") == "on"
        )
        try:
            change_preferences(current, workspace_id=request.person.workspace_id, actor=request.person.actor)
        except InvalidInput as error:
            problem = str(error.message)
        else:
            messages.success(request, _("Saved."))
            return redirect("chat_preferences")
    warnings = warnings_for(current.shortcuts)
    context = {
        "rows": [
            {
                "id": each.id,
                "label": each.label,
                "keys": _shown(current.shortcuts[each.id]),
                "default": shown_keys(each.keys),
                "warning": warnings.get(each.id, ""),
            }
            for each in SHORTCUTS
        ],
        "preferences": current,
        "problem": problem,
        "key_chars": KEY_CHARS,
        "data": {"strings": STRINGS},
    }
    return render(request, "accounts/chat_preferences.html", context, status=400 if problem else 200)


def _shown(keys: str) -> str:
    parsed = parse_keys(keys)
    return keys if parsed is None else shown_keys(parsed)

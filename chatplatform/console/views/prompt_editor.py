"""One prompt: its text to work on, with what the model will get, and the test chat beside it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.errors import InvalidInput, NotAllowed, PlatformError
from chatplatform.console.views.prompt_test import test_profiles
from chatplatform.console.views.prompts import plain_text
from chatplatform.inference import gateway
from chatplatform.inference.protocol.token_estimate import estimate_tokens
from chatplatform.privacy.prompt import PromptMessage
from chatplatform.prompts import prompt_queries
from chatplatform.prompts.comparison import difference
from chatplatform.prompts.draft_test import MAX_MESSAGE_CHARS
from chatplatform.prompts.models import PromptLabel
from chatplatform.prompts.releases import MAX_PROMPT_CHARS
from chatplatform.prompts.services import move_label, save_version
from chatplatform.prompts.text_format import opening_messages
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors

COUNT_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Rendered:
    """What the model would get of a text. `is_exact`: counted by the model's own tokenizer, not estimated."""

    messages: tuple[PromptMessage, ...]
    error: str
    tokens: int
    is_exact: bool


@require_GET
@requires(Permission.PROMPTS_READ)
@expected_errors
def editor(request: PersonRequest, prompt_id: UUID) -> HttpResponseBase:
    """`?version=` begins with the text of another version than the newest."""
    prompt = prompt_queries.prompt_view(prompt_id)
    base = prompt_queries.version_text(prompt_id, whole_number(request.GET.get("version")))
    may_edit = request.person.may(Permission.PROMPTS_EDIT)
    context = {
        "prompt": prompt,
        "base": base,
        "may_edit": may_edit,
        "may_release": request.person.may(Permission.PROMPTS_RELEASE),
        "profiles": test_profiles(prompt_id) if may_edit else [],
        "max_prompt_chars": MAX_PROMPT_CHARS,
        "max_message_chars": MAX_MESSAGE_CHARS,
        "data": {
            "strings": STRINGS,
            "person_id": str(request.person.id),
            "prompt_id": str(prompt.id),
            "base": base.number,
        },
    }
    return render(request, "console/prompts/editor.html", context)


@require_POST
@requires(Permission.PROMPTS_READ)
@expected_errors
def preview(request: PersonRequest, prompt_id: UUID) -> HttpResponseBase:
    """The rendered prompt, its length and its difference from production, for the text that is being written."""
    text = plain_text(request.POST.get("text", ""))
    if len(text) > MAX_PROMPT_CHARS:
        raise InvalidInput(
            "prompt_text_invalid",
            _("Write a prompt of 1 to %(limit)s characters.") % {"limit": f"{MAX_PROMPT_CHARS:,}"},
        )
    prompt_queries.version_text(prompt_id)  # of this workspace, or not found
    production = prompt_queries.released_text(prompt_id)
    context = {
        "rendered": _rendered(text),
        "production": production,
        "difference": difference(production.text, text) if production else None,
        "characters": len(text),
    }
    return render(request, "console/prompts/preview.html", context)


@require_POST
@requires(Permission.PROMPTS_EDIT)
@expected_errors
def save(request: PersonRequest, prompt_id: UUID) -> HttpResponseBase:
    """Save the text as the next version; `release=1` releases it as well, in the same transaction."""
    text, note = plain_text(request.POST.get("text", "")), request.POST.get("note", "")
    release = request.POST.get("release") == "1"
    if release and not request.person.may(Permission.PROMPTS_RELEASE):
        raise NotAllowed("release_not_allowed", _("Your role does not include releasing prompts."))
    seen = whole_number(request.POST.get("production"))
    with transaction.atomic():
        saved = save_version(prompt_id, text, note=note, actor=request.person.actor)
        if release:
            expected = prompt_queries.version_text(prompt_id, seen).id if seen else None
            move_label(
                prompt_id,
                PromptLabel.PRODUCTION,
                saved.version_id,
                actor=request.person.actor,
                expected_version_id=expected,
            )
    messages.success(request, _said(saved.number, saved.created, release))
    return redirect("console:prompt", prompt_id)


def _said(number: int, created: bool, released: bool) -> str:
    if released:
        return _("Version %(number)d is in production now.") % {"number": number}
    if created:
        return _("Saved as version %(number)d. It is not released yet.") % {"number": number}
    return _("Version %(number)d has this text already.") % {"number": number}


def _rendered(text: str) -> Rendered:
    try:
        opening = opening_messages(text)
    except PlatformError as error:
        return Rendered((), str(error.message), 0, is_exact=False)
    if not opening:
        return Rendered((), "", 0, is_exact=True)
    tokens = _counted(opening)
    if tokens is None:
        return Rendered(opening, "", estimate_tokens(opening), is_exact=False)
    return Rendered(opening, "", tokens, is_exact=True)


@async_to_sync
async def _counted(opening: tuple[PromptMessage, ...]) -> int | None:
    """As the model counts, None while no engine on this machine can tell."""
    try:
        async with asyncio.timeout(COUNT_PATIENCE_S):
            tokens = await gateway.count_tokens(opening)
    except (PlatformError, TimeoutError):
        return None
    # where no tokenizer of ours is asked, the count is the estimate itself
    return tokens if tokens != estimate_tokens(opening) else None


def whole_number(text: str | None) -> int | None:
    """A number of a version from an address or a form; raises InvalidInput for what is none."""
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidInput("version_invalid", _("There is no such version of this prompt."))
    return int(text)

"""Sharing, taking away and bringing in, for oneself: the dialogs of the chat and the page in the settings."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.clock import now
from chatplatform.common.errors import InvalidInput, PlatformError
from chatplatform.sharing import exports, imports, limits, queries, shares
from chatplatform.sharing.models import Audience, FileFormat
from chatplatform.sharing.pieces import read_export
from chatplatform.sharing.policy import sharing_policy
from chatplatform.sharing.reading import own_conversation, title_or_none
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.downloads import as_file, streamed
from chatplatform.web.error_pages import expected_errors


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.CHAT)
@expected_errors
def share_dialog(request: PersonRequest, conversation_id: UUID) -> HttpResponseBase:
    """The inside of the dialog; POST makes a link first."""
    problem: PlatformError | None = None
    if request.method == "POST":
        try:
            shares.make_share(conversation_id, _wish(request), actor=request.person.actor)
        except PlatformError as error:
            problem = error
    return _dialog(request, conversation_id, problem)


@require_POST
@requires(Permission.CHAT)
@expected_errors
def change_link(request: PersonRequest, share_id: UUID) -> HttpResponseBase:
    """`act` is `update` or `revoke`; the answer is the dialog again, or the settings page."""
    link = queries.own_link(request.person.id, share_id)
    if request.POST.get("act") == "revoke":
        shares.revoke_share(share_id, actor=request.person.actor)
        said = _("The link is revoked. It opens nothing from now on.")
    else:
        shares.update_share(share_id, actor=request.person.actor)
        said = _("The link shows the conversation as it is now.")
    if request.POST.get("within") == "dialog":
        return _dialog(request, link.conversation_id, None, said)
    messages.success(request, said)
    return redirect("sharing_settings")


@require_safe
@requires(Permission.CHAT)
@expected_errors
def conversation_file(request: PersonRequest, conversation_id: UUID) -> HttpResponseBase:
    """One conversation as a file, streamed; `?format=` is `markdown`, `html` or `json`."""
    document = exports.take_conversation(
        conversation_id,
        exports.format_of(request.GET.get("format", FileFormat.MARKDOWN)),
        person_id=request.person.id,
        actor=request.person.actor,
    )
    parts = streamed(document.parts, request.person.id, request.person.workspace_id)
    return as_file(parts, document.name, document.content_type)


@require_safe
@requires(Permission.CHAT)
@expected_errors
def sharing_settings(request: PersonRequest) -> HttpResponseBase:
    """One's links, files that were made, and files that were brought."""
    context = {
        **_work(request),
        "links": queries.own_links(request.person.id),
        "public_url": settings.PUBLIC_URL,
        "policy": sharing_policy(),
        "formats": FileFormat.choices,
        "import_mib": limits.IMPORT_BYTES // 1024**2,
        "data": {"strings": STRINGS, "piece_bytes": limits.PIECE_BYTES, "import_bytes": limits.IMPORT_BYTES},
    }
    return render(request, "sharing/settings.html", context)


@require_safe
@requires(Permission.CHAT)
@expected_errors
def sharing_work(request: PersonRequest) -> HttpResponseBase:
    """How far the files are, alone, for a live refresh."""
    return render(request, "sharing/work.html", _work(request))


@require_POST
@requires(Permission.CHAT)
@expected_errors
def begin_export(request: PersonRequest) -> HttpResponseBase:
    """Have a zip made of all conversations, or of those in `conversation`."""
    ids = [_uuid(text) for text in request.POST.getlist("conversation")]
    exports.begin_export(
        exports.format_of(request.POST.get("format", "")),
        conversation_ids=ids or None,
        actor=request.person.actor,
    )
    messages.success(request, _("The file is being made. It will be here when it is ready."))
    return redirect("sharing_settings")


@require_safe
@requires(Permission.CHAT)
@expected_errors
def export_file(request: PersonRequest, export_id: UUID) -> HttpResponseBase:
    """The zip, decrypted piece by piece while it is sent."""
    file = exports.take_export(export_id, actor=request.person.actor)
    name = f"conversations-{now():%Y-%m-%d}.zip"
    parts = streamed(read_export(file), request.person.id, request.person.workspace_id)
    response = as_file(parts, name, "application/zip")
    response.headers["Content-Length"] = str(file.size_bytes)
    return response


@require_POST
@requires(Permission.CHAT)
@expected_errors
def remove_export(request: PersonRequest, export_id: UUID) -> HttpResponseBase:
    exports.remove_export(export_id, actor=request.person.actor)
    messages.success(request, _("The file is removed."))
    return redirect("sharing_settings")


@require_POST
@requires(Permission.CHAT)
@expected_errors
def remove_import(request: PersonRequest, import_id: UUID) -> HttpResponseBase:
    imports.remove_import(import_id, actor=request.person.actor)
    messages.success(request, _("The report is removed. What was imported stays."))
    return redirect("sharing_settings")


def _wish(request: PersonRequest) -> shares.Wish:
    days = request.POST.get("days", "")
    return shares.Wish(
        audience=request.POST.get("audience", ""),
        days=int(days) if days.isascii() and days.isdecimal() and len(days) < 5 else 0,
        shows_name=request.POST.get("shows_name") == "on",
    )


def _dialog(
    request: PersonRequest, conversation_id: UUID, problem: PlatformError | None, said: str = ""
) -> HttpResponseBase:
    conversation = own_conversation(request.person.id, conversation_id)
    policy = sharing_policy()
    labels = dict(Audience.choices)
    context: dict[str, Any] = {
        "conversation_id": conversation.id,
        "title": title_or_none(conversation),
        "links": queries.own_links(request.person.id, conversation_id=conversation.id),
        "audiences": [(audience.value, labels[audience]) for audience in policy.audiences],
        "days": policy.days,
        "usual_days": policy.usual_days,
        "public_url": settings.PUBLIC_URL,
        "problem": str(problem.message) if problem else "",
        "said": said,
        "name": request.person.name,
    }
    return render(request, "sharing/dialog.html", context, status=problem.status if problem else 200)


def _work(request: PersonRequest) -> dict[str, Any]:
    made = exports.exports_of(request.person.id)
    brought = imports.imports_of(request.person.id)
    at_work = any(row.work.is_running for row in made) or any(row.work.is_running for row in brought)
    return {"exports": made, "imports": brought, "at_work": at_work}


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput("sharing.bad_choice", _("Reload the page and choose again.")) from None

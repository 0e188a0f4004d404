"""Assistants: what people choose from in the chat."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.errors import NotAllowed, NotFound, PlatformError
from chatplatform.console.assistant_form import AssistantForm, require_valid
from chatplatform.knowledge.collections import set_assistant
from chatplatform.knowledge.queries import assistant_use
from chatplatform.prompts import assistant_queries, services
from chatplatform.prompts.models import Assistant
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors


@require_GET
@requires(Permission.ASSISTANTS_READ)
@expected_errors
def assistant_list(request: PersonRequest) -> HttpResponseBase:
    """`?archived=1` shows those that are out of use."""
    archived = request.GET.get("archived") == "1"
    context = {
        "assistants": assistant_queries.assistant_list(archived=archived),
        "archived": archived,
        "may_manage": request.person.may(Permission.ASSISTANTS_MANAGE),
        "may_read_prompts": request.person.may(Permission.PROMPTS_READ),
        "data": {"strings": STRINGS},
    }
    return render(request, "console/assistants/list.html", context)


@require_http_methods(["GET", "POST"])
@requires(Permission.ASSISTANTS_MANAGE)
@expected_errors
def new_assistant(request: PersonRequest) -> HttpResponseBase:
    form = AssistantForm(request.POST if request.method == "POST" else None, reader_id=request.person.id)
    error = ""
    if request.method == "POST":
        try:
            require_valid(form)
            with transaction.atomic():
                made = services.create_assistant(form.spec(), form.prompt_id(), actor=request.person.actor)
                if form.collection_ids():
                    _set_knowledge(request, made, form)
        except PlatformError as refusal:
            error = str(refusal.message)
        else:
            messages.success(request, _("The assistant is there for new chats."))
            return redirect("console:assistant", made)
    return _form_page(request, form, None, error)


@require_http_methods(["GET", "POST"])
@requires(Permission.ASSISTANTS_READ)
@expected_errors
def assistant(request: PersonRequest, assistant_id: UUID) -> HttpResponseBase:
    """Shown to who may read assistants; changed by who manages them."""
    if request.method == "POST" and not request.person.may(Permission.ASSISTANTS_MANAGE):
        raise NotAllowed("not_allowed", _("Your role does not include changing assistants."))
    row = Assistant.objects.filter(id=assistant_id).select_related("prompt").first()
    if row is None:
        raise NotFound("assistant_unknown", _("This assistant is no longer here."))
    form = AssistantForm(
        request.POST if request.method == "POST" else None, reader_id=request.person.id, assistant=row
    )
    error = ""
    if request.method == "POST":
        try:
            require_valid(form)
            with transaction.atomic():
                services.change_assistant(
                    assistant_id, form.spec(), prompt_id=form.prompt_id(), actor=request.person.actor
                )
                before = assistant_use(assistant_id)
                collections = frozenset(before.collection_ids)
                if (collections, before.use) != (form.collection_ids(), form.use_of_knowledge()):
                    _set_knowledge(request, assistant_id, form)
        except PlatformError as refusal:
            error = str(refusal.message)
        else:
            messages.success(request, _("Saved. It holds from the next answer on."))
            return redirect("console:assistant", assistant_id)
    return _form_page(request, form, row, error)


@require_POST
@requires(Permission.ASSISTANTS_MANAGE)
@expected_errors
def default(request: PersonRequest, assistant_id: UUID) -> HttpResponseBase:
    services.make_default(assistant_id, actor=request.person.actor)
    messages.success(request, _("New chats begin with this assistant now."))
    return redirect("console:assistants")


@require_POST
@requires(Permission.ASSISTANTS_MANAGE)
@expected_errors
def archive(request: PersonRequest, assistant_id: UUID) -> HttpResponseBase:
    """`archived=1` takes the assistant out of use, 0 restores it."""
    archived = request.POST.get("archived") == "1"
    services.set_archived(assistant_id, archived, actor=request.person.actor)
    messages.success(request, _("Archived. Its chats stay readable.") if archived else _("Restored."))
    return redirect("console:assistants")


def _set_knowledge(request: PersonRequest, assistant_id: UUID, form: AssistantForm) -> None:
    set_assistant(assistant_id, form.collection_ids(), form.use_of_knowledge(), actor=request.person.actor)


def _form_page(
    request: PersonRequest, form: AssistantForm, row: Assistant | None, error: str
) -> HttpResponseBase:
    context = {
        "form": form,
        "assistant": row,
        "error": error,
        "may_manage": request.person.may(Permission.ASSISTANTS_MANAGE),
        "may_read_prompts": request.person.may(Permission.PROMPTS_READ),
        "data": {"strings": STRINGS},
    }
    return render(request, "console/assistants/form.html", context, status=400 if error else 200)

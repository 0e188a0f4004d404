"""The chat page and what its conversation list asks for. Messages themselves travel over the websocket."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chatplatform.accounts.access import signed_in
from chatplatform.accounts.person import PersonRequest
from chatplatform.chat import queries, services, versions
from chatplatform.chat.organising.queries import Shelf, conversation_page
from chatplatform.chat.protocol import MAX_MESSAGE_CHARS, PROTOCOL_VERSION, ConversationView, Snapshot
from chatplatform.chat.temporary.ids import is_temporary
from chatplatform.chat.temporary.policy import current_policy
from chatplatform.common.clock import moment_of
from chatplatform.common.errors import InvalidInput
from chatplatform.feedback.models import REASONS_OF, Verdict
from chatplatform.inference.endpoints.endpoint_queries import way_out
from chatplatform.preferences.services import preferences_of
from chatplatform.prompts.queries import assistants
from chatplatform.web import diagrams
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors
from chatplatform.web.setup_status import read_setup_status
from chatplatform.web.views.organising import overview_context, shelf_of

PAGE_CONVERSATIONS = 50


@require_safe
@signed_in
@expected_errors
def new_chat(request: PersonRequest) -> HttpResponseBase:
    """On a first start the set-up page comes first: it moves on to here as soon as a model can answer."""
    status = read_setup_status()
    if status.phase == "installing" and not status.can_chat:
        return redirect("setup")
    return _chat_page(request, None)


@require_safe
@signed_in
@expected_errors
def conversation(request: PersonRequest, conversation_id: UUID) -> HttpResponseBase:
    """A temporary one is in no row, and maybe in another process: its page asks for it over the websocket."""
    if is_temporary(conversation_id):
        return _chat_page(request, None)
    return _chat_page(request, queries.snapshot(request.person.id, conversation_id))


@require_safe
@signed_in
@expected_errors
def more_conversations(request: PersonRequest) -> HttpResponseBase:
    """A part of the list, or of a shelf of it, as HTML, after `?before=` (the last one's time of change, ISO 8601)."""
    context = conversation_list(request.person.id, shelf_of(request), _moment(request))
    return render(request, "chat/conversation_items.html", context)


@require_safe
@signed_in
@expected_errors
def models(request: PersonRequest) -> HttpResponseBase:
    """The models that may be chosen in a conversation, asked for once the page is shown."""
    return JsonResponse({"models": versions.served_models()})


@require_POST
@signed_in
@expected_errors
def rename(request: PersonRequest, conversation_id: UUID) -> HttpResponseBase:
    services.rename_conversation(conversation_id, request.POST.get("title", ""), actor=request.person.actor)
    if request.accepts("text/html"):
        return redirect("conversation", conversation_id)
    title = queries.conversation_of(request.person.id, conversation_id).title
    return JsonResponse({"title": title})


@require_POST
@signed_in
@expected_errors
def delete(request: PersonRequest, conversation_id: UUID) -> HttpResponseBase:
    services.delete_conversation(conversation_id, actor=request.person.actor)
    return redirect("chat") if request.accepts("text/html") else HttpResponse(status=204)


def conversation_list(person_id: UUID, shelf: Shelf, before: datetime | None = None) -> dict[str, Any]:
    """Context of `chat/conversation_items.html`."""
    found = conversation_page(person_id, shelf, before=before, limit=PAGE_CONVERSATIONS + 1)
    shown = found[:PAGE_CONVERSATIONS]
    return {"conversations": shown, "more_before": shown[-1].updated_at if len(found) > len(shown) else None}


def _chat_page(request: PersonRequest, snapshot: Snapshot | None) -> HttpResponse:
    choices = [
        {
            "id": str(assistant.id),
            "name": assistant.name,
            "description": assistant.description,
            "starters": list(assistant.starters),
            "is_default": assistant.is_default,
        }
        for assistant in assistants(reader_id=request.person.id)
    ]
    current: ConversationView | None = snapshot.conversation if snapshot else None
    policy = current_policy()
    ways = way_out("chat")
    data = {
        "temporary": {
            "offered": policy.is_offered,
            "enforced": policy.is_enforced_for(request.person.role),
        },
        "person_id": str(request.person.id),
        "protocol": PROTOCOL_VERSION,
        "max_message_chars": MAX_MESSAGE_CHARS,
        "files": {
            "max_mb": settings.ENVIRONMENT.file_mb,
            "per_message": settings.ENVIRONMENT.message_files,
        },
        "assistants": choices,
        "snapshot": snapshot.model_dump(mode="json") if snapshot else None,
        "language": get_language(),
        "answering": [str(each) for each in queries.answering(request.person.id)],
        "notify": preferences_of(request.person.id).notify,
        "way_out": ways is not None,
        "diagrams": diagrams.are_here(),
        "strings": STRINGS,
    }
    context = {
        **conversation_list(request.person.id, Shelf()),
        **overview_context(request.person.id),
        "conversation": current,
        "assistants": choices,
        "data": data,
        "setup": read_setup_status(),
        "way_out": ways,
        "feedback_reasons": feedback_reasons(),
        "page_title": current.title if current else _("New chat"),
    }
    return render(request, "chat/chat.html", context)


def _moment(request: PersonRequest) -> datetime | None:
    text = request.GET.get("before", "")
    moment = moment_of(text)
    if text and moment is None:
        raise InvalidInput("web.bad_time", _("The list could not be continued. Reload the page."))
    return moment


def feedback_reasons() -> list[tuple[str, str, list[tuple[str, str]]]]:
    """For the form: each verdict with a question and the reasons that go with it."""
    questions = {Verdict.GOOD: _("What was good about it?"), Verdict.BAD: _("What was wrong with it?")}
    return [
        (
            verdict.value,
            questions[verdict],
            [(reason.value, str(reason.label)) for reason in REASONS_OF[verdict]],
        )
        for verdict in Verdict
    ]

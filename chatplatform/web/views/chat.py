"""The chat page and what its conversation list asks for. Messages themselves travel over the websocket."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chatplatform.accounts.access import signed_in
from chatplatform.accounts.person import PersonRequest
from chatplatform.chat import queries, services
from chatplatform.chat.protocol import MAX_MESSAGE_CHARS, PROTOCOL_VERSION, ConversationView, Snapshot
from chatplatform.common.clock import moment_of
from chatplatform.common.errors import InvalidInput
from chatplatform.inference.endpoint_queries import way_out
from chatplatform.prompts.queries import assistants
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors
from chatplatform.web.setup_status import read_setup_status

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
    return _chat_page(request, queries.snapshot(request.person.id, conversation_id))


@require_safe
@signed_in
@expected_errors
def more_conversations(request: PersonRequest) -> HttpResponseBase:
    """The next part of the list, as HTML, after `?before=` (the last one's time of change, ISO 8601)."""
    return render(
        request, "chat/conversation_items.html", conversation_list(request.person.id, _moment(request))
    )


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


def conversation_list(person_id: UUID, before: datetime | None = None) -> dict[str, Any]:
    """Context of `chat/conversation_items.html`."""
    found = queries.conversation_page(person_id, before=before, limit=PAGE_CONVERSATIONS + 1)
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
    data = {
        "person_id": str(request.person.id),
        "protocol": PROTOCOL_VERSION,
        "max_message_chars": MAX_MESSAGE_CHARS,
        "assistants": choices,
        "snapshot": snapshot.model_dump(mode="json") if snapshot else None,
        "language": get_language(),
        "strings": STRINGS,
    }
    context = {
        **conversation_list(request.person.id),
        "conversation": current,
        "assistants": choices,
        "data": data,
        "setup": read_setup_status(),
        "way_out": way_out("chat"),
        "page_title": current.title if current else _("New chat"),
    }
    return render(request, "chat/chat.html", context)


def _moment(request: PersonRequest) -> datetime | None:
    text = request.GET.get("before", "")
    moment = moment_of(text)
    if text and moment is None:
        raise InvalidInput("web.bad_time", _("The list could not be continued. Reload the page."))
    return moment

"""The summary of earlier messages at its place in the chat: its text, another one, or none."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.chat.summaries.queries import summary_of
from chatplatform.chat.summaries.services import remove_summary, summarise_again
from chatplatform.web.error_pages import expected_errors


@require_safe
@requires(Permission.CHAT)
@expected_errors
def summary(request: PersonRequest, summary_id: UUID) -> HttpResponseBase:
    return render(request, "chat/summary.html", {"summary": summary_of(request.person.id, summary_id)})


@require_POST
@requires(Permission.CHAT)
@expected_errors
def again(request: PersonRequest, summary_id: UUID) -> HttpResponseBase:
    """Another summary of the same messages takes the place of this one when it is written."""
    summarise_again(summary_id, actor=request.person.actor)
    return HttpResponse(status=204)


@require_POST
@requires(Permission.CHAT)
@expected_errors
def remove(request: PersonRequest, summary_id: UUID) -> HttpResponseBase:
    remove_summary(summary_id, actor=request.person.actor)
    return HttpResponse(status=204)

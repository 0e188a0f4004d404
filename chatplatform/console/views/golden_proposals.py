"""Golden questions that a model proposes: asked for, and each accepted, changed or rejected by a person."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.errors import InvalidInput, NotFound, PlatformError
from chatplatform.console.parts import wants_part, with_events
from chatplatform.knowledge import queries as knowledge
from chatplatform.knowledge.editors import require_editor
from chatplatform.knowledge.quality import proposal_queries, proposals, queries
from chatplatform.knowledge.quality.proposal_queries import ProposalView
from chatplatform.web.error_pages import expected_errors

LOOK_AGAIN = "look-again"


@require_POST
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def begin(request: PersonRequest, collection_id: UUID) -> HttpResponseBase:
    """Have a model asked. htmx leaves the page as it is: somebody may be typing in it."""
    _require_editor(request, collection_id)
    said = request.POST.get("passages", "")
    try:
        # what is no number is one that is refused
        most = int(said) if said.isascii() and said.isdecimal() and len(said) < 5 else 0
        proposals.begin_proposals(collection_id, most, actor=request.person.actor)
    except NotFound:
        raise
    except PlatformError as problem:
        if wants_part(request):
            return with_events(HttpResponse(status=204), toast=str(problem.message))
        messages.warning(request, str(problem.message))
    if wants_part(request):
        return with_events(HttpResponse(status=204), **{LOOK_AGAIN: ""})
    return redirect("console:quality", collection_id)


@require_POST
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def decide(request: PersonRequest, collection_id: UUID, proposal_id: UUID) -> HttpResponseBase:
    """`act` is accept, with the question as it was typed, or reject. htmx gets words for the proposal's place, others
    the page."""
    _require_editor(request, collection_id)
    view = proposal_queries.proposal_view(request.person.id, proposal_id)
    if view.collection_id != collection_id:
        raise proposals.proposal_not_found()
    act, typed = request.POST.get("act"), request.POST.get("question", "").replace("\x00", "")
    try:
        if act == "accept":
            proposals.accept_proposal(proposal_id, typed, actor=request.person.actor)
            words = _("Kept as a golden question")
        elif act == "reject":
            proposals.reject_proposal(proposal_id, actor=request.person.actor)
            words = _("Rejected. It is not proposed again.")
        else:
            raise InvalidInput("proposal_act", _("Accept the question, or reject it."))
    except NotFound:
        raise
    except PlatformError as problem:
        if wants_part(request):
            return _still_open(request, collection_id, view, typed, str(problem.message))
        messages.warning(request, str(problem.message))
        return redirect("console:quality", collection_id)
    if wants_part(request):
        return _settled(request, collection_id, view, words, is_kept=act == "accept")
    messages.success(request, words)
    return redirect("console:quality", collection_id)


def _settled(
    request: PersonRequest, collection_id: UUID, proposal: ProposalView, words: str, *, is_kept: bool
) -> HttpResponse:
    questions = queries.golden_questions(request.person.id, collection_id)
    context = {
        "collection": knowledge.collection_view(request.person.id, collection_id),
        "proposal": proposal,
        "words": words,
        "kind": "accent" if is_kept else "",
        "is_kept": is_kept,
        "questions": questions,
        "can_measure": any(not each.has_lost_document for each in questions),
        "may_edit": True,
    }
    return render(request, "console/knowledge/proposal_settled.html", context)


def _still_open(
    request: PersonRequest, collection_id: UUID, proposal: ProposalView, typed: str, problem: str
) -> HttpResponse:
    context = {
        "collection": knowledge.collection_view(request.person.id, collection_id),
        "proposal": proposal,
        "typed": typed,
        "problem": problem,
    }
    return render(request, "console/knowledge/proposal.html", context)


def _require_editor(request: PersonRequest, collection_id: UUID) -> None:
    by_role = request.person.may(Permission.KNOWLEDGE_EDIT)
    require_editor(request.person.id, collection_id, by_role=by_role)

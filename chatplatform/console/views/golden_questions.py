"""A golden question: written, changed and removed by hand."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.errors import NotFound, PlatformError
from chatplatform.console.identifiers import uuid_of
from chatplatform.knowledge import document_queries
from chatplatform.knowledge import queries as knowledge
from chatplatform.knowledge.editors import require_editor
from chatplatform.knowledge.quality import queries, services
from chatplatform.knowledge.quality.queries import GoldenView
from chatplatform.knowledge.quality.services import Golden, question_not_found
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors

MOST_DOCUMENTS = 500
UNANSWERABLE = "none"


@dataclass(frozen=True, slots=True)
class Choice:
    """A document that one may choose."""

    id: str
    title: str


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def new_question(request: PersonRequest, collection_id: UUID) -> HttpResponseBase:
    _require_editor(request, collection_id)
    return _form(request, collection_id, None)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def question(request: PersonRequest, collection_id: UUID, question_id: UUID) -> HttpResponseBase:
    _require_editor(request, collection_id)
    return _form(request, collection_id, _golden(request, collection_id, question_id))


@require_POST
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def delete(request: PersonRequest, collection_id: UUID, question_id: UUID) -> HttpResponseBase:
    _require_editor(request, collection_id)
    _golden(request, collection_id, question_id)
    services.remove_question(question_id, actor=request.person.actor)
    messages.success(request, _("The golden question is removed."))
    return redirect("console:quality", collection_id)


def _form(request: PersonRequest, collection_id: UUID, golden: GoldenView | None) -> HttpResponseBase:
    view = knowledge.collection_view(request.person.id, collection_id)
    typed = {"question": "", "document": "", "passage": ""}
    if golden:
        chosen = UNANSWERABLE if golden.is_unanswerable else str(golden.document_id or "")
        typed = {"question": golden.question, "document": chosen, "passage": golden.passage}
    problem: PlatformError | None = None
    if request.method == "POST":
        typed = {name: request.POST.get(name, "").replace("\x00", "") for name in typed}
        try:
            _save(collection_id, golden, typed, request)
        except NotFound:
            raise
        except PlatformError as error:
            problem = error
        else:
            messages.success(request, _("Saved. The next measurement asks it."))
            return redirect("console:quality", collection_id)
    context = {
        "collection": view,
        "golden": golden,
        "typed": typed,
        "choices": _choices(request, collection_id, golden),
        "none": UNANSWERABLE,
        "problem": problem.message if problem else "",
        "data": {"strings": STRINGS},
    }
    status = problem.status if problem else 200
    return render(request, "console/knowledge/golden.html", context, status=status)


def _save(
    collection_id: UUID, golden: GoldenView | None, typed: dict[str, str], request: PersonRequest
) -> None:
    said = Golden(
        typed["question"],
        uuid_of(typed["document"]),
        typed["passage"],
        is_unanswerable=typed["document"] == UNANSWERABLE,
    )
    if golden is None:
        services.add_question(collection_id, said, actor=request.person.actor)
    else:
        services.change_question(golden.id, said, actor=request.person.actor)


def _choices(request: PersonRequest, collection_id: UUID, golden: GoldenView | None) -> list[Choice]:
    """The newest documents by title, and the one that was chosen before."""
    page = document_queries.document_page(request.person.id, collection_id, limit=MOST_DOCUMENTS)
    found = {str(each.id): each.title for each in page.documents}
    if golden and golden.document_id:
        found.setdefault(str(golden.document_id), golden.document)
    return sorted((Choice(id, title) for id, title in found.items()), key=lambda one: one.title.casefold())


def _golden(request: PersonRequest, collection_id: UUID, question_id: UUID) -> GoldenView:
    found = queries.golden_question(request.person.id, question_id)
    if found.collection_id != collection_id:
        raise question_not_found()
    return found


def _require_editor(request: PersonRequest, collection_id: UUID) -> None:
    by_role = request.person.may(Permission.KNOWLEDGE_EDIT)
    require_editor(request.person.id, collection_id, by_role=by_role)

"""Questions that no document answered: read, closed, or turned into a question with its answer."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.errors import InvalidInput, NotFound, PlatformError
from chatplatform.console.identifiers import uuid_of
from chatplatform.knowledge import queries
from chatplatform.knowledge.gaps import services
from chatplatform.knowledge.gaps.content import question_of
from chatplatform.knowledge.gaps.models import Gap
from chatplatform.knowledge.gaps.queries import read_gaps
from chatplatform.knowledge.quality.services import Golden, put_question
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors


@require_safe
@requires(Permission.KNOWLEDGE_EDIT)
@expected_errors
def gap_list(request: PersonRequest) -> HttpResponseBase:
    """Open ones; `?state=` shows those that are settled. That they were read is recorded."""
    state = request.GET.get("state", "")
    state = state if state in Gap.State.values else str(Gap.State.OPEN)
    context = {
        "gaps": read_gaps(state=state, actor=request.person.actor),
        "state": state,
        "states": Gap.State.choices,
        "data": {"strings": STRINGS},
    }
    return render(request, "console/knowledge/gaps.html", context)


@require_POST
@requires(Permission.KNOWLEDGE_EDIT)
@expected_errors
def close(request: PersonRequest, gap_id: UUID) -> HttpResponseBase:
    services.close_gap(gap_id, actor=request.person.actor)
    messages.success(request, _("Closed. It is not listed again."))
    return redirect("console:gaps")


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.KNOWLEDGE_EDIT)
@expected_errors
def answer(request: PersonRequest, gap_id: UUID) -> HttpResponseBase:
    """Write the answer into a collection; from then on the question finds it."""
    gap = services.require_gap(gap_id, actor=request.person.actor)
    typed = {"question": question_of(gap) or "", "answer": "", "collection": "", "golden": "yes"}
    problem: PlatformError | None = None
    if request.method == "POST":
        typed = {name: request.POST.get(name, "").replace("\x00", "") for name in typed}
        try:
            collection_id = _collection(typed)
            made = services.answer_gap(
                gap_id, collection_id, typed["question"], typed["answer"], actor=request.person.actor
            )
            if typed["golden"]:
                _keep(request, collection_id, Golden(typed["question"], made))
        except NotFound:
            raise
        except PlatformError as error:
            problem = error
        else:
            messages.success(request, _("Added. From now on this question finds your answer."))
            return redirect("console:document", made)
    context = {
        "gap": gap,
        "typed": typed,
        "collections": [view for view in queries.collection_list(request.person.id) if view.may_edit],
        "problem": problem.message if problem else "",
        "data": {"strings": STRINGS},
    }
    return render(request, "console/knowledge/gap.html", context, status=problem.status if problem else 200)


def _keep(request: PersonRequest, collection_id: UUID, golden: Golden) -> None:
    """The answer is written already: what speaks against a golden question is told, and takes nothing back."""
    try:
        put_question(collection_id, golden, actor=request.person.actor)
    except PlatformError as problem:
        messages.warning(request, str(problem.message))


def _collection(typed: dict[str, str]) -> UUID:
    found = uuid_of(typed["collection"])
    if found is None:
        raise InvalidInput("collection_missing", _("Choose a collection."))
    return found

"""Quality of a collection: how good its answers are now, how that went, and each question that got the wrong one."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.clock import now
from chatplatform.common.errors import NotFound, PlatformError
from chatplatform.console.identifiers import uuid_of
from chatplatform.console.parts import wants_part
from chatplatform.console.plots import share_plot
from chatplatform.console.quality_words import (
    VERDICT_KINDS,
    change_words,
    imported_words,
    proposed_words,
    shown_figures,
    summary,
    verdict_words,
)
from chatplatform.console.views.knowledge_search import scores_of
from chatplatform.knowledge import queries as knowledge
from chatplatform.knowledge.editors import require_editor
from chatplatform.knowledge.quality import exchange, proposal_queries, queries, services
from chatplatform.knowledge.quality.proposals import MOST_PASSAGES, USUAL_PASSAGES
from chatplatform.knowledge.quality.queries import ResultView, RunView
from chatplatform.knowledge.quality.services import Golden
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors

RUNS_PLOTTED = 50


@require_safe
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def quality(request: PersonRequest, collection_id: UUID) -> HttpResponseBase:
    """`?part=measured` gives what runs told alone, to be looked at again."""
    view = knowledge.collection_view(request.person.id, collection_id)
    runs = queries.runs_of(request.person.id, collection_id, limit=RUNS_PLOTTED)
    context = {"collection": view, "may_edit": view.may_edit, **_measured(request, runs)}
    if view.may_edit:
        context |= _proposed(request, collection_id)
    if request.GET.get("part") == "measured":
        return render(request, "console/knowledge/quality_measured.html", context)
    questions = queries.golden_questions(request.person.id, collection_id)
    context |= {
        "questions": questions,
        "can_measure": any(not each.has_lost_document for each in questions),
        "data": {"strings": STRINGS},
    }
    return render(request, "console/knowledge/quality.html", context)


@require_POST
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def measure(request: PersonRequest, collection_id: UUID) -> HttpResponseBase:
    """Begin a run over the index that answers."""
    _require_editor(request, collection_id)
    try:
        services.begin_run(collection_id, actor=request.person.actor)
    except NotFound:
        raise
    except PlatformError as problem:
        messages.warning(request, str(problem.message))
    return redirect("console:quality", collection_id)


@require_safe
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def run(request: PersonRequest, collection_id: UUID, run_id: UUID) -> HttpResponseBase:
    """What each question got, beside the run before."""
    view, found = _run(request, collection_id, run_id)
    context = {
        "collection": view,
        "run": found,
        **_told(request, found),
        "results": _shown(queries.results_of(request.person.id, run_id)),
        "data": {"strings": STRINGS},
    }
    return render(request, "console/knowledge/quality_run.html", context)


@require_safe
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def result(request: PersonRequest, collection_id: UUID, run_id: UUID, question_id: UUID) -> HttpResponseBase:
    """One question of a run: what should be found, and what was, with how it was scored."""
    view, measured = _run(request, collection_id, run_id)
    got, found = queries.result_of(request.person.id, run_id, question_id)
    context = {
        "collection": view,
        "run": measured,
        "shown": _shown([got])[0],
        "threshold": round(100 * got.threshold),
        "confidence": round(100 * got.confidence),
        "found": [
            {
                "passage": one,
                "scores": scores_of(one.score, is_reranked=one.score.reranked is not None),
                "confidence": round(100 * one.score.confidence),
            }
            for one in found
        ],
        "may_edit": view.may_edit,
        "data": {"strings": STRINGS},
    }
    return render(request, "console/knowledge/quality_result.html", context)


@require_POST
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def from_search(request: PersonRequest, collection_id: UUID) -> HttpResponseBase:
    """«This is the right one» beside what a search found, or «nothing here answers this»; gives words for its place."""
    _require_editor(request, collection_id)
    question = request.POST.get("question", "").replace("\x00", "")
    chunk_id = uuid_of(request.POST.get("passage", ""))
    try:
        if chunk_id is None:
            golden = Golden(question, is_unanswerable=True)
        else:
            golden = Golden(question, *services.words_of_chunk(collection_id, chunk_id))
        services.put_question(collection_id, golden, actor=request.person.actor)
        words, kind = _("Kept as a golden question"), "accent"
    except PlatformError as problem:
        if not wants_part(request):
            raise
        words, kind = str(problem.message), "danger"
    if wants_part(request):
        return render(request, "console/knowledge/golden_kept.html", {"words": words, "kind": kind})
    messages.success(request, words)
    return redirect("console:quality", collection_id)


@require_POST
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def import_(request: PersonRequest, collection_id: UUID) -> HttpResponseBase:
    """A file of CSV or JSON lines; what of it was not taken is told."""
    _require_editor(request, collection_id)
    file = request.FILES.get("file")
    try:
        data = file.read(exchange.MOST_BYTES + 1) if file else b""
        done = exchange.import_questions(collection_id, data, actor=request.person.actor)
    except NotFound:
        raise
    except PlatformError as problem:
        messages.warning(request, str(problem.message))
    else:
        messages.success(request, imported_words(done))
        for number, why in done.problems[:5]:
            messages.warning(request, _("Question %(n)d: %(why)s") % {"n": number, "why": why})
    return redirect("console:quality", collection_id)


@require_safe
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def export(request: PersonRequest, collection_id: UUID) -> HttpResponseBase:
    """`?form=jsonl` for JSON lines, else CSV."""
    _require_editor(request, collection_id)
    form: exchange.Form = "jsonl" if request.GET.get("form") == "jsonl" else "csv"
    told = exchange.export_questions(collection_id, form, actor=request.person.actor)
    kinds = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}
    response = HttpResponse(told, content_type=kinds[form])
    response.headers["Content-Disposition"] = f'attachment; filename="golden-{now():%Y-%m-%d}.{form}"'
    return response


def _require_editor(request: PersonRequest, collection_id: UUID) -> None:
    by_role = request.person.may(Permission.KNOWLEDGE_EDIT)
    require_editor(request.person.id, collection_id, by_role=by_role)


def _run(
    request: PersonRequest, collection_id: UUID, run_id: UUID
) -> tuple[knowledge.CollectionView, RunView]:
    view = knowledge.collection_view(request.person.id, collection_id)
    found = queries.run_view(request.person.id, run_id)
    if found.collection_id != collection_id:
        raise NotFound("quality_run_not_found", _("This run is not there, or you may not see it."))
    return view, found


def _measured(request: PersonRequest, runs: list[RunView]) -> dict[str, object]:
    """What a page shows of runs, the newest first."""
    newest = runs[0] if runs else None
    done = [each for each in runs if each.figures]
    labels = [(date_format(each.created_at, "SHORT_DATETIME_FORMAT"), each) for each in reversed(done)]
    first = [(label, each.figures.recall_1 if each.figures else None) for label, each in labels]
    among = [(label, each.figures.recall_5 if each.figures else None) for label, each in labels]
    return {
        "in_work": newest if newest and newest.state == "in_work" else None,
        "failed": newest if newest and newest.state == "failed" else None,
        "latest": done[0] if done else None,
        **(_told(request, done[0]) if done else {}),
        "misses": [
            each
            for each in _shown(queries.results_of(request.person.id, done[0].id))
            if each["is_miss"]  # what went well is on the run's own page
        ]
        if done
        else [],
        "plots": [plot for plot in (share_plot(first), share_plot(among)) if plot] if len(done) > 1 else [],
        "runs": [{"run": each, "figures": shown_figures(each.figures)} for each in done if each.figures],
    }


def _proposed(request: PersonRequest, collection_id: UUID) -> dict[str, object]:
    run = proposal_queries.proposal_run_of(request.person.id, collection_id)
    return {
        "proposals": proposal_queries.proposals_of(request.person.id, collection_id),
        "proposal_run": run,
        "proposed_words": proposed_words(run) if run else "",
        "usual_passages": USUAL_PASSAGES,
        "most_passages": MOST_PASSAGES,
    }


def _told(request: PersonRequest, run: RunView) -> dict[str, object]:
    before = queries.run_before(request.person.id, run.id)
    if run.figures is None:
        return {}
    return {
        "summary": summary(run.figures),
        "figures": shown_figures(run.figures, before.figures if before else None),
        "before": before,
    }


def _shown(results: list[ResultView]) -> list[dict[str, object]]:
    return [
        {
            "result": each,
            "is_miss": each.is_miss,
            "verdict": verdict_words(each),
            "kind": VERDICT_KINDS[each.verdict],
            "change": change_words(each),
            "change_kind": "danger" if each.change == "worse" else "accent",
        }
        for each in results
    ]

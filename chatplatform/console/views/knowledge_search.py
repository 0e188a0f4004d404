"""What a collection answers to a question, and how each passage came to its place."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from asgiref.sync import async_to_sync
from django.http import HttpResponseBase
from django.shortcuts import render
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.errors import NotFound, PlatformError
from chatplatform.console.parts import wants_part
from chatplatform.knowledge import queries
from chatplatform.knowledge.retrieval import Passage, Retrieved, Score, retrieve
from chatplatform.knowledge.retrieval.found import Degraded
from chatplatform.knowledge.rights import scope_of_collection
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors

PURPOSE = "knowledge.search"
QUESTION_CHARS = 2_000
MOST = 10


@dataclass(frozen=True, slots=True)
class ShownScore:
    """A bar from 0 to 1 with its figure."""

    label: str
    value: float
    shown: str


@dataclass(frozen=True, slots=True)
class ShownPassage:
    passage: Passage
    confidence: int
    scores: tuple[ShownScore, ...]


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def search(request: PersonRequest, collection_id: UUID) -> HttpResponseBase:
    """A POST searches, so that questions stand in no address and no log."""
    view = queries.collection_view(request.person.id, collection_id)
    scope = scope_of_collection(request.person.id, collection_id)
    question = request.POST.get("question", "").replace("\x00", "").strip()[:QUESTION_CHARS]
    found: Retrieved | None = None
    problem = ""
    if question:
        try:
            found = async_to_sync(retrieve)(
                scope, question, actor=request.person.actor, purpose=PURPOSE, most=MOST, explain=True
            )
        except NotFound:
            raise
        except PlatformError as error:
            problem = str(error.message)
    context = {
        "collection": view,
        "question": question,
        "found": found,
        "passages": _shown(found) if found else [],
        "problem": problem,
        "degraded": _degraded(found.degraded) if found else "",
        "not_reranked": _("The reranker did not answer: this is the order without it.")
        if found and found.reranking == "missed"
        else "",
        "time_ms": round(found.timings_ms.total) if found else 0,
        "data": {"strings": STRINGS},
    }
    template = "console/knowledge/results.html" if wants_part(request) else "console/knowledge/search.html"
    return render(request, template, context)


def _degraded(what: Degraded) -> str:
    match what:
        case "untranslated":
            return _(
                "The embedding model reads English only, and the question was not translated: words alone decided."
            )
        case "words_only":
            return _("The meaning of the question could not be looked at: words alone decided.")
    return ""


def _shown(found: Retrieved) -> list[ShownPassage]:
    is_reranked = found.reranking == "done"
    return [
        ShownPassage(
            passage,
            round(100 * passage.score.confidence),
            tuple(scores_of(passage.score, is_reranked=is_reranked)),
        )
        for passage in found.passages
    ]


def scores_of(score: Score, *, is_reranked: bool) -> list[ShownScore]:
    """What was weighed; a figure behind a bar is the one that was measured. `is_reranked` says that a reranker gave the
    order, if not of this passage."""
    shown = [
        ShownScore(_("Meaning"), score.dense_level, "–" if score.dense is None else _figure(score.dense, 2)),
        ShownScore(_("Words"), score.lexical_level, _figure(score.lexical, 1)),
        ShownScore(_("Words of the question in it"), score.coverage, f"{round(100 * score.coverage)} %"),
        ShownScore(_("Together"), score.fused, _figure(score.fused, 2)),
    ]
    if is_reranked:
        given = score.reranked
        # a server of somebody else's may have a scale of its own
        level = min(max(given or 0.0, 0.0), 1.0)
        shown.append(ShownScore(_("Reranker"), level, "–" if given is None else _figure(given, 2)))
    return shown


def _figure(value: float, places: int) -> str:
    """Rounded here, since Django cuts off."""
    return str(number_format(round(value, places), places))

"""The index of a collection: what it is made with, and changing to another one while search goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.errors import InvalidInput, NotFound, PlatformError
from chatplatform.console.knowledge_words import time_words
from chatplatform.console.parts import wants_part
from chatplatform.console.quality_words import summary
from chatplatform.knowledge import queries, rebuilding
from chatplatform.knowledge.chunk_sizes import CHOICES, DEFAULT_TOKENS
from chatplatform.knowledge.indexes import IndexesView, indexes_of
from chatplatform.knowledge.quality.queries import figures_of
from chatplatform.knowledge.rebuild_estimate import RebuildEstimate, rebuild_estimates, seconds_left
from chatplatform.knowledge.retrieval.encoders import present_encoder
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors

WORDS: Final[dict[int, Promise]] = {
    128: gettext_lazy("Short: finds the exact place, with less around it"),
    224: gettext_lazy("Middle: right for most documents"),
    320: gettext_lazy("Long: more of the text at once"),
    448: gettext_lazy("Very long: for running text such as books"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A size of chunks that may be chosen; `estimate` is None until it was made."""

    tokens: int
    words: str | Promise
    is_chosen: bool
    estimate: RebuildEstimate | None = None

    @property
    def time(self) -> str:
        seconds = self.estimate.seconds if self.estimate else None
        return "" if seconds is None else time_words(seconds)


@require_safe
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def index(request: PersonRequest, collection_id: UUID) -> HttpResponseBase:
    """`?part=index` gives how it stands alone; htmx asks for what each choice costs, which takes a moment."""
    view = queries.collection_view(request.person.id, collection_id)
    found = indexes_of(request.person.id, collection_id)
    if wants_part(request):
        choices = _choices(found)
        made = rebuild_estimates(
            collection_id, [choice.tokens for choice in choices], actor=request.person.actor
        )
        shown = [
            Choice(choice.tokens, choice.words, choice.is_chosen, estimate)
            for choice, estimate in zip(choices, made, strict=True)
        ]
        return render(request, "console/knowledge/index_estimates.html", {"choices": shown})
    context = {
        "collection": view,
        "indexes": found,
        "is_busy": any(one.is_busy for one in found.all),
        "serving": async_to_sync(present_encoder)(),
        "time_left": _time_left(found),
        "measured": _measured(found),
        "act_address": reverse("console:change_index", args=[collection_id]),
    }
    if request.GET.get("part") == "index":
        return render(request, "console/knowledge/index_state.html", context)
    context |= {"choices": _choices(found), "data": {"strings": STRINGS}}
    return render(request, "console/knowledge/index.html", context)


@require_POST
@requires(Permission.KNOWLEDGE_MANAGE)
@expected_errors
def change(request: PersonRequest, collection_id: UUID) -> HttpResponseBase:
    """`act`: build (with `chunk_tokens`), use, give_up or go_back."""
    try:
        words = _acted(request, collection_id)
    except NotFound:
        raise
    except PlatformError as problem:
        messages.warning(request, str(problem.message))
    else:
        messages.success(request, words)
    return redirect("console:collection_index", collection_id)


def _acted(request: PersonRequest, collection_id: UUID) -> str:
    """Do it, and say what goes on from now."""
    actor = request.person.actor
    match request.POST.get("act", ""):
        case "build":
            rebuilding.build_anew(collection_id, chunk_tokens=_tokens(request), actor=actor)
            return _("It is being built. Search goes on with the present index; chats go first.")
        case "use":
            rebuilding.use(collection_id, actor=actor)
            return _("The new index answers from now on. You can go back until another is built.")
        case "give_up":
            rebuilding.give_up(collection_id, actor=actor)
            return _("Given up. Nothing has changed for search.")
        case "go_back":
            rebuilding.go_back(collection_id, actor=actor)
            return _("The index before answers again. What came since is put into it.")
    raise InvalidInput("act_unknown", _("That request made no sense to us"))


def _tokens(request: PersonRequest) -> int:
    given = request.POST.get("chunk_tokens", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 6 else 0


def _choices(found: IndexesView) -> list[Choice]:
    """What is offered, with what is in use among it."""
    present = found.live.chunk_tokens if found.live else DEFAULT_TOKENS
    return [
        Choice(tokens, WORDS.get(tokens, _("As it is now")), tokens == present)
        for tokens in sorted({*CHOICES, present})
    ]


def _measured(found: IndexesView) -> list[tuple[UUID, UUID, str]]:
    """For each index that golden questions were asked of: its id, the run's, and the figures in words."""
    runs = [(one.id, figures_of(one.id)) for one in found.all]
    return [(index_id, run.id, summary(run.figures)) for index_id, run in runs if run and run.figures]


def _time_left(found: IndexesView) -> str:
    if found.live is None or found.building is None or not found.building.is_busy:
        return ""
    seconds = seconds_left(found.live.tokens, found.building.progress)
    return "" if seconds is None else time_words(seconds)

"""The documents of a collection: how far each is, what is done with them, and what was read of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Literal
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.clock import moment_of
from chatplatform.common.errors import Conflict, InvalidInput, NotFound, PlatformError
from chatplatform.console.identifiers import uuid_of, uuids_of
from chatplatform.console.knowledge_words import PAGE_STRINGS, time_words
from chatplatform.console.views.knowledge_chunks import chunk_choices
from chatplatform.documents.blocks import Block, placed
from chatplatform.knowledge import document_acts, document_queries, queries
from chatplatform.knowledge import documents as services
from chatplatform.knowledge.document_queries import STAGES, STATES, DocumentView, State
from chatplatform.knowledge.documents import Kept
from chatplatform.knowledge.editors import require_editor
from chatplatform.knowledge.queries import CollectionView
from chatplatform.knowledge.written import Pair
from chatplatform.web.error_pages import expected_errors

PAGE_DOCUMENTS = 50
PAGE_PASSAGES = 50
PAGE_CHARS = 30_000
EMPTY_PAIRS = 3
IN_WORK: tuple[State, ...] = ("waiting", "reading", "indexing")


@dataclass(frozen=True, slots=True)
class ReadBlock:
    """A part of what was read; `opens_page` says that the page's number stands before it."""

    kind: str
    text: str
    page: int
    opens_page: bool


@require_safe
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def collection(request: PersonRequest, collection_id: UUID) -> HttpResponseBase:
    """Newest first. `?state=` and `?find=` narrow it down, `?part=` gives the list alone, to be looked at again."""
    view = queries.collection_view(request.person.id, collection_id)
    given = {name: request.GET.get(name, "").replace("\x00", "").strip()[:100] for name in ("find", "state")}
    state: State | Literal[""] = next((each for each in STATES if each == given["state"]), "")
    given["state"] = state
    page = document_queries.document_page(
        request.person.id,
        collection_id,
        state=state,
        find=given["find"],
        after=_place(request),
        limit=PAGE_DOCUMENTS,
    )
    in_work = sum(page.counts.get(each, 0) for each in IN_WORK)
    more = _address(given, after=_cursor(page.next)) if page.next else ""
    context = {
        "collection": view,
        "documents": page.documents,
        "total": sum(page.counts.values()),
        "in_work": in_work,
        "is_busy": in_work > 0,
        "time_left": _time_left(collection_id) if in_work else "",
        "filters": _filters(page.counts, given),
        "state": state,
        "find": given["find"],
        "more": more,
        "live": _address(given, part="documents", after=request.GET.get("after", "")[:100]),
        "act_address": reverse("console:change_documents", args=[collection_id]),
        "may_edit": view.may_edit,
        "most_mb": settings.ENVIRONMENT.knowledge_file_mb,
    }
    if request.GET.get("part") == "documents":
        return render(request, "console/knowledge/documents.html", context)
    context["data"] = {
        "strings": PAGE_STRINGS,
        "knowledge": {
            "address": f"/api/knowledge/collections/{collection_id}/documents",
            "most_mb": settings.ENVIRONMENT.knowledge_file_mb,
            "time": _times(collection_id) if view.may_edit else None,
        },
    }
    return render(request, "console/knowledge/collection.html", context)


@require_POST
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def change(request: PersonRequest, collection_id: UUID) -> HttpResponseBase:
    """`act` (retry, stop, delete) with several `document`; or `retry` or `delete` with one. `back` is the page of
    a document that asked."""
    _require_editor(request, collection_id)
    _editable(request, collection_id)
    act = request.POST.get("act", "")
    chosen = sorted(uuids_of(request.POST.getlist("document")))
    for one in ("retry", "delete"):
        if (found := uuid_of(request.POST.get(one, ""))) is not None:
            act, chosen = one, [found]
    try:
        words = _acted(act, chosen, request)
    except NotFound:
        raise
    except PlatformError as problem:
        words = str(problem.message)
    messages.success(request, words)
    back = uuid_of(request.POST.get("back", ""))
    if back is not None and act != "delete":
        return redirect("console:document", back)
    return redirect("console:collection", collection_id)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def paste(request: PersonRequest, collection_id: UUID) -> HttpResponseBase:
    """A text that was written or copied here."""
    _require_editor(request, collection_id)
    view = _editable(request, collection_id)
    typed = {"title": "", "text": ""}
    problem: PlatformError | None = None
    if request.method == "POST":
        typed = {name: request.POST.get(name, "") for name in typed}
        try:
            kept = services.add_text(collection_id, typed["title"], typed["text"], actor=request.person.actor)
        except NotFound:
            raise
        except PlatformError as error:
            problem = error
        else:
            return _added(request, kept)
    context = {
        "collection": view,
        "typed": typed,
        "problem": problem.message if problem else "",
        "data": {"strings": PAGE_STRINGS},
    }
    return render(request, "console/knowledge/paste.html", context, status=problem.status if problem else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def answers(request: PersonRequest, collection_id: UUID) -> HttpResponseBase:
    """Questions with their answers; pairs with nothing in them are left out."""
    _require_editor(request, collection_id)
    view = _editable(request, collection_id)
    title, pairs = "", [Pair("", "")] * EMPTY_PAIRS
    problem: PlatformError | None = None
    if request.method == "POST":
        title, pairs = request.POST.get("title", ""), _typed_pairs(request)
        try:
            kept = services.add_answers(collection_id, title, pairs, actor=request.person.actor)
        except NotFound:
            raise
        except PlatformError as error:
            problem = error
        else:
            return _added(request, kept)
    context = {
        "collection": view,
        "typed": {"title": title},
        "pairs": pairs or [Pair("", "")],
        "empty_pair": Pair("", ""),
        "problem": problem.message if problem else "",
        "data": {"strings": PAGE_STRINGS},
    }
    return render(
        request, "console/knowledge/answers.html", context, status=problem.status if problem else 200
    )


@require_safe
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def document(request: PersonRequest, document_id: UUID) -> HttpResponseBase:
    """Its passages as they are found; `?view=text` shows what was read of it, `?view=chunks` how it is cut, `?part=`
    how it stands."""
    shown = document_queries.document_view(request.person.id, document_id)
    view = queries.collection_view(request.person.id, shown.collection_id)
    context = {
        "document": shown,
        "collection": view,
        "is_busy": shown.state in IN_WORK,
        "may_edit": view.may_edit,
        "live": "?part=facts",
        "view": next((each for each in ("text", "chunks") if each == request.GET.get("view")), "passages"),
    }
    if request.GET.get("part") == "facts":
        return render(request, "console/knowledge/document_facts.html", context)
    shows = {"text": _text, "chunks": chunk_choices, "passages": _passages}
    context |= shows[str(context["view"])](request, shown)
    context["data"] = {
        "strings": PAGE_STRINGS,
        "knowledge": {"address": f"/api/knowledge/documents/{document_id}/content"},
    }
    return render(request, "console/knowledge/document.html", context)


def _acted(act: str, chosen: Sequence[UUID], request: PersonRequest) -> str:
    """Do it, and say what was done."""
    actor = request.person.actor
    match act:
        case "delete":
            count = document_acts.delete_documents(chosen, actor=actor)
            return ngettext("%(n)d document deleted.", "%(n)d documents deleted.", count) % {"n": count}
        case "stop":
            count = document_acts.stop_documents(chosen, actor=actor)
            return ngettext("%(n)d document stopped.", "%(n)d documents stopped.", count) % {"n": count}
        case "retry":
            count = sum(_retried(each, request) for each in chosen)
            return ngettext("%(n)d document is tried again.", "%(n)d documents are tried again.", count) % {
                "n": count
            }
    raise InvalidInput("act_unknown", _("That request made no sense to us"))


def _retried(document_id: UUID, request: PersonRequest) -> bool:
    try:
        document_acts.retry_document(document_id, actor=request.person.actor)
    except Conflict:
        return False  # among several, those that are well stay as they are
    return True


def _added(request: PersonRequest, kept: Kept) -> HttpResponseBase:
    if kept.is_new:
        messages.success(request, _("Added. It is being made ready."))
    else:
        messages.info(request, _("This was here already."))
    return redirect("console:document", kept.document_id)


def _require_editor(request: PersonRequest, collection_id: UUID) -> None:
    by_role = request.person.may(Permission.KNOWLEDGE_EDIT)
    require_editor(request.person.id, collection_id, by_role=by_role)


def _editable(request: PersonRequest, collection_id: UUID) -> CollectionView:
    """Who only manages a collection does not see into it."""
    view = queries.collection_view(request.person.id, collection_id)
    if not view.may_edit:
        raise NotFound("collection_not_found", _("This collection does not exist, or you may not search it."))
    return view


def _typed_pairs(request: PersonRequest) -> list[Pair]:
    given = zip_longest(request.POST.getlist("question"), request.POST.getlist("answer"), fillvalue="")
    return [Pair(question, answer) for question, answer in given if question.strip() or answer.strip()]


def _passages(request: PersonRequest, shown: DocumentView) -> dict[str, object]:
    given = request.GET.get("after", "")
    after = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else -1
    found = document_queries.chunks_of(request.person.id, shown.id, after=after, limit=PAGE_PASSAGES + 1)
    passages = found[:PAGE_PASSAGES]
    return {
        "passages": [{"view": each, "shown_number": each.number + 1} for each in passages],
        "after": passages[-1].number if len(found) > PAGE_PASSAGES else None,
    }


def _text(request: PersonRequest, shown: DocumentView) -> dict[str, object]:
    given = request.GET.get("start", "")
    start = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0
    try:
        read = document_queries.text_of(request.person.id, shown.id)
    except NotFound:
        return {"blocks": [], "next_start": None}
    row = document_queries.readable_document(request.person.id, shown.id)[1]
    document_acts.note_opened(row, "text", actor=request.person.actor)
    blocks, following = _blocks(list(placed(read.blocks)), start, has_pages=shown.kind in {"pdf", "slides"})
    return {"blocks": blocks, "next_start": following}


def _blocks(
    found: Sequence[tuple[int, Block]], start: int, *, has_pages: bool
) -> tuple[list[ReadBlock], int | None]:
    """About as much as one page shows, and where the next one goes on."""
    shown: list[ReadBlock] = []
    room, last_page = PAGE_CHARS, 0
    for at, block in found:
        if at + len(block.text) <= start:
            continue
        if room <= 0:
            return shown, at
        begin = max(0, start - at)
        text = block.text[begin : begin + room]
        shown.append(ReadBlock(block.kind, text, block.page, has_pages and block.page != last_page))
        room, last_page = room - len(text), block.page
        if begin + len(text) < len(block.text):
            return shown, at + begin + len(text)
    return shown, None


def _times(collection_id: UUID) -> dict[str, float] | None:
    """What this machine needs for what waits, for a file, and for each MiB more; None where nothing was measured."""
    before = queries.estimate(collection_id, 0, 0)
    with_one = queries.estimate(collection_id, 2**20, 0)
    if before is None or with_one is None:
        return None
    return {"before_s": before, "file_s": queries.READING_S, "mb_s": with_one - before}


def _time_left(collection_id: UUID) -> str:
    seconds = queries.estimate(collection_id, 0, 0)
    return time_words(seconds) if seconds is not None else ""


def _filters(counts: object, given: dict[str, str]) -> list[dict[str, object]]:
    known: dict[str, int] = dict(counts)  # type: ignore[call-overload]
    found: list[dict[str, object]] = [
        {
            "label": _("All"),
            "count": sum(known.values()),
            "address": _address({**given, "state": ""}),
            "is_current": not given["state"],
        }
    ]
    for state in STATES:
        if known.get(state) or given["state"] == state:
            found.append(
                {
                    "label": STAGES[state],
                    "count": known.get(state, 0),
                    "address": _address({**given, "state": state}),
                    "is_current": given["state"] == state,
                }
            )
    return found


def _address(given: dict[str, str], **more: str) -> str:
    return "?" + urlencode({name: value for name, value in {**given, **more}.items() if value})


def _cursor(place: tuple[datetime, UUID]) -> str:
    return f"{place[0].astimezone(UTC).isoformat()},{place[1]}"


def _place(request: PersonRequest) -> tuple[datetime, UUID] | None:
    moment, _comma, row_id = request.GET.get("after", "").partition(",")
    found, last = moment_of(moment), uuid_of(row_id)
    return (found, last) if found is not None and last is not None else None

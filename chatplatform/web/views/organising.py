"""Order among conversations, for the chat page's scripts: folders, tags, acts on many at once, and the search."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chatplatform.accounts.access import signed_in
from chatplatform.accounts.person import PersonRequest
from chatplatform.chat.organising import folders as folder_services
from chatplatform.chat.organising import queries, services
from chatplatform.chat.organising.search import Hits, search_conversations
from chatplatform.chat.organising.services import ACTS, Act, Order
from chatplatform.chat.organising.wishes import Filters
from chatplatform.common.clock import moment_of
from chatplatform.common.errors import InvalidInput
from chatplatform.text_search.queries import Cursor
from chatplatform.web.error_pages import expected_errors

PINNED = 100
TITLES = 5
MESSAGES = 20


@require_safe
@signed_in
@expected_errors
def overview(request: PersonRequest) -> HttpResponseBase:
    """What stands above the list, as HTML: pinned conversations, folders, tags."""
    return render(request, "chat/overview.html", overview_context(request.person.id))


def overview_context(person_id: UUID) -> dict[str, Any]:
    """Context of `chat/overview.html`."""
    return {
        "pinned": queries.pinned(person_id, limit=PINNED),
        "folders": queries.folders(person_id),
        "tags": queries.tags(person_id),
    }


@require_POST
@signed_in
@expected_errors
def organise(request: PersonRequest) -> HttpResponseBase:
    """One act on all conversations named by `id`; answers with what was changed, so that it can be undone."""
    act = request.POST.get("act", "")
    if act not in ACTS:
        raise InvalidInput("unknown_act", _("This cannot be done with conversations."))
    order = Order(act, folder_id=_id(request, "folder_id"), tag_id=_id(request, "tag_id"))
    ids = [_parsed_id(text) for text in request.POST.getlist("id")]
    changed = services.organise(ids, order, actor=request.person.actor)
    return JsonResponse(
        {
            "ids": [str(each) for each in changed.ids],
            "folders": {str(each): str(place or "") for each, place in changed.folders.items()},
            "message": _said(order.act, len(changed.ids)),
        }
    )


def _said(act: Act, n: int) -> str:
    match act:
        case "archive":
            return ngettext("%(n)d conversation archived.", "%(n)d conversations archived.", n) % {"n": n}
        case "restore":
            return ngettext("%(n)d conversation restored.", "%(n)d conversations restored.", n) % {"n": n}
        case "move":
            return ngettext("%(n)d conversation moved.", "%(n)d conversations moved.", n) % {"n": n}
        case "delete":
            return ngettext("%(n)d conversation deleted.", "%(n)d conversations deleted.", n) % {"n": n}
        case "pin":
            return ngettext("%(n)d conversation pinned.", "%(n)d conversations pinned.", n) % {"n": n}
        case "unpin":
            return ngettext("%(n)d conversation unpinned.", "%(n)d conversations unpinned.", n) % {"n": n}
        case "tag" | "untag":
            return ngettext(
                "Tags of %(n)d conversation changed.", "Tags of %(n)d conversations changed.", n
            ) % {"n": n}


# ---------------------------------------------------------------- folders and tags


@require_POST
@signed_in
@expected_errors
def create_folder(request: PersonRequest) -> HttpResponseBase:
    folder = folder_services.create_folder(
        request.POST.get("name", ""),
        instructions=request.POST.get("instructions", ""),
        actor=request.person.actor,
    )
    return _folder(request, folder.id)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@expected_errors
def folder(request: PersonRequest, folder_id: UUID) -> HttpResponseBase:
    """A folder with its instructions; or its change, where something is sent."""
    if request.method == "POST":
        folder_services.change_folder(
            folder_id,
            name=request.POST.get("name"),
            instructions=request.POST.get("instructions"),
            actor=request.person.actor,
        )
    return _folder(request, folder_id)


@require_POST
@signed_in
@expected_errors
def delete_folder(request: PersonRequest, folder_id: UUID) -> HttpResponseBase:
    folder_services.delete_folder(folder_id, actor=request.person.actor)
    return HttpResponse(status=204)


@require_POST
@signed_in
@expected_errors
def create_tag(request: PersonRequest) -> HttpResponseBase:
    tag = folder_services.create_tag(request.POST.get("name", ""), actor=request.person.actor)
    view = queries.tag_view(request.person.id, tag.id)
    return JsonResponse({"id": str(view.id), "name": view.name})


@require_POST
@signed_in
@expected_errors
def rename_tag(request: PersonRequest, tag_id: UUID) -> HttpResponseBase:
    folder_services.rename_tag(tag_id, request.POST.get("name", ""), actor=request.person.actor)
    view = queries.tag_view(request.person.id, tag_id)
    return JsonResponse({"id": str(view.id), "name": view.name})


@require_POST
@signed_in
@expected_errors
def delete_tag(request: PersonRequest, tag_id: UUID) -> HttpResponseBase:
    folder_services.delete_tag(tag_id, actor=request.person.actor)
    return HttpResponse(status=204)


def _folder(request: PersonRequest, folder_id: UUID) -> JsonResponse:
    view = queries.folder_view(request.person.id, folder_id)
    answer = JsonResponse({"id": str(view.id), "name": view.name, "instructions": view.instructions})
    answer["Cache-Control"] = "no-store"
    return answer


# ---------------------------------------------------------------- search


@require_POST
@signed_in
@expected_errors
def search(request: PersonRequest) -> HttpResponseBase:
    """Titles and messages that answer `q`; with `after`, the messages that come next. By POST, since what people
    look for is nobody's business, and addresses are logged."""
    text = request.POST.get("q", "")
    filters = Filters(
        assistant_id=_id(request, "assistant_id"),
        folder_id=_id(request, "folder_id"),
        tag_id=_id(request, "tag_id"),
        pinned=True if request.POST.get("pinned") else None,
        archived={"1": True, "0": False}.get(request.POST.get("archived", "")),
        since=_moment(request, "since"),
        until=_moment(request, "until"),
    )
    after = _after(request)
    person_id = request.person.id
    titles = None
    if after is None:
        titles = search_conversations(person_id, text, where="titles", filters=filters, limit=TITLES)
    messages = search_conversations(
        person_id, text, where="messages", filters=filters, limit=MESSAGES, after=after
    )
    answer = JsonResponse(
        {
            "titles": _hits(titles) if titles else [],
            "messages": _hits(messages),
            "after": f"{messages.after[0].isoformat()} {messages.after[1]}" if messages.after else None,
            "is_cut": messages.is_cut or bool(titles and titles.is_cut),
            "is_catching_up": messages.is_catching_up,
        }
    )
    answer["Cache-Control"] = "no-store"
    return answer


def _hits(hits: Hits) -> list[dict[str, Any]]:
    return [
        {
            "conversation": hit.conversation.model_dump(mode="json"),
            "message_id": str(hit.message_id) if hit.message_id else None,
            "role": hit.role,
            "is_shown": hit.is_shown,
            "at": hit.at.isoformat(),
            "pieces": [[piece.text, piece.is_hit] for piece in hit.pieces],
        }
        for hit in hits.hits
    ]


def shelf_of(request: PersonRequest) -> queries.Shelf:
    """The part of the list that the address asks for: `?folder=`, `?tag=` or `?archived=1`."""
    return queries.Shelf(
        folder_id=_id(request, "folder", source="GET"),
        tag_id=_id(request, "tag", source="GET"),
        archived=request.GET.get("archived") == "1",
    )


def _after(request: PersonRequest) -> Cursor | None:
    text = request.POST.get("after", "")
    if not text:
        return None
    moment, _space, item_id = text.partition(" ")
    at = moment_of(moment)
    if at is None:
        raise InvalidInput("web.bad_place", _("The list could not be continued. Search again."))
    return at, _parsed_id(item_id)


def _id(request: PersonRequest, name: str, *, source: Literal["GET", "POST"] = "POST") -> UUID | None:
    text = getattr(request, source).get(name, "")
    return _parsed_id(text) if text else None


def _parsed_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput("web.bad_id", _("This page is out of date. Reload it.")) from None


def _moment(request: PersonRequest, name: str) -> datetime | None:
    text = request.POST.get(name, "")
    moment = moment_of(text)
    if text and moment is None:
        raise InvalidInput("web.bad_time", _("This is not a date. Choose another one."))
    return moment

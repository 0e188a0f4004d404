"""Searching one's conversations: by title and by what was said, newest first."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from django.db.models import Q, QuerySet

from chatplatform.chat.models import Conversation, Message
from chatplatform.chat.organising.folders import own_folder, own_tag
from chatplatform.chat.organising.queries import with_tags
from chatplatform.chat.organising.wishes import Filters, wish
from chatplatform.chat.presentation import conversation_view
from chatplatform.chat.protocol import ConversationView
from chatplatform.chat.searchable import is_catching_up
from chatplatform.prompts.queries import is_default
from chatplatform.text_search.models import Kind
from chatplatform.text_search.queries import Bounds, Cursor, Findings, search
from chatplatform.text_search.snippets import Piece, snippet
from chatplatform.text_search.terms import Query, parse

Where = Literal["messages", "titles"]


@dataclass(frozen=True, slots=True)
class Hit:
    """`message_id`, `role` and `is_shown` (it is on the branch that the conversation shows) are a message's."""

    conversation: ConversationView
    at: datetime
    pieces: list[Piece] = field(repr=False)
    message_id: UUID | None = None
    role: Literal["user", "assistant"] | None = None
    is_shown: bool = True


@dataclass(frozen=True, slots=True)
class Hits:
    """`after` is where to go on. `is_cut`: the search stopped before its page was full, because it took too long;
    `is_catching_up`: conversations from before the last upgrade may still be missing."""

    hits: list[Hit]
    after: Cursor | None
    is_cut: bool
    is_catching_up: bool


def search_conversations(
    person_id: UUID,
    text: str,
    *,
    where: Where,
    filters: Filters,
    limit: int,
    after: Cursor | None = None,
) -> Hits:
    """What the person wishes to find. Without a word, the titles of all conversations that pass the filters.

    Raises InvalidInput for a query that is too long, NotFound for a folder or tag that is not the person's.
    """
    wished = wish(text, filters, person_id=person_id)
    query = parse(wished.words)
    if query.is_empty:
        return _without_words(person_id, where, wished.filters, limit, after)
    kind = Kind.MESSAGE if where == "messages" else Kind.TITLE
    findings = search(
        person_id, kind, query, limit=limit, bounds=_bounds(person_id, wished.filters), after=after
    )
    hits = (
        _message_hits(person_id, findings, query)
        if kind is Kind.MESSAGE
        else _title_hits(person_id, findings, query)
    )
    return Hits(hits, findings.after, findings.is_cut, is_catching_up())


def _bounds(person_id: UUID, filters: Filters) -> Bounds:
    groups = None
    if filters.are_of_conversations:
        groups = list(_filtered(person_id, filters).values_list("id", flat=True))
    return Bounds.of(groups, since=filters.since, until=filters.until)


def _filtered(person_id: UUID, filters: Filters) -> QuerySet[Conversation]:
    rows = Conversation.objects.filter(owner_id=person_id)
    if filters.assistant_id is not None:
        wanted = Q(assistant_id=filters.assistant_id)
        if is_default(filters.assistant_id):  # conversations that chose nobody are with this one
            wanted |= Q(assistant_id__isnull=True)
        rows = rows.filter(wanted)
    if filters.folder_id is not None:
        rows = rows.filter(folder=own_folder(filters.folder_id, person_id))
    if filters.tag_id is not None:
        rows = rows.filter(conversation_tags__tag=own_tag(filters.tag_id, person_id))
    if filters.pinned is not None:
        rows = rows.filter(pinned_at__isnull=not filters.pinned)
    if filters.archived is not None:
        rows = rows.filter(archived_at__isnull=not filters.archived)
    return rows


def _without_words(person_id: UUID, where: Where, filters: Filters, limit: int, after: Cursor | None) -> Hits:
    if where == "messages" or filters.are_open:
        return Hits([], None, is_cut=False, is_catching_up=False)
    rows = _filtered(person_id, filters).order_by("-created_at", "-id")
    if filters.since is not None:
        rows = rows.filter(created_at__gte=filters.since)
    if filters.until is not None:
        rows = rows.filter(created_at__lt=filters.until)
    if after is not None:
        rows = rows.filter(created_at__lte=after[0]).exclude(created_at=after[0], id__gte=after[1])
    found = list(with_tags(rows)[: limit + 1])
    hits = []
    for row in found[:limit]:
        view = conversation_view(row)
        hits.append(Hit(view, row.created_at, [Piece(view.title)]))
    last = found[limit - 1] if len(found) > limit else None
    return Hits(hits, (last.created_at, last.id) if last else None, is_cut=False, is_catching_up=False)


def _title_hits(person_id: UUID, findings: Findings, query: Query) -> list[Hit]:
    views = _views(person_id, {found.place.item_id for found in findings.found})
    return [
        Hit(views[found.place.item_id], found.place.at, snippet(found.text, query))
        for found in findings.found
        if found.place.item_id in views
    ]


def _message_hits(person_id: UUID, findings: Findings, query: Query) -> list[Hit]:
    views = _views(person_id, {found.place.group_id for found in findings.found})
    messages = Message.objects.filter(id__in=[found.place.item_id for found in findings.found])
    known = {row.id: row for row in messages.only("id", "role", "on_path")}
    return [
        Hit(
            views[found.place.group_id],
            found.place.at,
            snippet(found.text, query),
            message_id=found.place.item_id,
            role="user" if known[found.place.item_id].role == Message.Role.USER else "assistant",
            is_shown=known[found.place.item_id].on_path,
        )
        for found in findings.found
        if found.place.group_id in views and found.place.item_id in known
    ]


def _views(person_id: UUID, conversation_ids: set[UUID]) -> dict[UUID, ConversationView]:
    rows = with_tags(Conversation.objects.filter(id__in=conversation_ids, owner_id=person_id))
    return {row.id: conversation_view(row) for row in rows}

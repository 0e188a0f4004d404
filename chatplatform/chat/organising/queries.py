"""What is read of folders, tags and ordered lists, inside a workspace scope and for one person."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Prefetch, Q, QuerySet

from chatplatform.chat.models import Conversation
from chatplatform.chat.organising.content import folder_name, instructions_of, tag_name
from chatplatform.chat.organising.folders import own_folder, own_tag
from chatplatform.chat.organising.models import ConversationTag, Folder, Tag
from chatplatform.chat.presentation import conversation_view
from chatplatform.chat.protocol import ConversationView
from chatplatform.text_search.folding import folded


@dataclass(frozen=True, slots=True)
class FolderView:
    id: UUID
    name: str = field(repr=False)
    instructions: str = field(repr=False)
    conversations: int


@dataclass(frozen=True, slots=True)
class TagView:
    id: UUID
    name: str = field(repr=False)
    conversations: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """Which conversations are listed: those in the list, in a folder, with a tag, or the archived ones.

    The list itself leaves out what is archived and what lies in a folder; pinned ones it has wherever they lie, and
    shows on top (`pinned`).
    """

    folder_id: UUID | None = None
    tag_id: UUID | None = None
    archived: bool = False
    pinned: bool = False

    def filtered(self, person_id: UUID) -> QuerySet[Conversation]:
        """The conversations, unordered. Raises NotFound for a folder or a tag that is not the person's."""
        rows = Conversation.objects.filter(owner_id=person_id)
        if self.archived:
            return rows.filter(archived_at__isnull=False)
        rows = rows.filter(archived_at__isnull=True)
        if self.folder_id is not None:
            own_folder(self.folder_id, person_id)
            return rows.filter(folder_id=self.folder_id)
        if self.tag_id is not None:
            own_tag(self.tag_id, person_id)
            return rows.filter(conversation_tags__tag_id=self.tag_id)
        if self.pinned:
            return rows.filter(pinned_at__isnull=False)
        return rows.filter(folder__isnull=True, pinned_at__isnull=True)


def conversation_page(
    person_id: UUID, shelf: Shelf, *, before: datetime | None = None, limit: int
) -> list[ConversationView]:
    """A part of the list, last changed first; `before` pages on from the last one's `updated_at`. Raises NotFound."""
    rows = shelf.filtered(person_id).order_by("-updated_at")
    if before is not None:
        rows = rows.filter(updated_at__lt=before)
    return [conversation_view(row) for row in with_tags(rows)[:limit]]


def pinned(person_id: UUID, *, limit: int) -> list[ConversationView]:
    """The pinned conversations that are not archived, last pinned first."""
    rows = Shelf(pinned=True).filtered(person_id).order_by("-pinned_at")
    return [conversation_view(row) for row in with_tags(rows)[:limit]]


def folders(person_id: UUID) -> list[FolderView]:
    """The person's folders by name, with how many conversations they hold that are not archived."""
    rows = Folder.objects.filter(owner_id=person_id).annotate(
        held=Count("conversations", filter=Q(conversations__archived_at__isnull=True))
    )
    views = [FolderView(row.id, folder_name(row), instructions_of(row), row.held) for row in rows]
    return sorted(views, key=lambda view: folded(view.name))


def folder_view(person_id: UUID, folder_id: UUID) -> FolderView:
    """Raises NotFound."""
    row = own_folder(folder_id, person_id)
    held = Conversation.objects.filter(folder=row, archived_at__isnull=True).count()
    return FolderView(row.id, folder_name(row), instructions_of(row), held)


def tags(person_id: UUID) -> list[TagView]:
    """The person's tags by name, with how many conversations have them that are not archived."""
    rows = Tag.objects.filter(owner_id=person_id).annotate(
        held=Count("conversation_tags", filter=Q(conversation_tags__conversation__archived_at__isnull=True))
    )
    views = [TagView(row.id, tag_name(row), row.held) for row in rows]
    return sorted(views, key=lambda view: folded(view.name))


def tag_view(person_id: UUID, tag_id: UUID) -> TagView:
    """Raises NotFound."""
    row = own_tag(tag_id, person_id)
    held = Conversation.objects.filter(conversation_tags__tag=row, archived_at__isnull=True).count()
    return TagView(row.id, tag_name(row), held)


def with_tags(rows: QuerySet[Conversation]) -> QuerySet[Conversation]:
    """The same rows, with the tags that views show fetched for all of them at once."""
    return rows.prefetch_related(
        Prefetch("conversation_tags", queryset=ConversationTag.objects.order_by("id"))
    )

"""What there is to find: texts are entered in the transaction that writes them, and leave in the one that deletes them.

Entering costs a row. The index itself is made later, by a chore: until then a text is compared with the query.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet

from chatplatform.common.scope import all_workspaces, current_workspace_id
from chatplatform.privacy.subjects import Subject
from chatplatform.text_search.models import Kind, SearchEntry, SearchPack


@dataclass(frozen=True, slots=True)
class Entry:
    """A text that is to be found; `at` orders what is found, `group_id` is its conversation."""

    kind: Kind
    item_id: UUID
    group_id: UUID
    owner_id: UUID
    at: datetime


def enter(entries: Iterable[Entry]) -> None:
    """Let new texts be found; entering one again changes nothing. Inside the caller's transaction."""
    workspace_id = current_workspace_id()
    SearchEntry.objects.bulk_create(
        [
            SearchEntry(
                workspace_id=workspace_id,
                kind=entry.kind,
                item_id=entry.item_id,
                group_id=entry.group_id,
                owner_id=entry.owner_id,
                at=entry.at,
            )
            for entry in entries
        ],
        ignore_conflicts=True,
        batch_size=500,
    )


def enter_again(entry: Entry) -> None:
    """Let a text be found by its new words and no longer by its old ones. Inside the caller's transaction."""
    known = SearchEntry.objects.filter(item_id=entry.item_id)
    if not known.exists():
        enter([entry])
        return
    _spoil(known)
    known.update(pack=None, at=entry.at, revision=F("revision") + 1)


def leave(*, groups: Collection[UUID] = (), items: Collection[UUID] = ()) -> None:
    """Let texts no longer be found: all of these groups, and these. Inside the caller's transaction."""
    for known in (
        SearchEntry.objects.filter(group_id__in=groups) if groups else None,
        SearchEntry.objects.filter(item_id__in=items) if items else None,
    ):
        if known is not None:
            _spoil(known)
            known.delete()


def erase(subject: Subject) -> None:
    """Drop all that the index has of a person, whose key is gone: it could not be read any more anyway."""
    if subject.kind != "person":
        return
    with all_workspaces("a person's key opens what they wrote in every workspace"), transaction.atomic():
        SearchEntry.objects.filter(owner_id=subject.id).delete()
        SearchPack.objects.filter(owner_id=subject.id).delete()


def _spoil(entries: QuerySet[SearchEntry]) -> None:
    """The packs of these entries hold something that is to go: they are made anew soon."""
    packs = entries.filter(pack__isnull=False).values("pack_id")
    SearchPack.objects.filter(id__in=packs, is_stale=False).update(is_stale=True)

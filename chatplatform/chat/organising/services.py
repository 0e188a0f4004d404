"""Conversations put in order, one or many at once: moved, tagged, pinned, archived, deleted.

One transaction for all of them: a conversation that is not the person's, or gone, refuses the whole act.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Literal, get_args
from uuid import UUID

from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from chatplatform.audit.services import Target, record
from chatplatform.chat.announcements import announce
from chatplatform.chat.models import Announcement, Conversation
from chatplatform.chat.organising import audit_events as events
from chatplatform.chat.organising import limits
from chatplatform.chat.organising.folders import own_folder, own_tag
from chatplatform.chat.organising.models import ConversationTag
from chatplatform.chat.services import delete_conversation
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput, NotFound

Act = Literal["pin", "unpin", "archive", "restore", "move", "tag", "untag", "delete"]
ACTS: tuple[Act, ...] = get_args(Act)


@dataclass(frozen=True, slots=True)
class Order:
    """What is done: `move` goes to `folder_id` (None: out of its folder), `tag` and `untag` need `tag_id`."""

    act: Act
    folder_id: UUID | None = None
    tag_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """The conversations that were not so before, and where moved ones were: what undoing needs."""

    ids: tuple[UUID, ...]
    folders: dict[UUID, UUID | None]


def organise(conversation_ids: Collection[UUID], order: Order, *, actor: Actor) -> Changed:
    """Put these conversations in order. What is so already stays and is not counted.

    Raises NotFound when one of them, the folder or the tag is not the actor's, InvalidInput for none or too many at
    once, and Conflict for too many tags.
    """
    wanted = set(conversation_ids)
    if not wanted:
        raise InvalidInput("nothing_chosen", _("Choose at least one conversation."))
    if len(wanted) > limits.CONVERSATIONS_AT_ONCE:
        raise InvalidInput(
            "too_many_chosen",
            _("At most %(n)d conversations can be changed at once. Choose fewer.")
            % {"n": limits.CONVERSATIONS_AT_ONCE},
        )
    person_id = UUID(actor.id)
    with transaction.atomic():
        if order.folder_id is not None:
            own_folder(order.folder_id, person_id)
        if order.act in ("tag", "untag"):
            own_tag(_tag_id(order), person_id)
        rows = list(
            Conversation.objects.select_for_update().filter(id__in=wanted, owner_id=person_id).order_by("id")
        )
        if len(rows) < len(wanted):
            raise NotFound(
                "conversation_not_found", _("This conversation does not exist, or it is not yours.")
            )
        if order.act == "delete":
            for row in rows:
                delete_conversation(row.id, actor=actor)
            return Changed(tuple(row.id for row in rows), {})
        before = {row.id: row.folder_id for row in rows}
        changed = _DEEDS[order.act](rows, order)
        for row in changed:
            record(
                events.CONVERSATION_ORDERED,
                actor=actor,
                workspace_id=row.workspace_id,
                target=Target("conversation", str(row.id)),
                details={
                    "act": order.act,
                    "folder_id": str(order.folder_id or ""),
                    "tag_id": str(order.tag_id or ""),
                },
            )
            announce(Announcement.Kind.CONVERSATION, row)
    folders = {row.id: before[row.id] for row in changed} if order.act == "move" else {}
    return Changed(tuple(row.id for row in changed), folders)


def _pin(rows: list[Conversation], order: Order) -> list[Conversation]:
    return _set(rows, lambda row: row.pinned_at is None, pinned_at=now())


def _unpin(rows: list[Conversation], order: Order) -> list[Conversation]:
    return _set(rows, lambda row: row.pinned_at is not None, pinned_at=None)


def _archive(rows: list[Conversation], order: Order) -> list[Conversation]:
    return _set(rows, lambda row: row.archived_at is None, archived_at=now())


def _restore(rows: list[Conversation], order: Order) -> list[Conversation]:
    return _set(rows, lambda row: row.archived_at is not None, archived_at=None)


def _move(rows: list[Conversation], order: Order) -> list[Conversation]:
    return _set(rows, lambda row: row.folder_id != order.folder_id, folder_id=order.folder_id)


def _tag(rows: list[Conversation], order: Order) -> list[Conversation]:
    marked = _marked(rows, order)
    changed = [row for row in rows if row.id not in marked]
    full = (
        ConversationTag.objects.filter(conversation__in=changed)
        .values("conversation")
        .annotate(n=Count("id"))
        .filter(n__gte=limits.TAGS_A_CONVERSATION)
    )
    if full.exists():
        raise Conflict(
            "too_many_tags",
            _("A conversation has at most %(n)d tags. Take one away first.")
            % {"n": limits.TAGS_A_CONVERSATION},
        )
    ConversationTag.objects.bulk_create(
        [
            ConversationTag(workspace_id=row.workspace_id, conversation=row, tag_id=_tag_id(order))
            for row in changed
        ],
        ignore_conflicts=True,
    )
    return changed


def _untag(rows: list[Conversation], order: Order) -> list[Conversation]:
    marked = _marked(rows, order)
    changed = [row for row in rows if row.id in marked]
    ConversationTag.objects.filter(conversation__in=changed, tag_id=_tag_id(order)).delete()
    return changed


def _tag_id(order: Order) -> UUID:
    if order.tag_id is None:
        raise InvalidInput("tag_missing", _("Choose a tag."))
    return order.tag_id


def _marked(rows: Iterable[Conversation], order: Order) -> set[UUID]:
    tagged = ConversationTag.objects.filter(conversation__in=list(rows), tag_id=_tag_id(order))
    return set(tagged.values_list("conversation_id", flat=True))


def _set(
    rows: list[Conversation], is_changed: Callable[[Conversation], bool], **values: object
) -> list[Conversation]:
    changed = [row for row in rows if is_changed(row)]
    Conversation.objects.filter(id__in=[row.id for row in changed]).update(**values)
    return changed


_DEEDS: dict[Act, Callable[[list[Conversation], Order], list[Conversation]]] = {
    "pin": _pin,
    "unpin": _unpin,
    "archive": _archive,
    "restore": _restore,
    "move": _move,
    "tag": _tag,
    "untag": _untag,
}

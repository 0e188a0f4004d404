"""The tree of a conversation's messages: which branch is shown, and which versions stand beside a message.

`on_path` marks the shown branch, so that a page of it is one query. A parent's number is lower than its children's,
so the branch in the order of its numbers is the conversation. Changing the branch costs a handful of statements,
whatever its length. All run inside the caller's transaction and workspace scope, with the conversation locked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Max, Q, QuerySet

from chatplatform.chat.models import Conversation, Message
from chatplatform.common.clock import now

# what one statement may name: SQLite takes some 32,000 values
_AT_ONCE = 10_000


def shown_end(conversation: Conversation) -> Message | None:
    """The last message of the shown branch."""
    return Message.objects.filter(conversation=conversation, on_path=True).order_by("-number").first()


def path_before(message: Message) -> QuerySet[Message]:
    """The messages that lead to this one, whichever branch is shown; unordered."""
    rows = Message.objects.filter(conversation_id=message.conversation_id, number__lt=message.number)
    if message.on_path:
        return rows.filter(on_path=True)
    parents = dict(rows.values_list("id", "parent_id"))
    return rows.filter(id__in=_ancestors(message.parent_id, parents))


def make_room(conversation: Conversation, parent: Message | None) -> None:
    """Clear the place behind `parent` for a new child that is to be shown: what stands there leaves the branch."""
    if parent is not None and not parent.on_path:
        show_branch(conversation, parent)
        parent.on_path = True
    later = Message.objects.filter(conversation=conversation, on_path=True)
    if parent is not None:
        later = later.filter(number__gt=parent.number)
    if later.update(on_path=False):
        Message.objects.filter(conversation=conversation, parent=parent, chosen=True).update(chosen=False)


def show_branch(conversation: Conversation, message: Message) -> bool:
    """Show the branch through `message`, on to its end as it was left; false when it is shown already."""
    if message.on_path:
        return False
    parents: dict[UUID, UUID | None] = {}
    best: dict[UUID | None, tuple[tuple[bool, int], UUID]] = {}
    chosen: dict[UUID | None, set[UUID]] = defaultdict(set)
    shown: set[UUID] = set()
    rows = Message.objects.filter(conversation=conversation)
    for row_id, parent_id, number, is_chosen, on_path in rows.values_list(
        "id", "parent_id", "number", "chosen", "on_path"
    ):
        parents[row_id] = parent_id
        if is_chosen:
            chosen[parent_id].add(row_id)
        if on_path:
            shown.add(row_id)
        best[parent_id] = max(best.get(parent_id, ((False, 0), row_id)), ((is_chosen, number), row_id))
    upward = [message.id, *_ancestors(message.parent_id, parents)]
    path = set(upward)
    at: UUID | None = message.id
    while (below := best.get(at)) is not None:
        at = below[1]
        path.add(at)
    passed_by = {other for row_id in upward for other in chosen[parents[row_id]] if other not in path}
    _update(conversation, shown - path, on_path=False)
    _update(conversation, path - shown, on_path=True)
    _update(conversation, passed_by, chosen=False)
    _update(conversation, {row_id for row_id in upward if row_id not in chosen[parents[row_id]]}, chosen=True)
    return True


def versions(messages: Iterable[Message]) -> Mapping[UUID, list[UUID]]:
    """For messages that have versions beside them, the ids of all of them, in the order they were written."""
    asked = {message.id: message for message in messages}
    if not asked:
        return {}
    places = Q(parent_id__in={row.parent_id for row in asked.values() if row.parent_id is not None})
    roots = {row.conversation_id for row in asked.values() if row.parent_id is None}
    if roots:
        places |= Q(conversation_id__in=roots, parent__isnull=True)
    beside: dict[tuple[UUID, UUID | None], list[UUID]] = defaultdict(list)
    rows = Message.objects.filter(places).order_by("created_at", "number")
    for row_id, conversation_id, parent_id in rows.values_list("id", "conversation_id", "parent_id"):
        beside[conversation_id, parent_id].append(row_id)
    found = {row.id: beside[row.conversation_id, row.parent_id] for row in asked.values()}
    return {row_id: ids for row_id, ids in found.items() if len(ids) > 1}


def moment_beside(conversation: Conversation, parent: Message | None) -> datetime:
    """When another version behind `parent` is written: now, and after those that are there, though the clock was set
    back since."""
    rows = Message.objects.filter(conversation=conversation, parent=parent)
    newest = rows.aggregate(newest=Max("created_at"))["newest"]
    return max(now(), newest + timedelta(microseconds=1)) if newest is not None else now()


def _ancestors(parent_id: UUID | None, parents: Mapping[UUID, UUID | None]) -> list[UUID]:
    found = []
    while parent_id is not None:
        found.append(parent_id)
        parent_id = parents[parent_id]
    return found


def _update(conversation: Conversation, ids: Iterable[UUID], **values: bool) -> None:
    wanted = list(ids)
    for first in range(0, len(wanted), _AT_ONCE):
        some = wanted[first : first + _AT_ONCE]
        Message.objects.filter(conversation=conversation, id__in=some).update(**values)

"""What of the chat can be found: every message and every title, from the transaction that writes it.

Whoever writes messages calls `make_findable` in the same transaction, whoever changes a message's text `find_anew`,
and whoever gives another title `title_findable`. Conversations that are deleted leave by `forget_conversations`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from time import monotonic
from typing import Final
from uuid import UUID

from django.db import transaction

from chatplatform.accounts.models import Workspace
from chatplatform.chat.content import text_of, title_of
from chatplatform.chat.models import Conversation, Message, Turn
from chatplatform.chat.segments import joined_text
from chatplatform.common.clock import now
from chatplatform.common.scope import workspace_scope
from chatplatform.privacy.content import ContentUnreadable
from chatplatform.privacy.subjects import Subject
from chatplatform.text_search.models import Kind, SearchBacklog
from chatplatform.text_search.services import Entry, enter, enter_again, leave

CONVERSATIONS_AT_ONCE: Final = 100
# a second look finds what a process of the version before wrote while the first look was taken
PASSES: Final = 2
BETWEEN_PASSES: Final = timedelta(hours=1)


def make_findable(conversation: Conversation, *messages: Message, with_title: bool = False) -> None:
    """Let new messages of a conversation be found, and its title where it is new too; inside the caller's
    transaction."""
    entries = [_entry(conversation, message) for message in messages]
    enter([_title_entry(conversation), *entries] if with_title else entries)


def find_anew(conversation: Conversation, message: Message) -> None:
    """Let a message whose text has changed be found by its new text; inside the caller's transaction."""
    enter_again(_entry(conversation, message))


def title_findable(conversation: Conversation) -> None:
    """Let a conversation be found by the title that it has now; inside the caller's transaction."""
    enter_again(_title_entry(conversation))


def forget_conversations(conversation_ids: Collection[UUID]) -> None:
    """Let nothing of these conversations be found any more; inside the caller's transaction."""
    leave(groups=conversation_ids)


def forget_messages(message_ids: Collection[UUID]) -> None:
    """The same for single messages."""
    leave(items=message_ids)


def _entry(conversation: Conversation, message: Message) -> Entry:
    return Entry(Kind.MESSAGE, message.id, conversation.id, conversation.owner_id, message.created_at)


def _title_entry(conversation: Conversation) -> Entry:
    return Entry(Kind.TITLE, conversation.id, conversation.id, conversation.owner_id, conversation.created_at)


# ---------------------------------------------------------------- how texts are read


def texts_of_messages(owner_id: UUID, message_ids: Sequence[UUID]) -> dict[UUID, str]:
    """What the person's messages say, for those that are there; of an answer that failed, the text so far."""
    owner = Subject.person(owner_id)
    texts: dict[UUID, str] = {}
    failed: list[UUID] = []
    rows = Message.objects.filter(id__in=message_ids, conversation__owner_id=owner_id)
    for row in rows.only("id", "content", "role"):
        if row.content:
            try:
                texts[row.id] = text_of(row, owner)
            except ContentUnreadable:
                continue  # damaged: it cannot be shown either
        elif row.role == Message.Role.ASSISTANT:
            failed.append(row.id)
    if failed:
        for turn in Turn.objects.filter(answer_id__in=failed, state=Turn.State.FAILED):
            texts[turn.answer_id], _last = joined_text(turn, owner)
    return texts


def texts_of_titles(owner_id: UUID, conversation_ids: Sequence[UUID]) -> dict[UUID, str]:
    texts: dict[UUID, str] = {}
    rows = Conversation.objects.filter(id__in=conversation_ids, owner_id=owner_id)
    for row in rows.only("id", "title", "owner_id"):
        try:
            texts[row.id] = title_of(row)
        except ContentUnreadable:
            continue
    return texts


# ---------------------------------------------------------------- what was there before the index


def is_catching_up() -> bool:
    """Whether conversations of the open workspace may still be missing: those from before there was a search."""
    return not SearchBacklog.objects.filter(passes__gte=1).exists() and Conversation.objects.exists()


def enter_backlog(*, within_s: float) -> None:
    """Enter what was written before this version, a few conversations at a time; goes on where it was stopped."""
    began = monotonic()
    for workspace_id in Workspace.objects.values_list("id", flat=True):
        with workspace_scope(workspace_id):
            while monotonic() - began < within_s and _enter_some(workspace_id):
                pass


def _enter_some(workspace_id: UUID) -> bool:
    """Enter the next conversations of a workspace; false when all are."""
    with transaction.atomic():
        backlog, _new = SearchBacklog.objects.select_for_update().get_or_create(workspace_id=workspace_id)
        is_waiting = backlog.passed_at is not None and backlog.passed_at > now() - BETWEEN_PASSES
        if backlog.passes >= PASSES or is_waiting:
            return False
        rows = Conversation.objects.order_by("id")
        if backlog.last_group_id is not None:
            rows = rows.filter(id__gt=backlog.last_group_id)
        conversations = {row.id: row for row in rows.defer("title")[:CONVERSATIONS_AT_ONCE]}
        if conversations:
            enter(_entries(conversations))
            backlog.last_group_id = max(conversations)
        else:
            backlog.last_group_id = None
            backlog.passes += 1
            backlog.passed_at = now()
        backlog.save()
    return bool(conversations)


def _entries(conversations: dict[UUID, Conversation]) -> Iterable[Entry]:
    for conversation in conversations.values():
        yield _title_entry(conversation)
    messages = Message.objects.filter(conversation_id__in=list(conversations)).exclude(
        turn__state__in=Turn.UNFINISHED  # entered when they are over
    )
    for message in messages.only("id", "conversation_id", "created_at").iterator():
        yield _entry(conversations[message.conversation_id], message)

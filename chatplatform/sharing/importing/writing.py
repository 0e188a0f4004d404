"""A parsed conversation becomes rows: all of it in one transaction, encrypted like any other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from django.db import IntegrityError, transaction

from chatplatform.audit.services import Target, record
from chatplatform.chat.announcements import announce
from chatplatform.chat.content import first_title, sealed_message, sealed_thinking, sealed_title
from chatplatform.chat.limits import TITLE_CHARS
from chatplatform.chat.models import Announcement, Conversation, Message, Turn
from chatplatform.chat.searchable import make_findable
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import current_workspace_id
from chatplatform.privacy.pseudonyms import pseudonym
from chatplatform.privacy.subjects import Subject
from chatplatform.sharing import audit_events as events
from chatplatform.sharing.importing.parsed import ParsedConversation, ParsedMessage, in_order, shown_ids
from chatplatform.sharing.models import ImportedConversation

Outcome = Literal["imported", "repeated"]
_BATCH = 500
# turns that have just begun count towards limits: what is imported was said before
_BEFORE = timedelta(minutes=10)


def write_once(
    parsed: ParsedConversation, *, kind: str, owner_id: UUID, file_id: UUID | None, actor: Actor
) -> Outcome:
    """Write the conversation, unless the same one came before or is here anyway. Raises Refused.

    A job that runs again finds what its first attempt wrote, and counts it as imported.
    """
    ordered = in_order(parsed)
    if _is_here(parsed, ordered, owner_id):
        return "repeated"
    mark = fingerprint(parsed, ordered, owner_id)
    if (known := _known(mark, owner_id)) is not None:
        return _outcome(known, file_id)
    try:
        with transaction.atomic():
            conversation = write(parsed, ordered, owner_id=owner_id)
            ImportedConversation.objects.create(
                workspace_id=conversation.workspace_id,
                owner_id=owner_id,
                conversation=conversation,
                file_id=file_id,
                fingerprint=mark,
            )
            record(
                events.CONVERSATION_IMPORTED,
                actor=actor,
                workspace_id=conversation.workspace_id,
                target=Target("conversation", str(conversation.id)),
                details={
                    "messages": len(ordered),
                    "kind": kind,
                    "file_id": str(file_id) if file_id else "",
                },
            )
    except IntegrityError:
        known = _known(mark, owner_id)
        if known is None:
            raise
        return _outcome(known, file_id)  # two jobs at once
    return "imported"


def write(
    parsed: ParsedConversation,
    ordered: tuple[ParsedMessage, ...],
    *,
    owner_id: UUID,
    assistant_id: UUID | None = None,
) -> Conversation:
    """The conversation with all its messages, inside the caller's transaction; announced to the person's pages."""
    owner = Subject.person(owner_id)
    moment = now()
    began = parsed.created_at or ordered[0].created_at or moment
    last = max([one.created_at for one in ordered if one.created_at] or [began])
    conversation_id = new_id()
    title = " ".join(parsed.title.split())[:TITLE_CHARS]
    first = next((one.text for one in ordered if one.role == "user"), ordered[0].text)
    conversation = Conversation.objects.create(
        id=conversation_id,
        workspace_id=current_workspace_id(),
        owner_id=owner_id,
        assistant_id=assistant_id,
        title=sealed_title(owner, conversation_id, title or first_title(first)),
        title_origin=Conversation.TitleOrigin.PERSON if title else Conversation.TitleOrigin.QUESTION,
        created_at=began,
        updated_at=max(parsed.updated_at or last, began),
    )
    ids = {one.id: new_id() for one in ordered}
    shown = shown_ids(parsed, ordered)
    rows = list(_messages(conversation, ordered, ids, shown, owner, began))
    Message.objects.bulk_create(rows, batch_size=_BATCH)
    Turn.objects.bulk_create(
        list(_turns(conversation, ordered, ids, {row.id: row for row in rows}, moment)), batch_size=_BATCH
    )
    make_findable(conversation, *rows, with_title=True)
    announce(Announcement.Kind.CONVERSATION, conversation)
    return conversation


def fingerprint(parsed: ParsedConversation, ordered: tuple[ParsedMessage, ...], owner_id: UUID) -> str:
    """The same for the same conversation with the same words, and telling nobody which words they are."""
    told = [parsed.source_id, *([one.id, one.parent, one.role, one.text] for one in ordered)]
    digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()
    return pseudonym(Subject.person(owner_id), purpose=f"imported conversation:{digest}")


def _messages(
    conversation: Conversation,
    ordered: tuple[ParsedMessage, ...],
    ids: Mapping[str, UUID],
    shown: set[str],
    owner: Subject,
    began: datetime,
) -> Iterator[Message]:
    chosen: dict[str | None, str] = {}
    for one in ordered:
        if one.id in shown or chosen.get(one.parent) not in shown:
            chosen[one.parent] = one.id
    at = began
    for number, one in enumerate(ordered, start=1):
        at = one.created_at or at
        message_id = ids[one.id]
        yield Message(
            id=message_id,
            workspace_id=conversation.workspace_id,
            conversation=conversation,
            parent_id=ids[one.parent] if one.parent is not None else None,
            number=number,
            on_path=one.id in shown,
            chosen=chosen[one.parent] == one.id,
            role=one.role,
            author_id=conversation.owner_id if one.role == "user" else None,
            content=sealed_message(owner, message_id, one.text) if one.text else b"",
            thinking=sealed_thinking(owner, message_id, one.thinking),
            created_at=at,
        )


def _turns(
    conversation: Conversation,
    ordered: tuple[ParsedMessage, ...],
    ids: Mapping[str, UUID],
    rows: Mapping[UUID, Message],
    moment: datetime,
) -> Iterator[Turn]:
    """An answer to a question is a turn that is over, so that it can be written again."""
    roles = {one.id: one.role for one in ordered}
    for one in ordered:
        if one.role != "assistant" or one.parent is None or roles[one.parent] != "user":
            continue
        at = min(rows[ids[one.id]].created_at, moment - _BEFORE)
        numbers = one.numbers
        yield Turn(
            workspace_id=conversation.workspace_id,
            conversation=conversation,
            owner_id=conversation.owner_id,
            question_id=ids[one.parent],
            answer_id=ids[one.id],
            state=Turn.State.FINISHED if numbers.state == "finished" else Turn.State.STOPPED,
            created_at=at,
            finished_at=at,
            lease_expires_at=at,
            model=numbers.model,
            prompt_tokens=numbers.prompt_tokens,
            cached_tokens=numbers.cached_tokens,
            completion_tokens=numbers.completion_tokens,
            first_token_s=numbers.first_token_s,
            total_s=numbers.total_s,
            thinking_tokens=numbers.thinking_tokens,
            thought_s=numbers.thought_s,
            has_thinking=bool(one.thinking),
        )


def _is_here(parsed: ParsedConversation, ordered: tuple[ParsedMessage, ...], owner_id: UUID) -> bool:
    """Whether the file's conversation is one that this person still has, with all the file's messages."""
    try:
        source, messages = UUID(parsed.source_id), {UUID(one.id) for one in ordered}
    except ValueError:
        return False
    if not Conversation.objects.filter(id=source, owner_id=owner_id).exists():
        return False
    known = set(Message.objects.filter(conversation_id=source).values_list("id", flat=True))
    return messages <= known


def _known(mark: str, owner_id: UUID) -> ImportedConversation | None:
    return ImportedConversation.objects.filter(owner_id=owner_id, fingerprint=mark).first()


def _outcome(known: ImportedConversation, file_id: UUID | None) -> Outcome:
    return "imported" if file_id is not None and known.file_id == file_id else "repeated"

"""What a link opens, for whoever holds it. Unknown, ended, expired and not permitted look the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from chatplatform.accounts.queries import membership_of
from chatplatform.audit.services import Target, record
from chatplatform.chat.markdown import render
from chatplatform.chat.models import Conversation, Message
from chatplatform.chat.temporary.policy import require_may_keep
from chatplatform.common.actors import Actor
from chatplatform.common.clock import moment_of, now
from chatplatform.common.errors import NotFound
from chatplatform.common.scope import all_workspaces, current_workspace_id, workspace_scope
from chatplatform.privacy.errors import ContentErased, ContentUnreadable
from chatplatform.sharing import audit_events as events
from chatplatform.sharing.importing.parsed import ParsedConversation, ParsedMessage, in_order
from chatplatform.sharing.importing.problems import Refused
from chatplatform.sharing.importing.writing import write
from chatplatform.sharing.limits import PAGE_MESSAGES
from chatplatform.sharing.models import Audience, Share
from chatplatform.sharing.policy import sharing_policy
from chatplatform.sharing.shares import page_of, token_hash

TOKEN_CHARS = 100


class LinkClosed(NotFound):
    """The link opens nothing, for this reader: why is not said."""

    def __init__(self) -> None:
        super().__init__("sharing.closed", _("This link opens nothing."))


@dataclass(frozen=True, slots=True)
class SharedMessage:
    is_question: bool
    text: str = field(repr=False)
    html: str = field(repr=False)
    at: datetime | None


@dataclass(frozen=True, slots=True)
class SharedPage:
    """A page of a snapshot. `name` is the person's, where they chose to show it; pages count from 1."""

    title: str = field(repr=False)
    name: str = field(repr=False)
    messages: list[SharedMessage]
    total: int
    number: int
    pages: int
    snapshot_at: datetime
    is_public: bool


def open_link(token: str, *, reader_id: UUID | None, number: int = 1) -> SharedPage:
    """A page of what the link shows; opening the first is counted, unless it is the owner's own look.

    Raises LinkClosed, and KeysUnavailable.
    """
    with _opened(token, reader_id) as share:
        pages = max(1, -(-share.messages // PAGE_MESSAGES))
        if not 1 <= number <= pages:
            raise LinkClosed
        head = page_of(share, 0)
        rows = page_of(share, number)
        assert isinstance(head, dict)
        assert isinstance(rows, list)
        if number == 1 and reader_id != share.owner_id:
            Share.objects.filter(id=share.id).update(opened=F("opened") + 1)
        return SharedPage(
            title=_shown(head["title"]),
            name=_shown(head["name"]),
            messages=[_message(row) for row in rows],
            total=share.messages,
            number=number,
            pages=pages,
            snapshot_at=share.snapshot_at,
            is_public=share.audience == Audience.PUBLIC,
        )


def copy_link(token: str, *, actor: Actor) -> Conversation:
    """What the link shows as a new conversation of the actor's, in the open workspace.

    Raises LinkClosed, and NotAllowed where every chat has to be temporary.
    """
    person_id = UUID(actor.id)
    require_may_keep(person_id)
    with _opened(token, person_id) as share:
        head = page_of(share, 0)
        rows: list[dict[str, str]] = []
        for number in range(1, -(-share.messages // PAGE_MESSAGES) + 1):
            part = page_of(share, number)
            assert isinstance(part, list)
            rows += part
        assert isinstance(head, dict)
        title, share_id = head["title"], share.id
    messages = tuple(
        ParsedMessage(
            id=str(place),
            parent=str(place - 1) if place else None,
            role="user" if row["role"] == Message.Role.USER else "assistant",
            text=row["text"],
            created_at=moment_of(row["at"]),
        )
        for place, row in enumerate(rows)
    )
    parsed = ParsedConversation(
        source_id=str(share_id), title=title, created_at=None, updated_at=now(), messages=messages
    )
    try:
        ordered = in_order(parsed)
    except Refused:
        raise LinkClosed from None
    with transaction.atomic():
        conversation = write(parsed, ordered, owner_id=person_id)
        record(
            events.SHARE_COPIED,
            actor=actor,
            workspace_id=current_workspace_id(),
            target=Target("share", str(share_id)),
            details={"conversation_id": str(conversation.id), "messages": len(ordered)},
        )
    return conversation


@contextmanager
def _opened(token: str, reader_id: UUID | None) -> Iterator[Share]:
    """The link that this reader may open, in its workspace's scope."""
    if len(token) > TOKEN_CHARS:
        raise LinkClosed
    with all_workspaces("a token names its link in whichever workspace it is"):
        share = Share.objects.filter(
            token_hash=token_hash(token),
            ended_at=None,
            expires_at__gt=now(),
            conversation__isnull=False,
        ).first()
    if share is None:
        raise LinkClosed
    with workspace_scope(share.workspace_id):
        if not sharing_policy().permits(share.audience) or not _is_member(share.owner_id, share):
            raise LinkClosed
        if share.audience != Audience.PUBLIC and (reader_id is None or not _is_member(reader_id, share)):
            raise LinkClosed
        try:
            yield share
        except LinkClosed:
            raise
        except (ContentErased, ContentUnreadable, NotFound):
            raise LinkClosed from None


def _is_member(person_id: UUID, share: Share) -> bool:
    place = membership_of(person_id, share.workspace_id)
    return place is not None and place.is_active


def _message(row: dict[str, str]) -> SharedMessage:
    is_question = row["role"] == Message.Role.USER
    return SharedMessage(
        is_question=is_question,
        text=_shown(row["text"]) if is_question else "",
        html="" if is_question else render(_shown(row["text"])),
        at=moment_of(row["at"]),
    )


def _shown(text: str) -> str:
    """Without halves of surrogate pairs, which no page can hold."""
    return text.encode(errors="replace").decode()

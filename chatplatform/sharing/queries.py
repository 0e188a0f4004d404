"""Links as they are listed: one's own with their tokens, a workspace's without."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from chatplatform.accounts.names import names_of
from chatplatform.common.clock import now
from chatplatform.common.scope import current_workspace_id
from chatplatform.sharing.models import Audience, Share
from chatplatform.sharing.reading import title_or_none
from chatplatform.sharing.shares import own_share, token_of


@dataclass(frozen=True, slots=True)
class OwnLink:
    """An open link, for its owner. `path` is where it opens, on this installation."""

    id: UUID
    conversation_id: UUID
    title: str = field(repr=False)
    path: str = field(repr=False)
    audience: Audience
    shows_name: bool
    messages: int
    opened: int
    created_at: datetime
    snapshot_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LinkOfWorkspace:
    """A link as those see it who may end it: neither what it shows nor where, nor how often it was opened."""

    id: UUID
    owner_id: UUID
    owner_name: str
    audience: Audience
    messages: int
    created_at: datetime
    snapshot_at: datetime
    expires_at: datetime


def own_links(person_id: UUID, *, conversation_id: UUID | None = None) -> list[OwnLink]:
    """The person's open links, newest first; of one conversation, where it is given."""
    rows = Share.objects.filter(
        owner_id=person_id, ended_at=None, expires_at__gt=now(), conversation__isnull=False
    )
    if conversation_id is not None:
        rows = rows.filter(conversation_id=conversation_id)
    return [_own(row) for row in rows.select_related("conversation").order_by("-created_at")]


def own_link(person_id: UUID, share_id: UUID) -> OwnLink:
    """Raises NotFound for a link that has ended or is another person's."""
    return _own(own_share(person_id, share_id))


def links_of_workspace(
    *, after: tuple[datetime, UUID] | None = None, limit: int = 50
) -> list[LinkOfWorkspace]:
    """The open links of the workspace, newest first."""
    rows = Share.objects.filter(ended_at=None, expires_at__gt=now()).order_by("-created_at", "-id")
    if after is not None:
        moment, last_id = after
        rows = rows.filter(created_at__lte=moment).exclude(created_at=moment, id__gte=last_id)
    page = list(rows[:limit])
    names = names_of({str(row.owner_id) for row in page}, current_workspace_id())
    return [
        LinkOfWorkspace(
            id=row.id,
            owner_id=row.owner_id,
            owner_name=names.get(str(row.owner_id), ""),
            audience=Audience(row.audience),
            messages=row.messages,
            created_at=row.created_at,
            snapshot_at=row.snapshot_at,
            expires_at=row.expires_at,
        )
        for row in page
    ]


def _own(row: Share) -> OwnLink:
    assert row.conversation is not None
    return OwnLink(
        id=row.id,
        conversation_id=row.conversation.id,
        title=title_or_none(row.conversation),
        path=f"/s/{token_of(row)}/",
        audience=Audience(row.audience),
        shows_name=row.shows_name,
        messages=row.messages,
        opened=row.opened,
        created_at=row.created_at,
        snapshot_at=row.snapshot_at,
        expires_at=row.expires_at,
    )

"""Lists of API tokens, for their people and for those who run the workspace. Never a secret: nobody has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from chatplatform.accounts.api_tokens import Scope
from chatplatform.accounts.models import ApiToken
from chatplatform.common.clock import now


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token as lists show it. `last_used_at` is right to the minute."""

    id: UUID
    user_id: UUID
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= now()

    @property
    def is_living(self) -> bool:
        """Neither revoked nor expired; its person may still be suspended."""
        return self.revoked_at is None and not self.is_expired


def tokens_of(user_id: UUID, *, limit: int = 200) -> list[TokenView]:
    """A person's tokens in the open workspace, newest first, with those that are revoked or expired."""
    return _views(ApiToken.objects.filter(user_id=user_id), limit)


def workspace_tokens(*, limit: int = 200) -> list[TokenView]:
    """Everybody's tokens in the open workspace that are not revoked, newest first."""
    return _views(ApiToken.objects.filter(revoked_at=None), limit)


def _views(rows: QuerySet[ApiToken], limit: int) -> list[TokenView]:
    known = set(Scope)
    return [
        TokenView(
            id=row.id,
            user_id=row.user_id,
            name=row.name,
            prefix=row.prefix,
            scopes=tuple(Scope(scope) for scope in row.scopes if scope in known),
            created_at=row.created_at,
            expires_at=row.expires_at,
            last_used_at=row.last_used_at,
            revoked_at=row.revoked_at,
        )
        for row in rows.order_by("-created_at")[:limit]
    ]

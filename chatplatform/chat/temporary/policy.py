"""Whether people may have temporary chats, or no others. In a workspace scope."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from chatplatform.accounts.models import Role
from chatplatform.accounts.queries import membership_of
from chatplatform.audit.services import Target, record
from chatplatform.chat.temporary import audit_events as events
from chatplatform.chat.temporary.models import TemporaryChatPolicy
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import InvalidInput, NotAllowed
from chatplatform.common.scope import current_workspace_id

Mode = TemporaryChatPolicy.Mode


@dataclass(frozen=True, slots=True)
class Policy:
    """`roles` are those for whom every chat is temporary; none stands for everybody. Others have the choice."""

    mode: Mode = Mode.OFFERED
    roles: frozenset[Role] = frozenset()

    def is_enforced_for(self, role: str) -> bool:
        return self.mode == Mode.ENFORCED and (not self.roles or role in self.roles)

    @property
    def is_offered(self) -> bool:
        return self.mode != Mode.NOT_OFFERED


def current_policy() -> Policy:
    """What holds in the workspace."""
    row = TemporaryChatPolicy.objects.values_list("mode", "roles").first()
    if row is None:
        return Policy()
    mode, roles = row
    return Policy(Mode(mode), frozenset(Role(role) for role in roles if role in Role.values))


def set_policy(mode: str, roles: Collection[str], *, actor: Actor) -> Policy:
    """Change what holds from now on; chats that are open go on. Raises InvalidInput."""
    if mode not in Mode.values or not set(roles) <= set(Role.values):
        raise InvalidInput("temporary_policy", _("Choose one of the three, and roles that exist."))
    kept = sorted(set(roles)) if mode == Mode.ENFORCED else []
    workspace_id = current_workspace_id()
    with transaction.atomic():
        TemporaryChatPolicy.objects.update_or_create(
            workspace_id=workspace_id, defaults={"mode": mode, "roles": kept, "changed_at": now()}
        )
        record(
            events.POLICY_CHANGED,
            actor=actor,
            workspace_id=workspace_id,
            target=Target("workspace", str(workspace_id)),
            details={"mode": mode, "roles": ", ".join(kept)},
        )
    return Policy(Mode(mode), frozenset(Role(role) for role in kept))


def require_may_keep(person_id: UUID) -> None:
    """Refuse to store a word of somebody whose chats are all temporary. Raises NotAllowed.

    Asked by everything that writes into a conversation, wherever it comes from.
    """
    policy = current_policy()
    if policy.mode != Mode.ENFORCED:
        return
    place = membership_of(person_id, current_workspace_id())
    if place is not None and policy.is_enforced_for(place.role):
        raise NotAllowed(
            "temporary_only",
            _(
                "Your administrator has every chat be temporary: nothing is added to conversations that are kept. "
                "Begin a new chat."
            ),
        )

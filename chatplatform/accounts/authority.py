"""Who may change people: asked again inside the transaction of the change, whatever the page asked before."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext as _

from chatplatform.accounts.models import Role, Workspace
from chatplatform.accounts.permissions import ROLE_PERMISSIONS, Permission
from chatplatform.accounts.queries import membership_of
from chatplatform.common.actors import Actor, ActorKind
from chatplatform.common.errors import NotAllowed
from chatplatform.common.scope import current_workspace_id


def lock_members() -> UUID:
    """Let one change of the scope's members happen at a time, until the transaction ends; the workspace's id.

    SQLite has one writer anyway; on PostgreSQL the workspace's row is the lock.
    """
    workspace_id = current_workspace_id()
    Workspace.objects.select_for_update().filter(id=workspace_id).values_list("id").first()
    return workspace_id


def require_authority(actor: Actor, permission: Permission, *roles: Role) -> None:
    """Raises NotAllowed when a person lacks the right in the scope, or would give or take rights they lack.

    The platform itself and its commands may do everything.
    """
    if actor.kind is ActorKind.SYSTEM:
        return
    place = membership_of(UUID(actor.id), current_workspace_id()) if actor.kind is ActorKind.PERSON else None
    if place is None or not place.is_active or not place.may(permission):
        raise NotAllowed("accounts.not_allowed", _("Your role does not permit this. Ask an owner."))
    own = ROLE_PERMISSIONS[place.role]
    if any(not ROLE_PERMISSIONS[role] <= own for role in roles):
        raise NotAllowed(
            "accounts.above_own_role",
            _("Only somebody with the same rights can give this role or take it away. Ask an owner."),
        )

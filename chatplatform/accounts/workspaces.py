"""Workspaces: making them, naming them, and which one a session works in."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils.translation import gettext as _

from chatplatform.accounts import audit_events
from chatplatform.accounts.authority import require_authority
from chatplatform.accounts.models import Membership, Role, User, Workspace
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import WORKSPACE_SESSION_KEY
from chatplatform.accounts.queries import membership_of
from chatplatform.accounts.signals import workspace_created
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor, ActorKind
from chatplatform.common.errors import InvalidInput, NotAllowed, NotFound
from chatplatform.common.scope import current_workspace_id, workspace_scope

NAME_CHARS = 150


@dataclass(frozen=True, slots=True)
class WorkspaceView:
    """A workspace that a person may work in, and their role there."""

    id: UUID
    name: str
    role: Role


def create_workspace(name: str, *, owner: User, actor: Actor) -> Workspace:
    """Make a workspace that belongs to `owner`, furnished with what a first day needs.

    A person needs the right to manage the system, in the workspace they work in. Raises InvalidInput for a
    missing or too long name, and NotAllowed.
    """
    name = _checked(name)
    if actor.kind is ActorKind.PERSON:
        require_authority(actor, Permission.SYSTEM_MANAGE)
    elif actor.kind is not ActorKind.SYSTEM:
        raise NotAllowed("accounts.not_allowed", _("Your role does not permit this. Ask an owner."))
    return establish_workspace(name, owner=owner, actor=actor)


def establish_workspace(name: str, *, owner: User, actor: Actor) -> Workspace:
    """Make a workspace that belongs to `owner`, whoever asks."""
    with transaction.atomic():
        workspace = Workspace.objects.create(name=name)
        with workspace_scope(workspace.id):
            Membership.objects.create(workspace=workspace, user=owner, role=Role.OWNER)
            record(
                audit_events.WORKSPACE_CREATED,
                actor=actor,
                workspace_id=workspace.id,
                target=Target("workspace", str(workspace.id)),
            )
            record(
                audit_events.MEMBER_ADDED,
                actor=actor,
                workspace_id=workspace.id,
                target=Target("person", str(owner.id)),
                details={"role": Role.OWNER.value},
            )
            workspace_created.send(Workspace, workspace_id=workspace.id, actor=actor)
    return workspace


def rename_workspace(name: str, *, actor: Actor) -> None:
    """Give the scope's workspace another name. Raises InvalidInput and NotAllowed."""
    name = _checked(name)
    with transaction.atomic():
        require_authority(actor, Permission.WORKSPACE_MANAGE)
        workspace = Workspace.objects.select_for_update().get(id=current_workspace_id())
        if workspace.name == name:
            return
        workspace.name = name
        workspace.save(update_fields=["name"])
        record(
            audit_events.WORKSPACE_RENAMED,
            actor=actor,
            workspace_id=workspace.id,
            target=Target("workspace", str(workspace.id)),
        )


def workspaces_of(user_id: UUID) -> list[WorkspaceView]:
    """The workspaces that a person may work in now, in the order in which they joined them."""
    rows = Membership.objects.filter(user_id=user_id, suspended_at=None).order_by("created_at", "id")
    return [
        WorkspaceView(workspace_id, name, Role(role))
        for workspace_id, name, role in rows.values_list("workspace_id", "workspace__name", "role")
    ]


def switch_workspace(session: SessionBase, workspace_id: UUID, *, actor: Actor) -> None:
    """Work in another workspace from the next request on. Raises NotFound when the person has no place there."""
    place = membership_of(UUID(actor.id), workspace_id)
    if place is None or not place.is_active:
        raise NotFound(
            "accounts.workspace_not_found", _("This workspace does not exist, or you are not in it.")
        )
    with transaction.atomic():
        record(
            audit_events.WORKSPACE_SWITCHED,
            actor=actor,
            workspace_id=workspace_id,
            target=Target("workspace", str(workspace_id)),
        )
        session[WORKSPACE_SESSION_KEY] = str(workspace_id)


def _checked(name: str) -> str:
    name = " ".join(name.replace("\x00", "").split())
    if not name:
        raise InvalidInput("accounts.workspace_name_empty", _("Give the workspace a name."))
    if len(name) > NAME_CHARS:
        raise InvalidInput(
            "accounts.workspace_name_too_long",
            _("The name of a workspace has at most %(limit)d characters.") % {"limit": NAME_CHARS},
        )
    return name

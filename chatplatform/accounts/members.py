"""Changes to who belongs to a workspace and as what. All run in the workspace's scope.

A workspace always keeps an owner who can come in; nobody suspends or removes themselves; and nobody gives or
takes a role that can do more than their own. A change reaches open sockets within two seconds (access_changes.py).
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from chatplatform.accounts import audit_events
from chatplatform.accounts.access_changes import end_sessions
from chatplatform.accounts.authority import lock_members, require_authority
from chatplatform.accounts.models import ApiToken, GroupMembership, Invitation, Membership, Role
from chatplatform.accounts.permissions import ROLE_PERMISSIONS, Permission
from chatplatform.accounts.signals import place_lost
from chatplatform.audit.catalogue import AuditEventType
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, NotFound
from chatplatform.common.scope import current_workspace_id


def change_role(membership_id: UUID, role: Role, *, actor: Actor) -> None:
    """Give a member another role; the same one again changes nothing.

    Raises NotFound, NotAllowed, and Conflict for the last owner. Open invitations that the member made are
    taken back when the new role can do less.
    """
    with transaction.atomic():
        member = _locked(membership_id)
        before = Role(member.role)
        require_authority(actor, Permission.MEMBERS_MANAGE, before, role)
        if role == before:
            return
        if role != Role.OWNER:
            _keep_an_owner(member)
        member.role = role
        member.save(update_fields=["role"])
        taken_back = 0 if ROLE_PERMISSIONS[before] <= ROLE_PERMISSIONS[role] else _take_back(member, actor)
        _record(
            audit_events.ROLE_CHANGED,
            member,
            actor,
            {"from": before.value, "to": role.value, "invitations_taken_back": taken_back},
        )


def suspend(membership_id: UUID, *, actor: Actor) -> None:
    """Shut a member out until `reinstate`; suspending again changes nothing.

    Ends their sessions, sockets, running answers and what their API tokens may do, here within two seconds.
    What they had stays. Raises NotFound, NotAllowed, and Conflict for oneself and for the last owner.
    """
    with transaction.atomic():
        member = _locked(membership_id)
        require_authority(actor, Permission.MEMBERS_MANAGE, Role(member.role))
        _not_oneself(member, actor)
        if member.suspended_at is not None:
            return
        _keep_an_owner(member)
        member.suspended_at = now()
        member.save(update_fields=["suspended_at"])
        _record(
            audit_events.MEMBER_SUSPENDED,
            member,
            actor,
            {"role": member.role, "invitations_taken_back": _take_back(member, actor)},
        )
        _shut_out(member, actor)


def reinstate(membership_id: UUID, *, actor: Actor) -> None:
    """Let a suspended member in again, with what they had. Raises NotFound and NotAllowed."""
    with transaction.atomic():
        member = _locked(membership_id)
        require_authority(actor, Permission.MEMBERS_MANAGE, Role(member.role))
        if member.suspended_at is None:
            return
        member.suspended_at = None
        member.save(update_fields=["suspended_at"])
        _record(audit_events.MEMBER_REINSTATED, member, actor, {"role": member.role})


def remove_member(membership_id: UUID, *, actor: Actor) -> None:
    """End a membership, with its places in groups and its API tokens of this workspace.

    Conversations stay, encrypted with their person's key; deleting a person's data is another act. Raises
    NotFound, NotAllowed, and Conflict for oneself and for the last owner.
    """
    with transaction.atomic():
        member = _locked(membership_id)
        require_authority(actor, Permission.MEMBERS_MANAGE, Role(member.role))
        _not_oneself(member, actor)
        _keep_an_owner(member)
        revoked = ApiToken.objects.filter(user_id=member.user_id, revoked_at=None).update(revoked_at=now())
        _record(
            audit_events.MEMBER_REMOVED,
            member,
            actor,
            {
                "role": member.role,
                "tokens_revoked": revoked,
                "invitations_taken_back": _take_back(member, actor),
            },
        )
        GroupMembership.objects.filter(membership=member).delete()
        member.delete()
        _shut_out(member, actor)


def _locked(membership_id: UUID) -> Membership:
    """The member, while no other change of members can happen in this workspace."""
    workspace_id = lock_members()
    member = Membership.objects.filter(public_id=membership_id, workspace_id=workspace_id).first()
    if member is None:
        raise NotFound(
            "accounts.member_not_found", _("This person is not in the workspace any more. Reload the page.")
        )
    return member


def _keep_an_owner(member: Membership) -> None:
    if member.role != Role.OWNER:
        return
    others = Membership.objects.filter(
        workspace_id=member.workspace_id, role=Role.OWNER, suspended_at=None, user__is_active=True
    ).exclude(pk=member.pk)
    if not others.exists():
        raise Conflict(
            "accounts.last_owner",
            _("A workspace needs an owner. Make somebody else an owner first."),
        )


def _not_oneself(member: Membership, actor: Actor) -> None:
    if actor.id == str(member.user_id):
        raise Conflict("accounts.oneself", _("You cannot do this to yourself. Ask another owner."))


def _take_back(member: Membership, actor: Actor) -> int:
    """Close the doors that the member opened for others; how many."""
    return Invitation.objects.filter(
        created_by=str(member.user_id), accepted_at=None, revoked_at=None, expires_at__gt=now()
    ).update(revoked_at=now())


def _shut_out(member: Membership, actor: Actor) -> None:
    """Sessions of somebody who still has a place elsewhere go on there; here they are refused at once."""
    elsewhere = Membership.objects.filter(user_id=member.user_id, suspended_at=None)
    if not elsewhere.exclude(workspace_id=member.workspace_id).exists():
        end_sessions(member.user_id)
    place_lost.send(Membership, workspace_id=member.workspace_id, user_id=member.user_id, actor=actor)


def _record(event: AuditEventType, member: Membership, actor: Actor, details: dict[str, str | int]) -> None:
    record(
        event,
        actor=actor,
        workspace_id=current_workspace_id(),
        target=Target("person", str(member.user_id)),
        details=details,
    )

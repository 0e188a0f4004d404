"""Groups of members, and who is in them. All run in the workspace's scope."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from chatplatform.accounts import audit_events
from chatplatform.accounts.authority import require_authority
from chatplatform.accounts.models import Group, GroupMembership, Membership
from chatplatform.accounts.permissions import Permission
from chatplatform.audit.catalogue import AuditEventType
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, InvalidInput, NotFound
from chatplatform.common.scope import current_workspace_id

NAME_CHARS = 100
DESCRIPTION_CHARS = 300
EXTERNAL_NAME_CHARS = 255


def create_group(name: str, description: str = "", external_name: str = "", *, actor: Actor) -> Group:
    """Make a group. Raises InvalidInput for a missing or too long text, Conflict when the name is taken."""
    fields = _checked(name=name, description=description, external_name=external_name)
    try:
        with transaction.atomic():
            require_authority(actor, Permission.GROUPS_MANAGE)
            group = Group.objects.create(workspace_id=current_workspace_id(), **fields)
            _record_group(audit_events.GROUP_CREATED, group, actor)
    except IntegrityError as error:
        raise _name_taken() from error
    return group


def change_group(
    group_id: UUID,
    *,
    name: str | None = None,
    description: str | None = None,
    external_name: str | None = None,
    actor: Actor,
) -> None:
    """Change what is given and differs. Raises NotFound, InvalidInput, and Conflict when the name is taken."""
    given = {"name": name, "description": description, "external_name": external_name}
    fields = _checked(**{field: value for field, value in given.items() if value is not None})
    try:
        with transaction.atomic():
            require_authority(actor, Permission.GROUPS_MANAGE)
            group = _locked(group_id)
            changed = [field for field, value in fields.items() if getattr(group, field) != value]
            if not changed:
                return
            for field in changed:
                setattr(group, field, fields[field])
            group.save(update_fields=changed)
            _record_group(audit_events.GROUP_CHANGED, group, actor, changed=",".join(changed))
    except IntegrityError as error:
        raise _name_taken() from error


def delete_group(group_id: UUID, *, actor: Actor) -> None:
    """Delete a group; its people stay members of the workspace. Raises NotFound."""
    with transaction.atomic():
        require_authority(actor, Permission.GROUPS_MANAGE)
        group = _locked(group_id)
        members = GroupMembership.objects.filter(group=group).count()
        _record_group(audit_events.GROUP_DELETED, group, actor, members=members)
        group.delete()


def set_members(group_id: UUID, membership_ids: Collection[UUID], *, actor: Actor) -> None:
    """Make exactly these members the group's. Raises NotFound for the group or one of them: nothing changes then."""
    with transaction.atomic():
        require_authority(actor, Permission.GROUPS_MANAGE)
        group = _locked(group_id)
        wanted = {member.pk: member for member in _members(membership_ids)}
        places = GroupMembership.objects.filter(group=group).select_related("membership")
        present = {place.membership_id: place.membership for place in places}
        for pk in wanted.keys() - present.keys():
            _put(group, wanted[pk], actor)
        for pk in present.keys() - wanted.keys():
            _take(group, present[pk], actor)


def add_to_group(group_id: UUID, membership_id: UUID, *, actor: Actor) -> None:
    """Put a member into a group; who is in it already stays. Raises NotFound."""
    with transaction.atomic():
        require_authority(actor, Permission.GROUPS_MANAGE)
        group = _locked(group_id)
        (member,) = _members([membership_id])
        if not GroupMembership.objects.filter(group=group, membership=member).exists():
            _put(group, member, actor)


def remove_from_group(group_id: UUID, membership_id: UUID, *, actor: Actor) -> None:
    """Take a member out of a group; who is not in it stays out. Raises NotFound."""
    with transaction.atomic():
        require_authority(actor, Permission.GROUPS_MANAGE)
        group = _locked(group_id)
        (member,) = _members([membership_id])
        _take(group, member, actor)


def _locked(group_id: UUID) -> Group:
    group = Group.objects.select_for_update().filter(id=group_id).first()
    if group is None:
        raise NotFound("accounts.group_not_found", _("This group does not exist any more. Reload the page."))
    return group


def _members(membership_ids: Collection[UUID]) -> list[Membership]:
    found = list(Membership.objects.filter(public_id__in=membership_ids, workspace_id=current_workspace_id()))
    if len(found) != len(set(membership_ids)):
        raise NotFound(
            "accounts.member_not_found", _("This person is not in the workspace any more. Reload the page.")
        )
    return found


def _put(group: Group, member: Membership, actor: Actor) -> None:
    GroupMembership.objects.create(workspace_id=group.workspace_id, group=group, membership=member)
    _record_member(audit_events.GROUP_MEMBER_ADDED, group, member, actor)


def _take(group: Group, member: Membership, actor: Actor) -> None:
    deleted, _models = GroupMembership.objects.filter(group=group, membership=member).delete()
    if deleted:
        _record_member(audit_events.GROUP_MEMBER_REMOVED, group, member, actor)


def _checked(**texts: str) -> dict[str, str]:
    limits = {"name": NAME_CHARS, "description": DESCRIPTION_CHARS, "external_name": EXTERNAL_NAME_CHARS}
    fields = {field: " ".join(text.replace("\x00", "").split()) for field, text in texts.items()}
    if fields.get("name") == "":
        raise InvalidInput("accounts.group_name_empty", _("Give the group a name."))
    for field, text in fields.items():
        if len(text) > limits[field]:
            raise InvalidInput(
                f"accounts.group_{field}_too_long",
                _("This text is too long: it has %(n)d characters; the limit is %(limit)d.")
                % {"n": len(text), "limit": limits[field]},
            )
    return fields


def _name_taken() -> Conflict:
    return Conflict("accounts.group_name_taken", _("There is a group with this name already."))


def _record_group(event: AuditEventType, group: Group, actor: Actor, **details: str | int) -> None:
    record(
        event,
        actor=actor,
        workspace_id=group.workspace_id,
        target=Target("group", str(group.id)),
        details=details,
    )


def _record_member(event: AuditEventType, group: Group, member: Membership, actor: Actor) -> None:
    record(
        event,
        actor=actor,
        workspace_id=group.workspace_id,
        target=Target("person", str(member.user_id)),
        details={"group_id": str(group.id)},
    )

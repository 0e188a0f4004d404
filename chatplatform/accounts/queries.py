"""Questions about people and their places in workspaces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from chatplatform.accounts.models import (
    Group,
    GroupMembership,
    Invitation,
    InvitationGroup,
    Membership,
    Role,
)
from chatplatform.accounts.permissions import Permission, may
from chatplatform.common.clock import now
from chatplatform.common.errors import NotFound
from chatplatform.common.scope import current_workspace_id


@dataclass(frozen=True, slots=True)
class MembershipView:
    """`language` is the person's own choice, empty when the browser decides.

    `is_active` is false when the person, or their place in this workspace, is suspended. `last_seen_at` is exact
    to ten minutes.
    """

    user_id: UUID
    workspace_id: UUID
    role: Role
    is_active: bool
    language: str
    last_seen_at: datetime | None

    def may(self, permission: Permission) -> bool:
        return may(self.role, permission)


def membership_of(user_id: UUID, workspace_id: UUID | None = None) -> MembershipView | None:
    """The person's membership in `workspace_id`, or None for a stranger there. Callers check `is_active`.

    Without a workspace: their first one, an active one before a suspended one.
    """
    # asked for every frame of every socket: one row of plain values
    places = Membership.objects.filter(user_id=user_id)
    if workspace_id is not None:
        places = places.filter(workspace_id=workspace_id)
    row = (
        places.order_by(F("suspended_at").asc(nulls_first=True), "created_at")
        .values_list(
            "workspace_id", "role", "user__is_active", "suspended_at", "user__language", "last_seen_at"
        )
        .first()
    )
    if row is None:
        return None
    found_id, role, is_active, suspended_at, language, last_seen_at = row
    return MembershipView(
        user_id, found_id, Role(role), is_active and suspended_at is None, language, last_seen_at
    )


def owner_has_signed_in() -> bool:
    """Whether the set-up is in somebody's hands, so that no more first links may be printed."""
    return Membership.objects.filter(role=Role.OWNER, user__last_login__isnull=False).exists()


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member as the list of members shows them. `groups` are names; `last_seen_at` is exact to ten minutes."""

    membership_id: UUID
    user_id: UUID
    name: str
    email: str
    role: Role
    suspended_at: datetime | None
    last_seen_at: datetime | None
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group, and how many members are in it."""

    id: UUID
    name: str
    description: str
    external_name: str
    members: int


@dataclass(frozen=True, slots=True)
class InvitationView:
    """An invitation that can still be accepted. `email` is empty for an open link; `groups` are names."""

    id: UUID
    email: str
    role: Role
    groups: tuple[str, ...]
    created_by: str
    created_at: datetime
    expires_at: datetime


def members(
    *,
    search: str = "",
    after: UUID | None = None,
    limit: int = 50,
    role: Role | None = None,
    group_id: UUID | None = None,
    suspended: bool | None = None,
) -> list[MemberView]:
    """The scope's members by address, after the one with the membership id `after`; an unknown one starts anew.

    `search` looks into names and addresses.
    """
    rows = _memberships()
    if search.strip():
        words = search.strip()
        rows = rows.filter(Q(user__display_name__icontains=words) | Q(user__email__icontains=words))
    if role is not None:
        rows = rows.filter(role=role)
    if suspended is not None:
        rows = rows.filter(suspended_at__isnull=not suspended)
    if group_id is not None:
        places = GroupMembership.objects.filter(group_id=group_id)
        rows = rows.filter(pk__in=places.values("membership_id"))
    rows = rows.annotate(address=Lower("user__email"))
    if after is not None:
        last = _memberships().filter(public_id=after).values_list(Lower("user__email"), flat=True).first()
        if last is not None:
            rows = rows.filter(address__gt=last)
    return _member_views(rows.order_by("address")[:limit])


def member(membership_id: UUID) -> MemberView:
    """One member of the scope's workspace. Raises NotFound."""
    views = _member_views(_memberships().filter(public_id=membership_id))
    if not views:
        raise NotFound(
            "accounts.member_not_found", _("This person is not in the workspace any more. Reload the page.")
        )
    return views[0]


def member_by_user(user_id: UUID) -> MemberView:
    """The member who is this person. Raises NotFound."""
    views = _member_views(_memberships().filter(user_id=user_id))
    if not views:
        raise NotFound(
            "accounts.member_not_found", _("This person is not in the workspace any more. Reload the page.")
        )
    return views[0]


def groups() -> list[GroupView]:
    """The scope's groups by name."""
    rows = Group.objects.annotate(size=Count("places")).order_by(Lower("name"))
    return [GroupView(row.id, row.name, row.description, row.external_name, row.size) for row in rows]


def group(group_id: UUID) -> GroupView:
    """One group of the scope's workspace. Raises NotFound."""
    row = Group.objects.annotate(size=Count("places")).filter(id=group_id).first()
    if row is None:
        raise NotFound("accounts.group_not_found", _("This group does not exist any more. Reload the page."))
    return GroupView(row.id, row.name, row.description, row.external_name, row.size)


def groups_of(user_id: UUID, workspace_id: UUID) -> frozenset[UUID]:
    """The ids of the groups that a person is in, in that workspace: the scope's."""
    places = GroupMembership.objects.filter(
        workspace_id=workspace_id, membership__user_id=user_id, membership__workspace_id=workspace_id
    )
    return frozenset(places.values_list("group_id", flat=True))


def open_invitations() -> list[InvitationView]:
    """The scope's invitations that can still be accepted, newest first."""
    rows = list(
        Invitation.objects.filter(accepted_at=None, revoked_at=None, expires_at__gt=now()).order_by(
            "-created_at"
        )
    )
    names: dict[UUID, list[str]] = defaultdict(list)
    places = InvitationGroup.objects.filter(invitation__in=rows).order_by(Lower("group__name"))
    for invitation_id, name in places.values_list("invitation_id", "group__name"):
        names[invitation_id].append(name)
    return [
        InvitationView(
            row.id,
            row.email,
            Role(row.role),
            tuple(names[row.id]),
            row.created_by,
            row.created_at,
            row.expires_at,
        )
        for row in rows
    ]


def _memberships() -> QuerySet[Membership]:
    return Membership.objects.filter(workspace_id=current_workspace_id()).select_related("user")


def _member_views(rows: QuerySet[Membership]) -> list[MemberView]:
    found = list(rows)
    names = _group_names([row.pk for row in found])
    return [
        MemberView(
            row.public_id,
            row.user_id,
            row.user.display_name or row.user.email.partition("@")[0],
            row.user.email,
            Role(row.role),
            row.suspended_at,
            row.last_seen_at,
            tuple(names[row.pk]),
        )
        for row in found
    ]


def _group_names(membership_pks: Collection[int]) -> dict[int, list[str]]:
    names: dict[int, list[str]] = defaultdict(list)
    places = GroupMembership.objects.filter(membership_id__in=membership_pks).order_by(Lower("group__name"))
    for pk, name in places.values_list("membership_id", "group__name"):
        names[pk].append(name)
    return names

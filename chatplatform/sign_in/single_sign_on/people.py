"""Who somebody is here whom the identity provider vouches for, and which groups and role follow from that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from allauth.socialaccount.models import SocialLogin
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from chatplatform.accounts.groups import add_to_group, remove_from_group
from chatplatform.accounts.members import change_role
from chatplatform.accounts.models import Group, GroupMembership, Membership, Role, User, Workspace
from chatplatform.accounts.queries import membership_of
from chatplatform.accounts.services import add_member, bootstrap_owner
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, NotAllowed
from chatplatform.common.scope import workspace_scope
from chatplatform.environment.single_sign_on import SingleSignOn
from chatplatform.sign_in.audit_events import GROUPS_FOLLOWED
from chatplatform.sign_in.passwords import may_come_in

_ACTOR = Actor.system("single_sign_on")
_MOST_GROUPS = 1000
_ADDRESS_CHARS = 254
# from most to least
_RANKS = (Role.OWNER, Role.ADMINISTRATOR, Role.PROMPT_EDITOR, Role.SUPPORT_AGENT, Role.MEMBER)


def person_of(login: SocialLogin, known: SingleSignOn) -> User:
    """The person whom these verified claims are about; makes them where the operator wishes so.

    Raises NotAllowed with a code for the audit log: no verified address, a domain that is not let in, somebody
    unknown, somebody suspended.
    """
    claims: Mapping[str, Any] = login.claims
    email = _address(claims)
    if known.allowed_domains and email.rpartition("@")[2].lower() not in known.allowed_domains:
        raise _refused("domain")
    user: User | None = login.user if login.is_existing else User.objects.filter(email__iexact=email).first()
    if user is None:
        if known.unknown_people == "refuse":
            raise _refused("unknown")
        user = _new_member(email, claims)
    if not may_come_in(user):
        raise _refused("suspended")
    return user


def follow(user: User, claims: Mapping[str, Any], known: SingleSignOn) -> None:
    """Make groups, and the role where roles are mapped, what the provider says now.

    Only groups with a name at the provider are touched. An owner stays one: the provider must not be able to lock
    the last one out.
    """
    place = membership_of(user.id)
    if place is None:
        return
    names = _groups(claims, known.groups_claim)
    with workspace_scope(place.workspace_id), transaction.atomic():
        member = Membership.objects.get(user=user, workspace_id=place.workspace_id)
        joined, left = _follow_groups(member, names)
        role = _follow_role(member, names, known)
        if joined or left or role:
            record(
                GROUPS_FOLLOWED,
                actor=_ACTOR,
                workspace_id=place.workspace_id,
                target=Target("person", str(user.id)),
                details={"joined": joined, "left": left, "role": role},
            )


def _follow_groups(member: Membership, names: frozenset[str]) -> tuple[int, int]:
    mapped: dict[UUID, str] = dict(Group.objects.exclude(external_name="").values_list("id", "external_name"))
    mine = set(
        GroupMembership.objects.filter(membership=member, group_id__in=mapped).values_list(
            "group_id", flat=True
        )
    )
    wanted = {group_id for group_id, name in mapped.items() if name in names}
    for group_id in wanted - mine:
        add_to_group(group_id, member.public_id, actor=_ACTOR)
    for group_id in mine - wanted:
        remove_from_group(group_id, member.public_id, actor=_ACTOR)
    return len(wanted - mine), len(mine - wanted)


def _follow_role(member: Membership, names: frozenset[str], known: SingleSignOn) -> str:
    """The new role, or nothing when it stays."""
    if not known.roles or member.role == Role.OWNER:
        return ""
    given = {Role(role) for group, role in known.roles.items() if group in names}
    role = next((each for each in _RANKS if each in given), Role.MEMBER)
    if role == member.role:
        return ""
    change_role(member.public_id, role, actor=_ACTOR)
    return role.value


def _address(claims: Mapping[str, Any]) -> str:
    """The verified address; one that the provider does not vouch for could be anybody's."""
    email = claims.get("email")
    if not isinstance(email, str) or claims.get("email_verified") not in (True, "true"):
        raise _refused("no_verified_email")
    try:
        validate_email(email)
    except ValidationError as error:
        raise _refused("no_verified_email") from error
    if len(email) > _ADDRESS_CHARS:
        raise _refused("no_verified_email")
    return email


def _groups(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    """What the claim lists: a list of names, or one name. Anything else is no group."""
    found = claims.get(claim)
    names = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return frozenset(name for name in names[:_MOST_GROUPS] if isinstance(name, str) and 0 < len(name) <= 255)


def _new_member(email: str, claims: Mapping[str, Any]) -> User:
    name = claims.get("name")
    display_name = " ".join(name.split())[:150] if isinstance(name, str) and name.isprintable() else ""
    workspace = Workspace.objects.get(memberships__user=bootstrap_owner(), memberships__role=Role.OWNER)
    try:
        return add_member(workspace, email, role=Role.MEMBER, actor=_ACTOR, display_name=display_name)
    except Conflict:  # another browser of theirs was first
        return User.objects.get(email__iexact=email)


def _refused(reason: str) -> NotAllowed:
    said = {
        "no_verified_email": _("The identity provider does not vouch for an e-mail address of yours."),
        "domain": _("People with this e-mail domain are not let in here."),
        "unknown": _("Nobody has invited you here yet. Ask whoever runs this platform."),
        "suspended": _("You may not come in at the moment. Ask whoever runs this platform."),
    }
    return NotAllowed(f"single_sign_on.{reason}", said[reason])

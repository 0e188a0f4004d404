"""Changes to people, workspaces and profiles. One-time links are in sign_in_links.py and offered here too."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from chatplatform.accounts import audit_events
from chatplatform.accounts.models import Membership, Role, User, Workspace
from chatplatform.accounts.queries import owner_has_signed_in
from chatplatform.accounts.sign_in_links import consume_sign_in_link, make_sign_in_link
from chatplatform.accounts.workspaces import establish_workspace
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, InvalidInput

__all__ = [
    "Profile",
    "add_member",
    "bootstrap_owner",
    "change_profile",
    "consume_sign_in_link",
    "first_sign_in_link",
    "make_sign_in_link",
    "record_sign_out",
]

OWNER_EMAIL = "owner@localhost"
FIRST_LINK_TTL_S = 24 * 3600
_SETUP = Actor.system("setup")


@dataclass(frozen=True, slots=True)
class Profile:
    """What a person may change about themselves."""

    display_name: str
    email: str
    language: str
    theme: str


def bootstrap_owner() -> User:
    """The owner of the first workspace; makes both on a fresh database. Safe to call from several processes."""
    owner = _first_owner()
    if owner is not None:
        return owner
    try:
        with transaction.atomic():
            owner = User.objects.create_user(OWNER_EMAIL)
            establish_workspace(str(_("My workspace")), owner=owner, actor=_SETUP)
    except IntegrityError:  # another process was first: the unique address decides
        owner = _first_owner()
        if owner is None:
            raise
    return owner


def _first_owner() -> User | None:
    row = (
        Membership.objects.select_related("user")
        .filter(role=Role.OWNER, user__is_active=True)
        .order_by("created_at")
        .first()
    )
    return row.user if row else None


def first_sign_in_link() -> str | None:
    """The address that a first start prints: valid once, for a day. None once an owner has signed in."""
    if owner_has_signed_in():
        return None
    return make_sign_in_link(bootstrap_owner(), actor=_SETUP, ttl_s=FIRST_LINK_TTL_S)


def add_member(workspace: Workspace, email: str, *, role: Role, actor: Actor, display_name: str = "") -> User:
    """Add a person to a workspace; raises Conflict when the address is taken.

    They sign in by a link from `make_sign_in_link`.
    """
    try:
        with transaction.atomic():
            user = User.objects.create_user(email.strip(), display_name=display_name.strip())
            Membership.objects.create(workspace=workspace, user=user, role=role)
            record(
                audit_events.MEMBER_ADDED,
                actor=actor,
                workspace_id=workspace.id,
                target=Target("person", str(user.id)),
                details={"role": role.value},
            )
    except IntegrityError as error:
        raise Conflict(
            "accounts.address_taken", _("Somebody with this e-mail address is here already.")
        ) from error
    return user


def change_profile(user: User, profile: Profile, *, actor: Actor) -> None:
    """Save what differs; raises InvalidInput when the address belongs to somebody else."""
    changed = [
        name
        for name in ("display_name", "email", "language", "theme")
        if getattr(user, name) != getattr(profile, name)
    ]
    if not changed:
        return
    workspace_id = Membership.objects.filter(user=user).values_list("workspace_id", flat=True).first()
    try:
        with transaction.atomic():
            for name in changed:
                setattr(user, name, getattr(profile, name))
            user.save(update_fields=changed)
            record(
                audit_events.PROFILE_CHANGED,
                actor=actor,
                workspace_id=workspace_id,
                target=Target("person", str(user.id)),
                details={"changed": ",".join(changed)},
            )
    except IntegrityError as error:
        raise InvalidInput(
            "accounts.address_taken", _("This e-mail address belongs to somebody else.")
        ) from error


def record_sign_out(user: User, *, actor: Actor) -> None:
    """Write the end of a session into the audit log."""
    workspace_id = Membership.objects.filter(user=user).values_list("workspace_id", flat=True).first()
    with transaction.atomic():
        record(
            audit_events.SIGNED_OUT,
            actor=actor,
            workspace_id=workspace_id,
            target=Target("person", str(user.id)),
        )

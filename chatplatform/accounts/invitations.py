"""Invitations: a way into a workspace, by a link that works once, until it expires or is taken back.

The token is derived from the invitation's id with the site's secret key, and the row keeps only its SHA-256: so
a stolen database opens no door, and the link can still be shown or mailed again.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, models, transaction
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from chatplatform.accounts import audit_events
from chatplatform.accounts.authority import require_authority
from chatplatform.accounts.models import (
    Group,
    GroupMembership,
    Invitation,
    InvitationGroup,
    Membership,
    Role,
    User,
    Workspace,
)
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.signals import invitation_made
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor, ActorKind
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput, NotAllowed, NotFound, TooMany
from chatplatform.common.ids import new_id
from chatplatform.common.scope import all_workspaces, current_workspace_id, workspace_scope

DEFAULT_TTL_S = 7 * 86400
LONGEST_TTL_S = 90 * 86400
OPEN_AT_ONCE = 1000
_REASON = "the invitation says which workspace it leads into"


@dataclass(frozen=True, slots=True)
class Invited:
    """A new invitation; `url` is for the invited person alone."""

    invitation_id: UUID
    url: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What an open invitation offers to whoever holds its link. `email` is empty for an open link."""

    workspace_id: UUID
    workspace_name: str
    email: str
    role: Role


def invite(
    *,
    email: str = "",
    role: Role,
    group_ids: Collection[UUID] = (),
    expires_in_s: int = DEFAULT_TTL_S,
    actor: Actor,
) -> Invited:
    """Invite a person by address, or whoever holds the link, into the workspace of the scope.

    Raises InvalidInput for a bad address or time, NotFound for an unknown group, NotAllowed for a role above
    the actor's, Conflict when the address is a member's, and TooMany at the limit of open invitations.
    """
    email = _address(email)
    if not 0 < expires_in_s <= LONGEST_TTL_S:
        raise InvalidInput(
            "accounts.invitation_time", _("An invitation is valid for at least a second and at most 90 days.")
        )
    with transaction.atomic():
        workspace_id = current_workspace_id()
        require_authority(actor, Permission.MEMBERS_MANAGE, role)
        if email and Membership.objects.filter(workspace_id=workspace_id, user__email__iexact=email).exists():
            raise _member_already()
        still_open = Invitation.objects.filter(accepted_at=None, revoked_at=None, expires_at__gt=now())
        if still_open.count() >= OPEN_AT_ONCE:
            raise TooMany(
                "accounts.too_many_invitations",
                _("There are too many open invitations. Take back those that nobody needs."),
            )
        groups = list(Group.objects.filter(id__in=group_ids))
        if len(groups) != len(set(group_ids)):
            raise NotFound(
                "accounts.group_not_found", _("This group does not exist any more. Reload the page.")
            )
        invitation_id = new_id()
        token = _token(invitation_id)
        invitation = Invitation.objects.create(
            id=invitation_id,
            workspace_id=workspace_id,
            email=email,
            role=role,
            token_hash=_digest(token),
            created_by=actor.id,
            expires_at=now() + timedelta(seconds=expires_in_s),
        )
        for group in groups:
            InvitationGroup.objects.create(workspace_id=workspace_id, invitation=invitation, group=group)
        record(
            audit_events.INVITED,
            actor=actor,
            workspace_id=workspace_id,
            target=Target("invitation", str(invitation_id)),
            details={
                "role": role.value,
                "by_email": bool(email),
                "groups": len(groups),
                "expires_in_s": expires_in_s,
            },
        )
        url = _url(token)
        invitation_made.send(
            Invitation,
            invitation_id=invitation_id,
            workspace_id=workspace_id,
            email=email,
            url=url,
            actor=actor,
        )
    return Invited(invitation_id, url)


def invitation_link(invitation_id: UUID, *, actor: Actor) -> str:
    """The link of an open invitation, to copy or mail it again; in the workspace's scope.

    Raises NotFound when it is not open (or older than the site's secret key), and NotAllowed for a role above
    the actor's: the link would give it to them.
    """
    invitation = _still_open(invitation_id)
    require_authority(actor, Permission.MEMBERS_MANAGE, Role(invitation.role))
    token = _token(invitation.id)
    if _digest(token) != bytes(invitation.token_hash):
        raise _gone()
    return _url(token)


def revoke_invitation(invitation_id: UUID, *, actor: Actor) -> None:
    """Take an open invitation back; its link works no more. Raises NotFound when it is not open, and NotAllowed."""
    with transaction.atomic():
        invitation = _still_open(invitation_id)
        require_authority(actor, Permission.MEMBERS_MANAGE, Role(invitation.role))
        if not Invitation.objects.filter(id=invitation.id, accepted_at=None, revoked_at=None).update(
            revoked_at=now()
        ):
            raise _gone()
        record(
            audit_events.INVITATION_REVOKED,
            actor=actor,
            workspace_id=invitation.workspace_id,
            target=Target("invitation", str(invitation.id)),
        )


def offer_of(token: str) -> Offer:
    """What the link offers. Raises InvalidInput, the same for a link that is unknown, used, expired or revoked."""
    with all_workspaces(_REASON):
        invitation = _open_invitations().filter(token_hash=_digest(token)).first()
    if invitation is None:
        raise _not_valid()
    name = Workspace.objects.values_list("name", flat=True).get(id=invitation.workspace_id)
    return Offer(invitation.workspace_id, name, invitation.email, Role(invitation.role))


def accept_invitation(token: str, *, display_name: str = "", email: str = "", actor: Actor) -> User:
    """Make a member by an invitation: `actor`, when it is a person, else a new person with this name and address.

    An invitation by address makes a person of that address, whatever `email` says, and lets in only a signed-in
    person who has it. Raises InvalidInput for a link that is not valid (unknown, used, expired and revoked look
    the same) and for a bad address; NotAllowed for another person's invitation; and Conflict for somebody who is
    here already. Of two who accept at once, one wins; after a refusal the link still works.
    """
    with all_workspaces(_REASON):
        known = Invitation.objects.filter(token_hash=_digest(token)).first()
    if known is None:
        raise _not_valid()
    with workspace_scope(known.workspace_id):
        try:
            with transaction.atomic():
                user = _accept(known, display_name, email, actor)
        except IntegrityError as error:
            raise _address_taken() from error
        if user is None:
            _record_refusal(known, actor)
            raise _not_valid()
    return user


def _accept(invitation: Invitation, display_name: str, email: str, actor: Actor) -> User | None:
    """Within the transaction: compare and set first, so that of two one wins; None for the other."""
    taken = _open_invitations().filter(id=invitation.id).update(accepted_at=now())
    if not taken:
        return None
    is_new = actor.kind is not ActorKind.PERSON
    if is_new:
        user = _new_person(invitation, display_name, email)
    else:
        user = User.objects.get(id=UUID(actor.id))
        if invitation.email and user.email.lower() != invitation.email.lower():
            raise NotAllowed(
                "accounts.invitation_of_somebody_else",
                _("This invitation is for another e-mail address. Sign out, and open it again."),
            )
        if Membership.objects.filter(user=user, workspace_id=invitation.workspace_id).exists():
            raise _member_already()
    Invitation.objects.filter(id=invitation.id).update(accepted_by=user)
    member = Membership.objects.create(
        workspace_id=invitation.workspace_id, user=user, role=Role(invitation.role)
    )
    person = Actor.person(user.id, ip=actor.ip)
    for place in InvitationGroup.objects.filter(invitation=invitation):
        GroupMembership.objects.create(
            workspace_id=invitation.workspace_id, group_id=place.group_id, membership=member
        )
        record(
            audit_events.GROUP_MEMBER_ADDED,
            actor=person,
            workspace_id=invitation.workspace_id,
            target=Target("person", str(user.id)),
            details={"group_id": str(place.group_id)},
        )
    record(
        audit_events.INVITATION_ACCEPTED,
        actor=person,
        workspace_id=invitation.workspace_id,
        target=Target("person", str(user.id)),
        details={"invitation_id": str(invitation.id), "role": invitation.role, "new_person": is_new},
    )
    if is_new:
        record(
            audit_events.SIGNED_IN,
            actor=person,
            workspace_id=invitation.workspace_id,
            target=Target("person", str(user.id)),
            details={"method": "invitation"},
        )
    return user


def _new_person(invitation: Invitation, display_name: str, email: str) -> User:
    address = invitation.email or _address(email)
    name = " ".join(display_name.replace("\x00", "").split())
    if not address:
        raise InvalidInput("accounts.address_missing", _("Type your e-mail address."))
    if len(name) > 150:
        raise InvalidInput("accounts.name_too_long", _("A name has at most 150 characters."))
    if User.objects.filter(email__iexact=address).exists():
        raise _address_taken()
    return User.objects.create_user(address, display_name=name)


def _still_open(invitation_id: UUID) -> Invitation:
    invitation = _open_invitations().filter(id=invitation_id).first()
    if invitation is None:
        raise _gone()
    return invitation


def _open_invitations() -> models.QuerySet[Invitation]:
    return Invitation.objects.filter(accepted_at=None, revoked_at=None, expires_at__gt=now())


def _record_refusal(invitation: Invitation, actor: Actor) -> None:
    invitation.refresh_from_db()
    reason = "expired"
    if invitation.revoked_at is not None:
        reason = "revoked"
    elif invitation.accepted_at is not None:
        reason = "used"
    with transaction.atomic():
        record(
            audit_events.INVITATION_REFUSED,
            actor=actor,
            workspace_id=invitation.workspace_id,
            target=Target("invitation", str(invitation.id)),
            details={"reason": reason},
            outcome="refused",
        )


def _address(email: str) -> str:
    email = User.objects.normalize_email(email.strip())
    if email:
        try:
            validate_email(email)
        except ValidationError as error:
            raise InvalidInput(
                "accounts.address_not_valid", _("This is not an e-mail address: check how it is typed.")
            ) from error
        if len(email) > 254:
            raise InvalidInput("accounts.address_too_long", _("This e-mail address is too long."))
    return email


def _token(invitation_id: UUID) -> str:
    mac = salted_hmac("chatplatform.accounts.invitations", str(invitation_id), algorithm="sha256")
    return urlsafe_b64encode(mac.digest()).decode().rstrip("=")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _url(token: str) -> str:
    return f"{settings.PUBLIC_URL}{reverse('accounts:invitation', args=[token])}"


def _not_valid() -> InvalidInput:
    return InvalidInput(
        "accounts.invitation_not_valid",
        _("This invitation was used, taken back or has expired. Ask for a new one."),
    )


def _gone() -> NotFound:
    return NotFound(
        "accounts.invitation_not_found", _("This invitation is not open any more. Reload the page.")
    )


def _member_already() -> Conflict:
    return Conflict("accounts.member_already", _("This person is in the workspace already."))


def _address_taken() -> Conflict:
    return Conflict(
        "accounts.address_taken",
        _(
            "Somebody with this e-mail address is here already. "
            "If it is you, sign in first, and open the invitation again."
        ),
    )

"""A one-time sign-in link for somebody else: for members without e-mail, or locked out.

Such a link opens the whole account, wherever its person has a place. So it takes the right to manage people, with
no less rights than theirs, in each of those workspaces; and never opens an account that may open the raw records.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from chatplatform.accounts.authority import lock_members, require_authority
from chatplatform.accounts.models import Membership, Role
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.sign_in_links import LINK_TTL_S, make_sign_in_link
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, NotAllowed, NotFound
from chatplatform.common.scope import workspace_scope


def make_member_link(membership_id: UUID, *, actor: Actor, ttl_s: int = LINK_TTL_S) -> str:
    """An absolute address that signs the member in once, within `ttl_s` seconds; in the workspace's scope.

    Raises NotFound, NotAllowed for somebody with more rights here or elsewhere, and Conflict for a suspended one.
    """
    with transaction.atomic():
        workspace_id = lock_members()
        member = (
            Membership.objects.select_related("user")
            .filter(public_id=membership_id, workspace_id=workspace_id)
            .first()
        )
        if member is None:
            raise NotFound(
                "accounts.member_not_found",
                _("This person is not in the workspace any more. Reload the page."),
            )
        require_authority(actor, Permission.MEMBERS_MANAGE, Role(member.role))
        if member.suspended_at is not None or not member.user.is_active:
            raise Conflict("accounts.member_suspended", _("This person is suspended. Reinstate them first."))
        if actor.id != str(member.user_id):
            _require_authority_elsewhere(member, actor)
        return make_sign_in_link(member.user, actor=actor, ttl_s=ttl_s)


def _require_authority_elsewhere(member: Membership, actor: Actor) -> None:
    refused = NotAllowed(
        "accounts.account_reaches_further",
        _(
            "This account opens more than this workspace, so its link is not yours to make. "
            "Whoever runs the machine can make one: manage.py signin_link."
        ),
    )
    if member.user.is_staff or member.user.is_superuser:
        raise refused
    elsewhere = Membership.objects.filter(user_id=member.user_id).exclude(workspace_id=member.workspace_id)
    for place in elsewhere:
        with workspace_scope(place.workspace_id):
            try:
                require_authority(actor, Permission.MEMBERS_MANAGE, Role(place.role))
            except NotAllowed:
                raise refused from None

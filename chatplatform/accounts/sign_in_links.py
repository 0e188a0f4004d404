"""One-time sign-in links: who holds one may come in, once, until it expires.

The token is 256 random bits and only its SHA-256 is kept, so a stolen database opens no door.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from chatplatform.accounts import audit_events
from chatplatform.accounts.models import Membership, SignInLink, User
from chatplatform.accounts.queries import membership_of
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import InvalidInput

LINK_TTL_S = 3600
_TOKEN_BYTES = 32


def make_sign_in_link(user: User, *, actor: Actor, ttl_s: int = LINK_TTL_S) -> str:
    """An absolute address that signs `user` in once, within `ttl_s` seconds."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    with transaction.atomic():
        SignInLink.objects.filter(expires_at__lt=now()).delete()
        SignInLink.objects.create(
            user=user, token_hash=_digest(token), expires_at=now() + timedelta(seconds=ttl_s)
        )
        record(
            audit_events.SIGN_IN_LINK_MADE,
            actor=actor,
            workspace_id=_workspace_of(user),
            target=Target("person", str(user.id)),
            details={"ttl_s": ttl_s},
        )
    return f"{settings.PUBLIC_URL}{reverse('accounts:sign_in_link', args=[token])}"


def consume_sign_in_link(token: str, *, actor: Actor) -> User:
    """Use the link up and return its person; every other open link of theirs is closed with it.

    Raises InvalidInput for a link that is unknown, used, expired, or of a suspended person: the four look
    the same. Refusals of known links are recorded; unknown tokens name nobody and are not, so that a stranger
    cannot fill the log.
    """
    with transaction.atomic():
        link = SignInLink.objects.select_related("user").filter(token_hash=_digest(token)).first()
        user = link.user if link is not None and _take(link) else None
        if user is not None:
            SignInLink.objects.filter(user=user, used_at=None).update(used_at=now())
            user.last_login = now()
            user.save(update_fields=["last_login"])
            record(
                audit_events.SIGNED_IN,
                actor=Actor.person(user.id, ip=actor.ip),
                workspace_id=_workspace_of(user),
                target=Target("person", str(user.id)),
                details={"method": "link"},
            )
        elif link is not None:
            record(
                audit_events.SIGN_IN_REFUSED,
                actor=actor,
                workspace_id=_workspace_of(link.user),
                target=Target("person", str(link.user_id)),
                details={"method": "link", "reason": _reason(link)},
                outcome="refused",
            )
    if user is None:
        raise InvalidInput(
            "accounts.link_not_valid", _("This link was used already or has expired. Ask for a new one.")
        )
    return user


def _take(link: SignInLink) -> bool:
    """Compare and set, so that of two requests with the same link one wins."""
    if _is_shut_out(link.user):
        return False
    return bool(
        SignInLink.objects.filter(pk=link.pk, used_at=None, expires_at__gt=now()).update(used_at=now())
    )


def _reason(link: SignInLink) -> str:
    if _is_shut_out(link.user):
        return "suspended"
    return "expired" if link.used_at is None and link.expires_at <= now() else "used"


def _is_shut_out(user: User) -> bool:
    place = membership_of(user.id)
    return place is None or not place.is_active


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _workspace_of(user: User) -> UUID | None:
    return Membership.objects.filter(user=user).values_list("workspace_id", flat=True).first()

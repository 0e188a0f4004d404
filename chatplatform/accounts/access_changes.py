"""What ends a person's access, wherever it is changed, is written where every web process looks.

Sessions are checked against the person with each request. Open sockets ask nothing while they are idle: each web
process reads the new rows of `AccessChange` once a moment, whatever the number of its sockets, and looks again at
the people they name (chat/tail.py).
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from chatplatform.accounts.models import AccessChange, Membership, User
from chatplatform.common.clock import now

KEPT = timedelta(minutes=10)
# what a session or a socket of a person rests on
_DECISIVE = frozenset({"is_active", "password", "session_epoch"})


def access_changed(user_id: UUID) -> None:
    """Have every web process look again at this person's sockets; inside the caller's transaction."""
    AccessChange.objects.filter(created_at__lt=now() - KEPT).delete()
    AccessChange.objects.create(user_id=user_id)


def end_sessions(user_id: UUID) -> None:
    """End every session of a person, on every device; inside the caller's transaction."""
    User.objects.filter(id=user_id).update(session_epoch=secrets.token_hex(16))
    access_changed(user_id)


@receiver(post_save, sender=User)
def _person_saved(instance: User, created: bool, update_fields: frozenset[str] | None, **_: Any) -> None:
    if not created and (update_fields is None or _DECISIVE & set(update_fields)):
        access_changed(instance.id)


@receiver(post_delete, sender=User)
def _person_deleted(instance: User, **_: Any) -> None:
    access_changed(instance.id)


@receiver(post_save, sender=Membership)
def _place_changed(
    instance: Membership, created: bool, update_fields: frozenset[str] | None, **_: Any
) -> None:
    if not created and (update_fields is None or {"role", "suspended_at"} & set(update_fields)):
        access_changed(instance.user_id)


@receiver(post_delete, sender=Membership)
def _place_deleted(instance: Membership, **_: Any) -> None:
    access_changed(instance.user_id)


@receiver(post_delete, sender=Session)
def _session_ended(instance: Session, **_: Any) -> None:
    """Signed out here or from the list of sessions; sessions that ran out need no word."""
    user_id = instance.get_decoded().get(SESSION_KEY) if instance.expire_date > now() else None
    if user_id:
        access_changed(UUID(user_id))

"""How links end: their pages and token go in the transaction, their key right after it or by the next chore."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.signals import pre_delete
from django.dispatch import receiver

from chatplatform.accounts.models import Membership
from chatplatform.audit.services import Target, record
from chatplatform.chat.models import Conversation
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.privacy.errors import KeysUnavailable
from chatplatform.privacy.services import destroy_key
from chatplatform.privacy.signals import key_destroyed
from chatplatform.privacy.subjects import Subject
from chatplatform.sharing import audit_events as events
from chatplatform.sharing.models import ExportFile, ImportFile, Share, SharePage

_SYSTEM = Actor.system("sharing")
_AT_ONCE = 100
ENDED_KEPT = timedelta(days=90)


def end_share(share: Share, reason: Share.Ended, *, actor: Actor) -> None:
    """End a link inside the caller's transaction. Its key is destroyed afterwards: `destroy_keys_of_ended`."""
    SharePage.objects.filter(share=share).delete()
    share.token_hash = None
    share.token = b""
    share.ended_at = now()
    share.ended = reason
    share.save(update_fields=["token_hash", "token", "ended_at", "ended"])
    record(
        events.SHARE_ENDED,
        actor=actor,
        workspace_id=share.workspace_id,
        target=Target("share", str(share.id)),
        details={"audience": share.audience, "reason": str(reason), "owner": str(share.owner_id)},
    )


def destroy_keys_of_ended(*, actor: Actor = _SYSTEM) -> int:
    """Destroy the keys of links that have ended; how many. Repeating it does no harm.

    Left for the next time are a key store that is down, and links whose end may still be rolled back: the pages are
    gone already.
    """
    if transaction.get_connection().in_atomic_block:
        return 0
    with all_workspaces("links of every workspace end alike"):
        ended = Share.objects.filter(ended_at__isnull=False, key_destroyed_at=None)
        ids = list(ended.order_by("ended_at").values_list("id", flat=True)[:_AT_ONCE])
        for done, share_id in enumerate(ids):
            try:
                destroy_key(Subject.share(share_id), actor=actor)
            except KeysUnavailable:
                return done
            Share.objects.filter(id=share_id).update(key_destroyed_at=now())
    return len(ids)


def end_what_is_over() -> int:
    """End links whose time is over and those of people who left; forget old ones. How many ended."""
    place = Membership.objects.filter(user_id=OuterRef("owner_id"), workspace_id=OuterRef("workspace_id"))
    with all_workspaces("links of every workspace end alike"):
        open_shares = Share.objects.filter(ended_at=None)
        over = [
            (share, Share.Ended.EXPIRED) for share in open_shares.filter(expires_at__lte=now())[:_AT_ONCE]
        ]
        over += [
            (share, Share.Ended.LEFT)
            for share in open_shares.filter(~Exists(place), expires_at__gt=now())[:_AT_ONCE]
        ]
        Share.objects.filter(ended_at__lt=now() - ENDED_KEPT, key_destroyed_at__isnull=False).delete()
    for share, reason in over:
        with workspace_scope(share.workspace_id), transaction.atomic():
            current = Share.objects.select_for_update().filter(id=share.id, ended_at=None).first()
            if current is not None:
                end_share(current, reason, actor=_SYSTEM)
    return len(over)


@receiver(pre_delete, sender=Conversation)
def end_with_the_conversation(sender: object, *, instance: Conversation, **_: Any) -> None:
    """Whoever deletes a conversation wants nobody to read it."""
    for share in Share.objects.filter(conversation=instance, ended_at=None):
        end_share(share, Share.Ended.DELETED, actor=_SYSTEM)


@receiver(key_destroyed)
def end_with_the_person(sender: object, *, subject: Subject, **_: Any) -> None:
    """Nobody can read it any more: links end, and files go."""
    if subject.kind != "person":
        return
    with all_workspaces("a person's key opens what they shared in every workspace"):
        for share in Share.objects.filter(owner_id=subject.id, ended_at=None):
            end_share(share, Share.Ended.ERASED, actor=_SYSTEM)
        ExportFile.objects.filter(owner_id=subject.id).delete()
        ImportFile.objects.filter(owner_id=subject.id).delete()

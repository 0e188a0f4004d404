"""Erasing people and workspaces by destroying their keys."""

from __future__ import annotations

from django.db import DatabaseError, connections, transaction

from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.privacy.audit_events import KEY_DESTROYED, KEY_DESTRUCTION_STARTED
from chatplatform.privacy.data_keys import forget, store_down
from chatplatform.privacy.key_store_router import KEY_STORE
from chatplatform.privacy.models import DataKey
from chatplatform.privacy.signals import key_destroyed
from chatplatform.privacy.subjects import Subject


def destroy_key(subject: Subject, *, actor: Actor) -> None:
    """Make everything that was encrypted for `subject` unreadable, for ever; no new key is made for it again.

    May be repeated: a key that is gone stays gone, and a destruction that a crash cut short is finished. The
    intent is committed before and the deed recorded after, since two databases have no common transaction;
    hence it must not be called inside one (RuntimeError). Raises AuditUnavailable, and then nothing was
    destroyed, or KeysUnavailable. Other processes may use the key from memory for CACHE_S seconds more.
    """
    target = Target(subject.kind, str(subject.id))
    workspace_id = subject.id if subject.kind == "workspace" else None
    with transaction.atomic(durable=True):
        record(KEY_DESTRUCTION_STARTED, actor=actor, workspace_id=workspace_id, target=target)
    try:
        _bury(subject)
    except DatabaseError as error:
        raise store_down() from error
    finally:
        forget(subject)
    with transaction.atomic(durable=True):
        record(KEY_DESTROYED, actor=actor, workspace_id=workspace_id, target=target)
        key_destroyed.send(sender=DataKey, subject=subject, actor=actor)


def _bury(subject: Subject) -> None:
    moment = now()
    with transaction.atomic(using=KEY_STORE):
        # a tombstone for subjects that never had a key, so that none is made for them later
        DataKey.objects.bulk_create(
            [DataKey(subject_kind=subject.kind, subject_id=subject.id, destroyed_at=moment)],
            ignore_conflicts=True,
        )
        DataKey.objects.filter(
            subject_kind=subject.kind, subject_id=subject.id, destroyed_at__isnull=True
        ).update(wrapped=None, master_key="", destroyed_at=moment)
    connection = connections[KEY_STORE]
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            # the write-ahead log would keep the old page, and the wrapped key in it
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")

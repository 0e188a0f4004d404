"""The key store: one data key for each subject, wrapped by the master key. Lives in the database `keys` alone."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from chatplatform.common.clock import now
from chatplatform.common.ids import new_id


class MasterKey(models.Model):
    """A master key that may wrap data keys, known by its fingerprint alone.

    So that a lost master key, silently replaced by a new one, is noticed before it wraps anything.
    """

    fingerprint = models.CharField(max_length=16, primary_key=True)
    registered_at = models.DateTimeField(default=now)


class DataKey(models.Model):
    """A subject's key. A destroyed one stays as a tombstone, so that it is never made again.

    `wrapped` is version, nonce and ciphertext (master_key.py), or null once destroyed.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    subject_kind = models.CharField(max_length=16)
    subject_id = models.UUIDField()
    master_key = models.CharField(max_length=16, blank=True)
    wrapped = models.BinaryField(max_length=64, null=True)
    created_at = models.DateTimeField(default=now)
    destroyed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subject_kind", "subject_id"], name="one_key_a_subject"),
            models.CheckConstraint(
                condition=Q(wrapped__isnull=True, destroyed_at__isnull=False)
                | Q(wrapped__isnull=False, destroyed_at__isnull=True),
                name="key_or_tombstone",
            ),
        ]

"""The log (events), its proof (leaves, checkpoints) and the sequencer's notes (state)."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from chatplatform.audit.append_only import AppendOnlyManager, AppendOnlyModel
from chatplatform.common.clock import now


class AuditEvent(AppendOnlyModel):
    """One recorded act.

    `salt`, `ip` and `details` are the erasable part: they may be emptied once, together, and never changed
    otherwise. `digest` is SHA-256 over them, so the tree stands on the digest and survives their erasure, and
    without the salt nobody can guess an address from it. Columns of the same row rather than a table of their
    own, so that recording stays a single insert.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(default=now)
    code = models.CharField(max_length=80)
    outcome = models.CharField(max_length=8)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=100)
    workspace_id = models.UUIDField(null=True)
    target_kind = models.CharField(max_length=40, blank=True)
    target_id = models.CharField(max_length=100, blank=True)
    digest = models.BinaryField(max_length=32)
    salt = models.BinaryField(max_length=16, null=True)
    ip = models.CharField(max_length=45, blank=True)
    details = models.TextField(blank=True)

    objects: ClassVar[AppendOnlyManager[AuditEvent]] = AppendOnlyManager()

    class Meta:
        db_table = "audit_event"
        base_manager_name = "objects"
        indexes: ClassVar = [
            models.Index(fields=["workspace_id", "id"], name="audit_event_workspace"),
            # with the workspace second: one index answers who asks in a workspace, with the ids in order, and
            # who asks across all
            models.Index(fields=["actor_id", "workspace_id", "id"], name="audit_event_actor"),
            models.Index(fields=["target_id", "workspace_id", "id"], name="audit_event_target"),
            models.Index(fields=["code", "workspace_id", "id"], name="audit_event_code"),
            models.Index(
                fields=["workspace_id", "outcome", "id"],
                condition=~models.Q(outcome="ok"),
                name="audit_event_trouble",
            ),
            models.Index(fields=["at"], name="audit_event_at"),
        ]


class Leaf(AppendOnlyModel):
    """An event's place in the tree: `index` counts from 0 without gaps.

    `leaf_hash` is RFC 6962's over the event's canonical bytes; `chain_hash` is SHA-256 over the chain hash
    before it and the leaf hash.
    """

    index = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(AuditEvent, on_delete=models.PROTECT, related_name="leaf")
    leaf_hash = models.BinaryField(max_length=32)
    chain_hash = models.BinaryField(max_length=32)

    objects: ClassVar[AppendOnlyManager[Leaf]] = AppendOnlyManager()

    class Meta:
        db_table = "audit_leaf"
        base_manager_name = "objects"


class Subtree(models.Model):
    """The root over the leaves `index` * 1024 to `index` * 1024 + 1023, so that a proof need not read them all.

    A convenience, not evidence: nothing is believed because of it, and what it says wrong proves nothing.
    """

    index = models.BigIntegerField(primary_key=True)
    root = models.BinaryField(max_length=32)

    class Meta:
        db_table = "audit_subtree"


class Checkpoint(AppendOnlyModel):
    """A signed statement that the tree had `size` leaves and this root at that time."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField(max_length=32)
    at = models.DateTimeField()
    key_id = models.CharField(max_length=16)
    signature = models.BinaryField(max_length=64)

    objects: ClassVar[AppendOnlyManager[Checkpoint]] = AppendOnlyManager()

    class Meta:
        db_table = "audit_checkpoint"
        base_manager_name = "objects"


class SequencerState(models.Model):
    """The sequencer's one row of notes, so that it need not read the tree to add to it.

    A convenience, not evidence: the verifier recomputes it. Every event up to id `settled_through` has its
    leaf. `frontier` is the roots of the perfect subtrees, 32 bytes each, largest first.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    size = models.BigIntegerField(default=0)
    chain_hash = models.BinaryField(max_length=32)
    frontier = models.BinaryField()
    settled_through = models.BigIntegerField(default=0)

    class Meta:
        db_table = "audit_sequencer"
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(id=1), name="audit_sequencer_one_row")
        ]

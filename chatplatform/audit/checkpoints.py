"""Signing the tree as it stands, and telling the witness."""

from __future__ import annotations

from django.db import transaction

from chatplatform.audit.errors import AuditDamaged
from chatplatform.audit.models import Checkpoint
from chatplatform.audit.sequencer import checked_frontier, locked_state
from chatplatform.audit.signing import key_id, signed_bytes, signing_key
from chatplatform.audit.witness import Statement, append_to_witness, last_witnessed, witness_path
from chatplatform.common.clock import now


def checkpoint() -> Statement | None:
    """Sign the tree and append the statement to the witness file; None when it has not grown since the last.

    The row commits first and the file follows; what a crash kept from the file, the next call adds. Raises
    AuditDamaged when the tree and the sequencer's notes do not fit, or when the witness knows a longer log
    than this one: a log that was rolled back must not go on as if nothing were missing. Raises OSError when
    the witness file cannot be written.
    """
    path = witness_path()
    last_seen = last_witnessed(path)
    seen = last_seen.size if last_seen else 0
    made = None
    with transaction.atomic():
        state = locked_state()
        frontier = checked_frontier(state)
        if seen > frontier.size:
            raise AuditDamaged(
                f"the witness saw {seen} events and the log has {frontier.size}: "
                "run `manage.py audit verify`, and see docs/audit.md if a backup was restored"
            )
        last = Checkpoint.objects.order_by("-size").values_list("size", flat=True).first() or 0
        if frontier.size > last:
            key, at, root = signing_key(), now(), frontier.root()
            made = Statement(
                frontier.size,
                root,
                at,
                key_id(key.public_key()),
                key.sign(signed_bytes(frontier.size, root, at)),
            )
            Checkpoint(**made._asdict()).save()
    unseen = stored_checkpoints(after=seen)
    if unseen:
        append_to_witness(path, unseen)
    return made


def stored_checkpoints(*, after: int = 0) -> list[Statement]:
    """The database's checkpoints over more than `after` leaves, oldest first."""
    rows = Checkpoint.objects.filter(size__gt=after).order_by("size")
    return [
        Statement(size, bytes(root), at, key, bytes(signature))
        for size, root, at, key, signature in rows.values_list(*Statement._fields)
    ]

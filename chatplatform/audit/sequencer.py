"""Gives every committed event its leaf.

Apart from the act's transaction, because a chain inside it would make all writers wait for one another.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Max, QuerySet

from chatplatform.audit.encoding import EVENT_COLUMNS, encode_event
from chatplatform.audit.errors import AuditDamaged
from chatplatform.audit.merkle import CHAIN_START, Frontier, chain_hash, leaf_hash
from chatplatform.audit.models import AuditEvent, Leaf, SequencerState
from chatplatform.common.clock import now

# On PostgreSQL ids are drawn before they commit, so a lower id may appear after a higher one. Ids are looked at
# again for this long; no transaction of the platform lasts nearly so long.
SETTLING = timedelta(minutes=10)
_SETTLE_EVERY = 10_000  # ids


def sequence_pending(limit: int = 1000) -> int:
    """Give up to `limit` recorded events their leaf, in the order of their ids; how many got one.

    Any number of processes may call it at once: one works, the others wait for it and find less to do. Raises
    AuditDamaged when the sequencer's notes and the tree do not fit.
    """
    if not pending_events(_settled_through()).exists():
        return 0
    with transaction.atomic():
        state = locked_state()
        frontier = checked_frontier(state)
        rows = list(pending_events(state.settled_through).order_by("id").values_list(*EVENT_COLUMNS)[:limit])
        if not rows:
            return 0
        chain = bytes(state.chain_hash)
        leaves = []
        for row in rows:
            hashed = leaf_hash(encode_event(*row))
            chain = chain_hash(chain, hashed)
            leaves.append(Leaf(index=frontier.size, event_id=row[0], leaf_hash=hashed, chain_hash=chain))
            frontier.append(hashed)
        Leaf.objects.bulk_create(leaves)
        state.size = frontier.size
        state.chain_hash = chain
        state.frontier = frontier.pack()
        state.settled_through = _settled(state.settled_through, last_id=rows[-1][0])
        state.save()
    return len(rows)


def pending_events(settled_through: int) -> QuerySet[AuditEvent]:
    """Events without a leaf, among those that may still come to have one."""
    return AuditEvent.objects.filter(id__gt=settled_through, leaf__isnull=True)


def oldest_pending() -> datetime | None:
    """When the oldest event without a leaf happened; None when all have one."""
    pending = pending_events(_settled_through()).order_by("id")
    return pending.values_list("at", flat=True).first()


def locked_state() -> SequencerState:
    """The sequencer's notes, locked until the end of the transaction; made when there are none."""
    SequencerState.objects.get_or_create(id=1, defaults={"chain_hash": CHAIN_START, "frontier": b""})
    return SequencerState.objects.select_for_update().get(id=1)


def checked_frontier(state: SequencerState) -> Frontier:
    """The tree as the notes have it; AuditDamaged unless the last leaf says the same."""
    last = Leaf.objects.order_by("-index").values_list("index", "chain_hash").first()
    size, chain = (last[0] + 1, bytes(last[1])) if last else (0, CHAIN_START)
    try:
        frontier = Frontier(state.size, bytes(state.frontier))
    except ValueError as error:
        raise AuditDamaged("the audit sequencer's notes are damaged: run `manage.py audit verify`") from error
    if (size, chain) != (state.size, bytes(state.chain_hash)):
        raise AuditDamaged("the audit log does not end where it should: run `manage.py audit verify`")
    return frontier


def _settled_through() -> int:
    return SequencerState.objects.values_list("settled_through", flat=True).first() or 0


def _settled(settled: int, *, last_id: int) -> int:
    """The id up to which nothing can appear any more, now that all present up to `last_id` have leaves."""
    if connection.vendor == "sqlite":
        return last_id  # one writer at a time: ids are drawn in the order of commits
    if last_id - settled < _SETTLE_EVERY:
        return settled
    old = AuditEvent.objects.filter(id__gt=settled, id__lte=last_id, at__lt=now() - SETTLING)
    return old.aggregate(last=Max("id"))["last"] or settled

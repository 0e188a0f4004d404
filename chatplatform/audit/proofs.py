"""Proofs that an event is in the log, and the subtrees that make them quick."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from chatplatform.audit.merkle import inclusion_proof, tree_root
from chatplatform.audit.models import Checkpoint, Leaf, SequencerState, Subtree
from chatplatform.audit.witness import Statement

SUBTREE_LEAVES: Final = 1024  # a power of two, so that the tree's own nodes are meant


@dataclass(frozen=True, slots=True)
class EventProof:
    """Evidence that an event is in the log: recompute the leaf from the event, the root from leaf and path,
    and check the checkpoint's signature."""

    index: int
    leaf_hash: bytes
    path: tuple[bytes, ...]
    checkpoint: Statement


def event_proof(event_id: int) -> EventProof | None:
    """The proof of an event under the newest checkpoint, if that covers it; None when there is none yet.

    Reads the leaves beside the event and the roots of the other subtrees, not the whole tree.
    """
    leaf = Leaf.objects.filter(event_id=event_id).first()
    signed = Checkpoint.objects.order_by("-size").values_list(*Statement._fields).first()
    if leaf is None or signed is None:
        return None
    newest = Statement(signed[0], bytes(signed[1]), signed[2], signed[3], bytes(signed[4]))
    if newest.size <= leaf.index:
        return None
    number, place = divmod(leaf.index, SUBTREE_LEAVES)
    within = inclusion_proof(_leaves(number, newest.size), place)
    above = inclusion_proof(_roots(newest.size), number)
    return EventProof(leaf.index, bytes(leaf.leaf_hash), (*within, *above), newest)


def fold_subtrees(limit: int = 200) -> int:
    """Write down the roots of up to `limit` subtrees that are full and not yet known; how many."""
    size = SequencerState.objects.values_list("size", flat=True).first() or 0
    last = Subtree.objects.order_by("-index").values_list("index", flat=True).first()
    begin = 0 if last is None else last + 1
    end = min(size // SUBTREE_LEAVES, begin + limit)
    made = [Subtree(index=number, root=tree_root(_leaves(number, size))) for number in range(begin, end)]
    # another worker may have been quicker; the same leaves have the same root
    Subtree.objects.bulk_create(made, ignore_conflicts=True)
    return len(made)


def _leaves(number: int, size: int) -> list[bytes]:
    """The hashes of the leaves of a subtree, as far as the tree of this size goes."""
    begin = number * SUBTREE_LEAVES
    rows = Leaf.objects.filter(index__gte=begin, index__lt=min(begin + SUBTREE_LEAVES, size))
    return _as_bytes(rows.order_by("index").values_list("leaf_hash", flat=True))


def _roots(size: int) -> list[bytes]:
    """The roots of the subtrees of the tree of this size, the last one unfinished perhaps."""
    full = size // SUBTREE_LEAVES
    known = Subtree.objects.filter(index__lt=full).order_by("index")
    roots = _as_bytes(known.values_list("root", flat=True))
    unknown = range(len(roots), full + (1 if size % SUBTREE_LEAVES else 0))
    return [*roots, *(tree_root(_leaves(number, size)) for number in unknown)]


def _as_bytes(rows: Iterable[bytes | memoryview[int]]) -> list[bytes]:
    return [bytes(row) for row in rows]

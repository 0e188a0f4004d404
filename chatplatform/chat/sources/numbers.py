"""Numbers of passages: whoever gives a question passages counts on from what all others gave this conversation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

# of a person and messages of theirs, the highest number that a passage has; 0 without one
LastNumber = Callable[[UUID, Sequence[UUID]], int]

_counted: list[LastNumber] = []


def count_numbers(last: LastNumber) -> None:
    """Have `last` asked before numbers are given out."""
    _counted.append(last)


def next_number(owner_id: UUID, message_ids: Sequence[UUID]) -> int:
    """A number that no passage of these messages has, nor any above it."""
    return 1 + max((last(owner_id, message_ids) for last in _counted), default=0)

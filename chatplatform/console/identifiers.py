"""Ids as they come from addresses and forms, where anything may stand."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID


def uuid_of(text: str) -> UUID | None:
    """The id, or None for what is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def uuids_of(texts: Iterable[str]) -> set[UUID]:
    """The ids among these."""
    return {found for text in texts if (found := uuid_of(text)) is not None}

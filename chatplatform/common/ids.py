"""Identifiers: random, so that no public id tells an order, a time or a neighbour."""

from __future__ import annotations

import uuid


def new_id() -> uuid.UUID:
    """A random id with 122 bits (RFC 9562, version 4)."""
    return uuid.uuid4()

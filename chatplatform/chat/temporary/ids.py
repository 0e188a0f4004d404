"""Ids that say of themselves that they name a temporary chat, and in which process it lives."""

from __future__ import annotations

import secrets
from uuid import UUID

VERSION = 8  # RFC 9562: for uses of one's own; rows have version 4
_PROCESS_BITS = 48
_LOW_BITS = 80
_THIS_PROCESS = secrets.randbits(_PROCESS_BITS)


def new_temporary_id() -> UUID:
    """A random id, of which the first 48 bits name this process."""
    value = _THIS_PROCESS << _LOW_BITS | secrets.randbits(_LOW_BITS)
    value = value & ~(0xF << 76) | VERSION << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def is_temporary(conversation_id: UUID | None) -> bool:
    """Whether the id names a temporary chat, wherever it lives or lived."""
    return conversation_id is not None and conversation_id.version == VERSION


def is_of_this_process(conversation_id: UUID) -> bool:
    return conversation_id.int >> _LOW_BITS == _THIS_PROCESS

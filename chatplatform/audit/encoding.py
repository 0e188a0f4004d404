"""The bytes that are hashed: one canonical form for each event, the same on every database."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

FORMAT = "chatplatform-audit-v1"


class EventRow(NamedTuple):
    """The permanent columns of an event, in the order in which they are hashed."""

    id: int
    at: datetime
    code: str
    outcome: str
    actor_kind: str
    actor_id: str
    workspace_id: UUID | None
    target_kind: str
    target_id: str
    digest: bytes


EVENT_COLUMNS = EventRow._fields
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def details_digest(salt: bytes, ip: str, details: str) -> bytes:
    """SHA-256 over the erasable part. `ip` holds no NUL, so the parts cannot run into each other."""
    return hashlib.sha256(b"".join((salt, ip.encode(), b"\0", details.encode()))).digest()


def encode_event(
    id: int,
    at: datetime,
    code: str,
    outcome: str,
    actor_kind: str,
    actor_id: str,
    workspace_id: UUID | None,
    target_kind: str,
    target_id: str,
    digest: bytes,
) -> bytes:
    """The permanent columns as a JSON array in ASCII without white space; time in UTC to the microsecond."""
    return _encode(
        (
            FORMAT,
            id,
            at.astimezone(UTC).isoformat(timespec="microseconds"),
            code,
            outcome,
            actor_kind,
            actor_id,
            workspace_id.hex if workspace_id else "",
            target_kind,
            target_id,
            bytes(digest).hex(),
        )
    ).encode("ascii")

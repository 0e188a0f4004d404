"""The secret of a collection and the keys that are made of it, so that two collections have nothing in common."""

from __future__ import annotations

import hmac
import os
from typing import Final
from uuid import UUID

from chatplatform.knowledge.models import Collection
from chatplatform.privacy.content import decrypt_bytes, encrypt_bytes
from chatplatform.privacy.subjects import Subject

SECRET_BYTES: Final = 64


def new_secret(workspace_id: UUID, collection_id: UUID) -> bytes:
    """For Collection.secret, sealed with the workspace's key. Raises KeysUnavailable, ContentErased."""
    return encrypt_bytes(
        Subject.workspace(workspace_id), os.urandom(SECRET_BYTES), context=_context(collection_id)
    )


def secret_of(collection: Collection) -> bytes:
    """64 bytes. Raises KeysUnavailable, ContentErased, ContentUnreadable."""
    return decrypt_bytes(
        Subject.workspace(collection.workspace_id), bytes(collection.secret), context=_context(collection.id)
    )


def key_of(collection: Collection, purpose: str) -> bytes:
    """32 bytes for this purpose alone: `names` of chunks, `digests` of files, `terms`. Raises as `secret_of` does."""
    return hmac.digest(secret_of(collection), b"chatplatform collection 1: " + purpose.encode(), "sha256")


def _context(collection_id: UUID) -> str:
    return f"collection-secret:{collection_id}"

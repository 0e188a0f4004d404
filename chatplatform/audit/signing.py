"""The Ed25519 key that signs checkpoints, made on first use beside the other secrets."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from chatplatform.audit.encoding import FORMAT
from chatplatform.audit.errors import AuditDamaged


def signing_key_path() -> Path:
    return Path(settings.DATA_DIR) / "secrets" / "audit-signing.key"


def signing_key() -> Ed25519PrivateKey:
    """The key; made when there is none, and then the same for all processes that ask at once.

    Raises AuditDamaged when the file holds no key.
    """
    path = signing_key_path()
    if not path.exists():
        _create(path)
    try:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(path.read_text().strip(), validate=True))
    except ValueError as error:
        raise AuditDamaged("the audit signing key is damaged: restore it from its backup") from error


def existing_public_key() -> Ed25519PublicKey | None:
    """This machine's public key, or None when no checkpoint was ever signed here."""
    return signing_key().public_key() if signing_key_path().exists() else None


def key_id(key: Ed25519PublicKey) -> str:
    """16 hex digits that name the key."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def signed_bytes(size: int, root: bytes, at: datetime) -> bytes:
    """What a checkpoint's signature covers: a line each for format, size, root and time."""
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    return f"{FORMAT} checkpoint\n{size}\n{base64.b64encode(root).decode()}\n{moment}\n".encode()


def signature_holds(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        # linking is whole or not at all; whoever comes second keeps the first one's key
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()

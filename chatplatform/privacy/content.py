"""Encryption of content at rest: AES-256-GCM under the subject's data key.

Stored form, version 1: version (1 byte), key id (16), nonce (12), ciphertext with tag (text in UTF-8 + 16). The
authenticated data holds format, subject and context, so bytes moved to another row or person do not decrypt.
Nonces are random: good for 2**32 texts a subject. Bytes that are no text are kept in the same form.
"""

from __future__ import annotations

import os
from typing import Final

from cryptography.exceptions import InvalidTag

from chatplatform.privacy.data_keys import data_key
from chatplatform.privacy.errors import ContentErased, ContentUnreadable, KeysUnavailable
from chatplatform.privacy.master_key import NONCE_BYTES
from chatplatform.privacy.subjects import Subject

__all__ = [
    "OVERHEAD_BYTES",
    "ContentErased",
    "ContentUnreadable",
    "KeysUnavailable",
    "decrypt_bytes",
    "decrypt_text",
    "encrypt_bytes",
    "encrypt_text",
]

_VERSION: Final = b"\x01"
# half a surrogate pair comes back as it was: an encoding error would carry the text into a traceback
_ERRORS: Final = "surrogatepass"
_KEY_ID_END: Final = 17
_NONCE_END: Final = _KEY_ID_END + NONCE_BYTES
OVERHEAD_BYTES: Final = _NONCE_END + 16


def encrypt_text(subject: Subject, text: str, *, context: str) -> bytes:
    """`text` as bytes that only this subject's key and this `context` (such as `message:<id>`) open again.

    Makes the subject's key on first use. Raises ContentErased when it was destroyed and KeysUnavailable when
    there is none to be had. May be called from any thread; not in an event loop.
    """
    return encrypt_bytes(subject, text.encode(errors=_ERRORS), context=context)


def encrypt_bytes(subject: Subject, plain: bytes, *, context: str) -> bytes:
    """As `encrypt_text`, for what is no text."""
    key = data_key(subject, create=True)
    nonce = os.urandom(NONCE_BYTES)
    return b"".join(
        (_VERSION, key.id, nonce, key.cipher.encrypt(nonce, plain, _authenticated(subject, context)))
    )


def decrypt_text(subject: Subject, data: bytes, *, context: str) -> str:
    """The text that `encrypt_text` was given.

    Raises ContentErased when the key was destroyed, ContentUnreadable when subject, context or bytes are not
    those of the encryption, and KeysUnavailable when keys cannot be had.
    """
    return decrypt_bytes(subject, data, context=context).decode(errors=_ERRORS)


def decrypt_bytes(subject: Subject, data: bytes, *, context: str) -> bytes:
    """As `decrypt_text`, for what `encrypt_bytes` was given."""
    if data[:1] != _VERSION or len(data) < OVERHEAD_BYTES:
        raise ContentUnreadable
    key = data_key(subject, create=False)
    if data[1:_KEY_ID_END] != key.id:
        raise ContentUnreadable
    try:
        return key.cipher.decrypt(
            data[_KEY_ID_END:_NONCE_END], data[_NONCE_END:], _authenticated(subject, context)
        )
    except InvalidTag as error:
        raise ContentUnreadable from error


def _authenticated(subject: Subject, context: str) -> bytes:
    return b"".join((b"chatplatform content 1:", subject.to_bytes(), context.encode(errors=_ERRORS)))

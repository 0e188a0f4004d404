"""The master key: wraps data keys and keys the pseudonyms, each with a key derived for that use."""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from chatplatform.privacy.errors import KeysUnavailable

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_WRAP_VERSION: Final = b"\x01"


@dataclass(frozen=True, slots=True)
class MasterKeyring:
    """What is derived from one master key. `fingerprint` names it (16 hex digits) and tells nothing about it."""

    fingerprint: str
    pseudonym_key: bytes = field(repr=False)
    _wrapping: AESGCM = field(repr=False)

    def wrap(self, key: bytes, *, context: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return _WRAP_VERSION + nonce + self._wrapping.encrypt(nonce, key, context)

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """The key; raises KeysUnavailable when the bytes are damaged, or were wrapped elsewhere."""
        if wrapped[:1] != _WRAP_VERSION:
            raise _damaged()
        try:
            return self._wrapping.decrypt(wrapped[1 : 1 + NONCE_BYTES], wrapped[1 + NONCE_BYTES :], context)
        except (InvalidTag, ValueError) as error:
            raise _damaged() from error


def master_keyring() -> MasterKeyring:
    """The keys derived from settings.MASTER_KEY; raises KeysUnavailable when it is missing or malformed."""
    return _derive(settings.MASTER_KEY)


@lru_cache(maxsize=2)
def _derive(encoded: str) -> MasterKeyring:
    if not encoded:
        raise KeysUnavailable(
            "master_key_missing",
            _("The master key is missing. Set CHATPLATFORM_MASTER_KEY or restore the file master.key."),
        )
    try:
        secret = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed() from error
    if len(secret) != KEY_BYTES:
        raise _malformed()
    return MasterKeyring(
        fingerprint=_subkey(secret, b"fingerprint")[:8].hex(),
        pseudonym_key=_subkey(secret, b"pseudonyms"),
        _wrapping=AESGCM(_subkey(secret, b"wrapping")),
    )


def _subkey(secret: bytes, use: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"chatplatform master key 1: " + use).derive(secret)


def _malformed() -> KeysUnavailable:
    return KeysUnavailable(
        "master_key_malformed",
        _("The master key is not 32 bytes in base64. Restore the one that this installation began with."),
    )


def _damaged() -> KeysUnavailable:
    return KeysUnavailable(
        "data_key_damaged", _("A data key cannot be unwrapped. Restore the key store from its backup.")
    )

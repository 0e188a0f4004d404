"""Secrets of the installation, such as the key of an engine elsewhere: sealed with the master key, and opened only
where they are used."""

from __future__ import annotations

from chatplatform.privacy.errors import ContentUnreadable
from chatplatform.privacy.master_key import master_keyring


def seal_secret(secret: str, *, context: str) -> bytes:
    """`secret` as bytes that only this master key and this `context` open again. Raises KeysUnavailable."""
    return master_keyring().wrap(secret.encode(), context=_bound(context))


def open_secret(sealed: bytes, *, context: str) -> str:
    """The secret. Raises KeysUnavailable when the master key is missing, another one, or the bytes are damaged."""
    try:
        return master_keyring().unwrap(sealed, context=_bound(context)).decode()
    except UnicodeDecodeError as error:
        raise ContentUnreadable from error


def _bound(context: str) -> bytes:
    return b"chatplatform secret 1:" + context.encode()

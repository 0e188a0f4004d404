"""Data keys: made on first use, kept wrapped in the key store, unwrapped in memory for a few seconds.

The key store is a database of its own, so a new key is committed at once, whatever becomes of the caller's
transaction. Unwrapped keys leave the cache after CACHE_S seconds: for so long a key that another process destroyed
can still be used in this one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.db import DatabaseError
from django.utils.translation import gettext_lazy as _

from chatplatform.common.ids import new_id
from chatplatform.privacy.errors import ContentErased, KeysUnavailable
from chatplatform.privacy.master_key import KEY_BYTES, MasterKeyring, master_keyring
from chatplatform.privacy.models import DataKey, MasterKey
from chatplatform.privacy.subjects import Subject

CACHE_S: Final = 5.0
_CACHE_KEYS: Final = 4096


@dataclass(frozen=True, slots=True, repr=False)
class UnwrappedKey:
    """A data key ready for use. `id` is the 16 bytes by which content names its key."""

    id: bytes
    cipher: AESGCM
    expires: float
    secret: bytes

    def derived(self, purpose: str) -> bytes:
        """Another key of 32 bytes, for this purpose alone; it tells nothing about this one."""
        info = b"chatplatform data key 1: " + purpose.encode()
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=info).derive(self.secret)


_cache: dict[tuple[Subject, str], UnwrappedKey] = {}


def data_key(subject: Subject, *, create: bool) -> UnwrappedKey:
    """The subject's key.

    Without one it is made if `create`, and otherwise KeysUnavailable is raised, because content that exists
    has had a key. Raises ContentErased when it was destroyed, and KeysUnavailable when the master key or the
    key store fails. Synchronous: on a cache miss it reads the database.
    """
    keyring = master_keyring()
    place = (subject, keyring.fingerprint)
    cached = _cache.get(place)
    if cached is not None and cached.expires > time.monotonic():
        return cached
    try:
        row = _row(subject)
    except DatabaseError as error:
        raise store_down() from error
    if row is None and create:
        try:
            row = _create(subject, keyring)
        except DatabaseError as error:
            # it was read just now
            raise _store_takes_nothing() from error
    if row is None:
        raise KeysUnavailable(
            "data_key_missing",
            _("The key of this content is not in the key store. Restore the key store from its backup."),
        )
    return _remember(place, _unwrap(row, subject, keyring))


def derived_secret(subject: Subject, *, purpose: str) -> bytes:
    """32 bytes that only the subject's key gives, the same for the same purpose: for keyed hashes.

    Makes the subject's key on first use; raises as `data_key` does.
    """
    return data_key(subject, create=True).derived(purpose)


def is_erased(subject: Subject) -> bool:
    """Whether the subject's key was destroyed. Reads the key store; raises KeysUnavailable when it cannot."""
    try:
        return DataKey.objects.filter(**_fields(subject), destroyed_at__isnull=False).exists()
    except DatabaseError as error:
        raise store_down() from error


def check_key_store() -> None:
    """Raise KeysUnavailable unless data keys can be made and unwrapped with the present master key."""
    keyring = master_keyring()
    try:
        _register(keyring)
        row = DataKey.objects.filter(wrapped__isnull=False).order_by("-created_at").first()
    except DatabaseError as error:
        raise store_down() from error
    if row is not None:
        keyring.unwrap(bytes(row.wrapped or b""), context=_wrapping_context(row))


def forget(subject: Subject) -> None:
    """Drop the subject's key from this process's memory."""
    for place in [place for place in tuple(_cache) if place[0] == subject]:
        _cache.pop(place, None)


def forget_all() -> None:
    """Drop every key from this process's memory."""
    _cache.clear()


def _row(subject: Subject) -> DataKey | None:
    return DataKey.objects.filter(**_fields(subject)).first()


def _create(subject: Subject, keyring: MasterKeyring) -> DataKey | None:
    _register(keyring)
    row = DataKey(id=new_id(), master_key=keyring.fingerprint, **_fields(subject))
    row.wrapped = keyring.wrap(AESGCM.generate_key(KEY_BYTES * 8), context=_wrapping_context(row))
    # whoever comes second keeps the first one's row
    DataKey.objects.bulk_create([row], ignore_conflicts=True)
    return _row(subject)


def _register(keyring: MasterKeyring) -> None:
    """Accept the first master key that this key store sees, and no other after it."""
    if _is_known(keyring):
        return
    if not MasterKey.objects.exists() and not DataKey.objects.exists():
        MasterKey.objects.bulk_create([MasterKey(fingerprint=keyring.fingerprint)], ignore_conflicts=True)
    # others may have begun between two of these questions: what they wrote first is read last
    if not _is_known(keyring):
        raise _wrong_master_key()


def _is_known(keyring: MasterKeyring) -> bool:
    return MasterKey.objects.filter(fingerprint=keyring.fingerprint).exists()


def _unwrap(row: DataKey, subject: Subject, keyring: MasterKeyring) -> UnwrappedKey:
    if row.wrapped is None:
        raise ContentErased
    if row.master_key != keyring.fingerprint:
        raise _wrong_master_key()
    key = keyring.unwrap(bytes(row.wrapped), context=_wrapping_context(row))
    return UnwrappedKey(row.id.bytes, AESGCM(key), time.monotonic() + CACHE_S, key)


def _remember(place: tuple[Subject, str], key: UnwrappedKey) -> UnwrappedKey:
    if len(_cache) >= _CACHE_KEYS:
        moment = time.monotonic()
        stale = [place for place, key in tuple(_cache.items()) if key.expires <= moment]
        for old in stale or tuple(_cache)[: _CACHE_KEYS // 4]:
            _cache.pop(old, None)
    _cache[place] = key
    return key


def _fields(subject: Subject) -> dict[str, object]:
    return {"subject_kind": subject.kind, "subject_id": subject.id}


def _wrapping_context(row: DataKey) -> bytes:
    """Ties the wrapped key to its row, so that one subject's key cannot be put in another's place."""
    return b"data key:" + row.id.bytes + row.subject_kind.encode() + b":" + row.subject_id.bytes


def _wrong_master_key() -> KeysUnavailable:
    return KeysUnavailable(
        "master_key_wrong",
        _("The master key is not the one that this installation began with. Restore the right one."),
    )


def _store_takes_nothing() -> KeysUnavailable:
    return KeysUnavailable(
        "key_store_takes_nothing",
        _("A new key could not be stored: the disk may be full, or the key store read-only. Try again soon."),
    )


def store_down() -> KeysUnavailable:
    """The error for a key store that does not answer."""
    return KeysUnavailable(
        "key_store_unavailable",
        _(
            "The key store cannot be reached: the disk may be full. Check it, and CHATPLATFORM_KEYS_DATABASE_URL."
        ),
    )

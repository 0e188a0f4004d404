"""Opaque names for subjects, for parts that must tell owners apart and need not know them."""

from __future__ import annotations

import hashlib
import hmac

from chatplatform.privacy.master_key import master_keyring
from chatplatform.privacy.subjects import Subject


def pseudonym(subject: Subject, *, purpose: str) -> str:
    """32 hex digits, the same for the same subject and purpose as long as the master key is.

    Names for different purposes cannot be linked without the master key. Raises KeysUnavailable without one.
    """
    named = b"".join((purpose.encode(), b"\0", subject.to_bytes()))
    return hmac.new(master_keyring().pseudonym_key, named, hashlib.sha256).hexdigest()[:32]

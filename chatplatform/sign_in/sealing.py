"""Secrets of sign-in at rest: encrypted under their person's key, so that erasing the person ends them too."""

from __future__ import annotations

import base64
import binascii
from uuid import UUID

from chatplatform.privacy.content import ContentUnreadable, decrypt_text, encrypt_text
from chatplatform.privacy.subjects import Subject

_VERSION = "1"
_CONTEXT = "sign-in secret"


def seal(person_id: UUID, text: str) -> str:
    """`text` under the person's key, in a form that names the person. Raises ContentErased, KeysUnavailable."""
    sealed = encrypt_text(Subject.person(person_id), text, context=_CONTEXT)
    return ":".join((_VERSION, person_id.hex, base64.b64encode(sealed).decode()))


def unseal(sealed: str) -> tuple[UUID, str]:
    """Whose secret it is, and the secret. Raises ContentUnreadable, ContentErased and KeysUnavailable."""
    try:
        version, person, data = sealed.split(":")
        person_id, raw = UUID(person), base64.b64decode(data, validate=True)
    except (ValueError, binascii.Error) as error:
        raise ContentUnreadable from error
    if version != _VERSION:
        raise ContentUnreadable
    return person_id, decrypt_text(Subject.person(person_id), raw, context=_CONTEXT)

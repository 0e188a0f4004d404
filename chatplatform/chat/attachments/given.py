"""What of a file stood in a prompt: the very text, and which passages it was made of."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Literal
from uuid import UUID

from chatplatform.privacy.content import decrypt_text, encrypt_text
from chatplatform.privacy.subjects import Subject

How = Literal["whole", "passages", "nothing"]


@dataclass(frozen=True, slots=True)
class GivenPassage:
    """A passage by its place in the file's text. `number` is what an answer cites it by; 0 without a number."""

    number: int
    start: int
    end: int
    page: int


@dataclass(frozen=True, slots=True)
class Given:
    """`text` is the part of the prompt, of `tokens`; `of` is how many passages the file has. `nothing`: the file could
    not be read, and the text says so to the model."""

    how: How
    text: str = field(repr=False)
    tokens: int | None = None
    passages: tuple[GivenPassage, ...] = ()
    of: int = 0


def sealed_given(owner: Subject, attachment_id: UUID, given: Given) -> bytes:
    return encrypt_text(owner, json.dumps(asdict(given), ensure_ascii=False), context=_context(attachment_id))


def given_of(owner: Subject, attachment_id: UUID, sealed: bytes) -> Given | None:
    """None where nothing was given yet."""
    if not sealed:
        return None
    values = json.loads(decrypt_text(owner, sealed, context=_context(attachment_id)))
    values["passages"] = tuple(GivenPassage(**passage) for passage in values["passages"])
    return Given(**values)


def _context(attachment_id: UUID) -> str:
    return f"attachment-given:{attachment_id}"

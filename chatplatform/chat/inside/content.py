"""The parts of a prompt as they are kept: names, lengths and salted hashes, sealed with the owner's key."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from chatplatform.inference.protocol.chat_request import messages_json
from chatplatform.privacy.content import decrypt_text, encrypt_text
from chatplatform.privacy.prompt import Prompt, PromptMessage, Role
from chatplatform.privacy.subjects import Subject
from chatplatform.prompts.parts import Origin, PlacedPart

SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class KeptPart:
    """A part with the salted hash of its text."""

    placed: PlacedPart
    sha256: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What is known of a prompt without its texts. The salt is as secret as they are: with it, they can be guessed."""

    salt: bytes = field(repr=False)
    roles: tuple[Role, ...]
    parts: tuple[KeptPart, ...]
    continue_final: bool

    def hash_of(self, text: str) -> str:
        """The salted hash of a part."""
        return _of_part(self.salt, text)

    def commitment(self, messages: Sequence[PromptMessage]) -> str:
        """The salted hash of the prompt with these messages."""
        return _salted(self.salt, canonical(messages, continue_final=self.continue_final))


def canonical(messages: Sequence[PromptMessage], *, continue_final: bool) -> str:
    """The prompt in one fixed spelling: its messages as they are sent, and whether the last is to be continued."""
    said = {"continue_final": continue_final, "messages": messages_json(messages)}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def contents_of(prompt: Prompt, parts: Sequence[PlacedPart]) -> Contents:
    """`parts` cover every character of the prompt's messages, in order. Raises ValueError where they do not."""
    salt = secrets.token_bytes(SALT_BYTES)
    said = [message.content for message in prompt.messages]
    thought = [message.thinking for message in prompt.messages]
    kept = []
    for part in parts:
        left = thought if part.origin == "thinking" else said
        text, left[part.message] = left[part.message][: part.chars], left[part.message][part.chars :]
        kept.append(KeptPart(part, _of_part(salt, text)))
    if any(said) or any(thought):
        raise ValueError("a part of the prompt has no origin")
    return Contents(
        salt, tuple(message.role for message in prompt.messages), tuple(kept), prompt.continue_final
    )


def seal(contents: Contents, owner: Subject, turn_id: UUID, number: int) -> bytes:
    parts = [
        [
            kept.placed.origin,
            kept.placed.message,
            kept.placed.chars,
            kept.placed.tokens,
            kept.placed.ref,
            kept.sha256,
        ]
        for kept in contents.parts
    ]
    said = {
        "salt": contents.salt.hex(),
        "roles": contents.roles,
        "parts": parts,
        "continue_final": contents.continue_final,
    }
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return encrypt_text(owner, text, context=_context(turn_id, number))


def unseal(sealed: bytes, owner: Subject, turn_id: UUID, number: int) -> Contents:
    """Raises what `decrypt_text` raises."""
    said: dict[str, Any] = json.loads(decrypt_text(owner, sealed, context=_context(turn_id, number)))
    return Contents(
        salt=bytes.fromhex(said["salt"]),
        roles=tuple(said["roles"]),
        parts=tuple(
            KeptPart(PlacedPart(cast(Origin, origin), message, chars, tokens, ref), sha256)
            for origin, message, chars, tokens, ref, sha256 in said["parts"]
        ),
        continue_final=said["continue_final"],
    )


def _context(turn_id: UUID, number: int) -> str:
    return f"sent-prompt:{turn_id}:{number}"


def _of_part(salt: bytes, text: str) -> str:
    """Half of the hash is enough to tell a part from another, and there are many."""
    return _salted(salt, text)[:32]


def _salted(salt: bytes, text: str) -> str:
    return hashlib.sha256(salt + text.encode(errors="surrogatepass")).hexdigest()

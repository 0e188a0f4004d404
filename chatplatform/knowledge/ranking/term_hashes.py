"""Terms as keyed hashes: what an index of encrypted texts may hold.

HMAC-SHA256 (RFC 2104), cut to 8 bytes. Without the key a hash tells nothing of its word, and the hashes of two keys
have nothing in common, so each owner's key makes an index of its own. How often each hash comes can still be counted
by whoever reads the index: what holds postings has to encrypt them, or accept that.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

HASH_BYTES: Final = 8
KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class HashedTerms:
    """How often each hash comes in a text, and how many terms the text has: a passage's part of an index."""

    counts: dict[bytes, int] = field(repr=False)
    length: int


class TermHasher:
    """Hashes terms with one key, 32 bytes of an owner's."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        """Raises ValueError for a key of another length."""
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self._key = key

    def hashed(self, term: str) -> bytes:
        """The hash of a term, 8 bytes."""
        return hmac.digest(self._key, term.encode("utf-8", "surrogatepass"), "sha256")[:HASH_BYTES]

    def count(self, terms: Iterable[str]) -> HashedTerms:
        """The hashes of a text's terms; each term is hashed once."""
        found = Counter(terms)
        return HashedTerms({self.hashed(term): often for term, often in found.items()}, found.total())

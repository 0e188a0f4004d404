"""Sentences that are written down in one process and read in another, in the reader's language.

A sentence is kept as its source and the values to be put in; what reads it translates. As JSON it is
`{"text": …, "values": {…}}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext


class Words:
    """`source` is marked with gettext_noop where it is written; `values` fill its `%(places)s`.

    `str()` gives the sentence in the active language.
    """

    __slots__ = ("source", "values")

    def __init__(self, source: str, /, **values: str | int | float) -> None:
        self.source = source
        self.values: Mapping[str, str | int | float] = values

    def __str__(self) -> str:
        if not self.source:
            return ""  # gettext of nothing is the catalogue's header
        return _filled(gettext(self.source), self.values) or _filled(self.source, self.values) or self.source

    def __bool__(self) -> bool:
        return bool(self.source)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Words) and (self.source, self.values) == (other.source, other.values)

    def __hash__(self) -> int:
        return hash((self.source, tuple(sorted(self.values.items()))))

    def __repr__(self) -> str:
        return f"Words({self.source!r}, **{dict(self.values)!r})"

    def as_json(self) -> dict[str, Any]:
        return {"text": self.source, "values": dict(self.values)}

    @classmethod
    def parsed(cls, value: object) -> Words:
        """What `as_json` gave, or plain text of a writer that knows no parameters; else nothing."""
        if isinstance(value, Words):
            return value
        if isinstance(value, str):
            return cls(value)
        if not isinstance(value, dict) or not isinstance(value.get("text"), str):
            return NO_WORDS
        values = value.get("values")
        kept = values if isinstance(values, dict) else {}
        return cls(
            value["text"],
            **{str(name): each for name, each in kept.items() if isinstance(each, str | int | float)},
        )


def _filled(text: str, values: Mapping[str, str | int | float]) -> str:
    """The text with its values, or nothing when the two do not fit: a half release may lie between them."""
    if not values:
        return text
    try:
        return text % values
    except (KeyError, ValueError, TypeError):
        return ""


NO_WORDS = Words("")

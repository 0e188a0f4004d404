"""Names of files as people gave them, made harmless."""

from __future__ import annotations

import re
import unicodedata

MOST_CHARS = 160

# separators and what shells, headers and screens take for something else; letters of every script stay
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|]')
# turns the direction of writing, is not seen, or breaks lines
_UNSEEN = re.compile("[\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufff0-\uffff]")


def safe_name(name: str) -> str:
    """The last part of the name, without anything that could mislead; never empty."""
    name = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1])
    name = " ".join(_UNSEEN.sub("", _FORBIDDEN.sub(" ", name)).split()).strip(". ")
    if len(name) > MOST_CHARS:
        stem, dot, ending = name.rpartition(".")
        ending = f"{dot}{ending}" if stem and len(ending) <= 12 else ""
        name = name[: MOST_CHARS - 1 - len(ending)].rstrip() + "…" + ending
    return name or "file"

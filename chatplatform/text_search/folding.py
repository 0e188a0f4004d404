"""How texts are compared: NFKC and case folding, without characters that nobody sees, with single spaces.

A run is what words are told apart by. Scripts that put spaces between words give runs of letters, digits and marks;
Chinese, Japanese, Thai and their like give runs in which a match may begin anywhere; any other character that is no
space stands for itself.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Joiners, direction marks, soft hyphens, variation selectors: typed by programs, seen by nobody.
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u180e\ufeff\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\U000e0100-\U000e01ef]+"
)
UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035"
    "\u3038-\u303b\u3040-\u30ff\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
# Combining marks belong to the letter before them; `\w` leaves them out.
_MARKS: Final = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f"
    "\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0900-\u0963\u0966-\u0dff"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
RUNS: Final = re.compile(rf"([{UNSPACED}]+)|((?:[^\W_{UNSPACED}]|[{_MARKS}])+)|(\S)")
_IN_WORD: Final = re.compile(rf"[^\W_{UNSPACED}]|[{_MARKS}]")


def folded(text: str) -> str:
    """`text` as it is compared. Two texts that look and read alike fold to the same."""
    if text.isascii():
        return " ".join(text.lower().split())
    if _INVISIBLE.search(text):
        text = _INVISIBLE.sub("", text)
    text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", text).split())


def is_in_word(character: str) -> bool:
    """Whether a match that begins with this character has to begin a word."""
    return _IN_WORD.match(character) is not None

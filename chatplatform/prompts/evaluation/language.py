"""Which of our two languages a text is written in, told by its script."""

from __future__ import annotations

import re
from typing import Literal

Language = Literal["en", "zh"]

_ADDRESS = re.compile(r"\S+@\S+|https?://\S+")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_HAN_RUN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]{2,}")
_LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")


def han_share(text: str, *, quotable: str = "") -> float | None:
    """Share of Han characters among Han characters and Latin words, 0 to 1; None when there are neither.

    A word of Latin letters weighs as much as one character, so a Chinese sentence may name "Talus 2" and an
    English one may quote 退货. Left out: addresses, which are the same in every language, and what stands in
    Han characters in `quotable`, which an answer may repeat as a name.
    """
    bare = _ADDRESS.sub(" ", text)
    for quoted in sorted(_HAN_RUN.findall(quotable), key=len, reverse=True):
        bare = bare.replace(quoted, " ")
    han = len(_HAN.findall(bare))
    latin = len(_LATIN_WORD.findall(bare))
    return han / (han + latin) if han + latin else None


def written_in(text: str, language: Language, *, question: str = "") -> bool:
    """Whether `text` reads as `language`: three fifths Han for Chinese, at most a fifth for English.

    English may quote the Chinese words of `question`. A text of figures alone ("249") is in no language and
    passes for both.
    """
    share = han_share(text, quotable=question if language == "en" else "")
    if share is None:
        return bool(text.strip())
    return share >= 0.6 if language == "zh" else share <= 0.2

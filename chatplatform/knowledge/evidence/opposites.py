"""What a text denies, and pairs of words of which one denies the other, in English and Chinese."""

from __future__ import annotations

import re
from typing import Final

from chatplatform.text_search.folding import folded

# words that hold a negator's letters and deny nothing
_HARMLESS: Final = re.compile(
    r"\bnot only\b|\bno later than\b|\bno more than\b|\bnot more than\b|\bno matter\b|\bnot least\b|\bif not\b"
    r"|不锈钢|不过|不同|不仅|不断|不论|不管|差不多|不超过|不少于|不多于|不得不|无论|无线|非常|除非|不久|不然|没关系|不好意思"
)
# twice no is yes: nobody means more than one by it
_DENIES: Final = re.compile(
    r"\bnot\b|\bno\b|n['’]t\b|\bnever\b|\bnone\b|\bnobody\b|\bnothing\b|\bneither\b|\bnor\b|\bwithout\b|\bcannot\b"
    r"|\bforbidden\b|\bprohibited\b|\bimpossible\b|\bunless\b|\bexcept\b|\bexcluded\b|\bunused\b|\bunworn\b|\bunopened\b"
    r"|\bnothing\b|\bfree\b|\bunable\b|\brefuse[sd]?\b|\bbanned\b"
    r"|不|没|無|无|未|勿|禁|非|别|免|拒绝|除外|停止|闭馆"
)
_OPPOSITES: Final = [
    (("before", "之前", "以前", "饭前"), ("after", "之后", "以后", "饭后")),
    (("above", "over", "以上", "高于"), ("below", "under", "以下", "低于")),
    (("at most", "up to", "maximum", "最多"), ("at least", "minimum", "至少", "最少")),
    (("more than", "longer", "超过", "多于"), ("less than", "shorter", "少于", "不到")),
    (("cold", "冷水"), ("hot", "热水")),
    (("always", "总是"), ("never", "从不")),
    (("cheaper", "便宜"), ("dearer", "costs more", "更贵")),
    (("increase", "增加"), ("decrease", "减少")),
    (("red", "红灯"), ("green", "绿灯")),
    (("alone", "only", "只能", "仅"), ("also", "as well", "也")),
]
_SIDES: Final = [
    tuple(re.compile("|".join(rf"\b{word}\b" if word.isascii() else word for word in side)) for side in pair)
    for pair in _OPPOSITES
]


def denies(text: str) -> bool:
    """Whether the text denies something: it holds an odd number of negators."""
    plain = _HARMLESS.sub(" ", folded(text))
    return len(_DENIES.findall(plain)) % 2 == 1


def has_negator(text: str) -> bool:
    return bool(_DENIES.search(_HARMLESS.sub(" ", folded(text))))


def opposed(text: str, other: str) -> bool:
    """Whether one says of a pair of opposites what the other denies, and not both say both."""
    text, other = folded(text), folded(other)
    for one, two in _SIDES:
        first = bool(one.search(text)), bool(two.search(text))
        second = bool(one.search(other)), bool(two.search(other))
        if (first, second) in (((True, False), (False, True)), ((False, True), (True, False))):
            return True
    return False

"""A question that only makes sense after the ones before: «and the larger one?», «那大一点的呢？».

By rule, so it costs nothing, and says the same today and tomorrow. Such a question is looked up together with what it
points back to; any other stands for itself, so that a new topic is not drawn back to the old one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from chatplatform.knowledge.ranking.stop_words import ENGLISH
from chatplatform.knowledge.ranking.terms import is_code, written_parts
from chatplatform.text_search.folding import folded

# a question with more words of its own, or more Chinese characters in all, says what it is about
FEW_WORDS: Final = 3
FEW_SIGNS: Final = 14
MOST_BEFORE: Final = 500
# of a question in the middle of a conversation: «and in winter?» after «and boots?» after «how do I clean a tent?»
MOST_STEPS: Final = 3

_BEGINS: Final = re.compile(
    r"(?:and|or|but|also|so|then|what about|how about|what if|only|even|except)\b"
    r"|那么?|还有|另外|以及|或者|但是?|然后|所以|可是|而|这(?![里儿边次种款样些个])"
)
_POINTS_BACK: Final = re.compile(
    r"\b(?:it|its|they|them|their|theirs|this|that|these|those|one|ones|he|him|his|she|her|hers|same|former|"
    r"latter|other|others|both|either|neither)\b"
    r"|它|他们|她们|这个|那个|这些|那些|这种|那种|这款|那款|这样|那样|(?<![因如彼])此|(?<!应)该|前者|后者|两者|其中"
    r"|其他|另一|也(?:一样|是|可以|可|能|要|算|行|有|包括|适用)|一样吗|同样"
)
_ENDS: Final = re.compile(r"呢\W*$")
# words that look as if they pointed back, and do not: «it is possible to …», «this year», «这个月», «彼此»
_POINTS_NOWHERE: Final = re.compile(
    r"\b(?:is|was|will|would|does|did|has) it (?:be |been )?(?:ever |always |still )?(?:take|cost|possible|allowed|"
    r"permitted|necessary|required|safe|legal|ok(?:ay)?|better|best|worth|hard|easy|enough|true)"
    r"(?: \w+){0,2} (?:to|that)\b"
    r"|\b(?:this|that|these|those) (?:year|quarter|month|week|weekend|morning|afternoon|evening|season|summer|winter)"
    r"(?:['’]?s)?\b"
    r"|[这那]个?(?:学期|季度|星期|礼拜|月|周|年)|因此|彼此|如此"
)
# what the sentence names itself, before it says «it»: «if the tent leaks, who repairs it?»
_NAMES_FIRST: Final = re.compile(r"(?:if|when|once|after|before|until|while) (?:\S+ ){2,}?\S+, ")
# no sentence, only a circumstance: «in winter?», «with a credit card?»
_CIRCUMSTANCE: Final = re.compile(
    r"(?:in|on|at|with|without|for|from|during|after|before|by|to|as|per|within|outside|abroad)\b"
)
_SENTENCE: Final = re.compile(
    r"\b(?:who|whom|whose|what|which|when|where|why|how|is|are|was|were|am|do|does|did|can|could|will|would|shall|"
    r"should|may|might|must|has|have|had)\b"
)
# of a condition, so much says what it is about
_CONDITION: Final = re.compile(r"如果|要是|万一")
FEW_SIGNS_OF_A_CONDITION: Final = 8
_WHY: Final = re.compile(
    r"(?:why(?: not)?|how come|since when|until when|until how long|为什么|为何)\W*$|为(?:什么|何)不"
)
_ASKS: Final = {"much", "many", "long", "large", "larger", "more", "less", "cost", "please", "mean", "tell"}
# what asks and says nothing of what it asks about
_ASKS_IN_CHINESE: Final = re.compile(
    "什么时候|多少钱|多长时间|几点|几天|几个|哪一?个|哪些|哪里|哪儿|怎么办|怎么样|怎么|如何|什么|可以|需要|应该|大概|"
    "一般|最多|最少|至少|请问|截止|开始|为止|多[少久长大重远高]|[要能会是有在从到起才都就还吗吧啊呀的了我谁]"
)


def asked_for(question: str, history: Sequence[str]) -> str:
    """What is to be looked up: the question, with what it points back to.

    `history` is the person's earlier questions, the oldest first. Where the one before points back as well, the one
    before that is looked up too, until one stands for itself.
    """
    if not is_follow_up(question):
        return question
    wanted = [question]
    earlier = [text.strip() for text in history if text.strip()]
    for before in list(reversed(earlier))[:MOST_STEPS]:
        wanted.append(before[:MOST_BEFORE])
        if not is_follow_up(before):
            break
    return "\n".join(wanted)


def is_follow_up(question: str) -> bool:
    """Whether the question points back to one before."""
    whole = folded(question)
    unspaced, written = written_parts(whole)
    if any(is_code(word) for word in written):
        return False
    text = _POINTS_NOWHERE.sub(" ", whole).strip()
    signs = sum(map(len, unspaced))
    own = [word for word in written if word not in ENGLISH and word not in _ASKS]
    if _asks_only(whole, own, written, unspaced):
        return True
    if len(own) > FEW_WORDS or signs > FEW_SIGNS:
        return False
    if _CONDITION.match(text):
        return signs <= FEW_SIGNS_OF_A_CONDITION or _ENDS.search(text) is not None
    if _BEGINS.match(text) or _ENDS.search(text):
        return True
    if _CIRCUMSTANCE.match(text):
        return _SENTENCE.search(text) is None
    names = _NAMES_FIRST.match(text)
    return _POINTS_BACK.search(names[0] if names else text) is not None


def _asks_only(text: str, own: Sequence[str], written: Sequence[str], unspaced: Sequence[str]) -> bool:
    """Whether nothing but asking is in it: «how long do I have?», «要多久？»."""
    if _WHY.match(text):
        return True
    if unspaced:
        return not own and not any(_ASKS_IN_CHINESE.sub("", part) for part in unspaced)
    return not own and len(written) > 1

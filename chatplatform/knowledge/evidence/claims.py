"""An answer as sentences that state something: what can be supported, or not.

Code, headings, questions, greetings, and that something is not known, state nothing that a passage could support.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from chatplatform.knowledge.chunking.sentences import sentences
from chatplatform.knowledge.ranking.terms import terms

MOST_CLAIMS: Final = 40

_FENCE: Final = re.compile(r"^\s*(```|~~~).*?(?:^\s*\1|\Z)", re.MULTILINE | re.DOTALL)
_LINE_MARKS: Final = re.compile(r"^\s*(?:[-*+•]|\d{1,2}[.)、]|>+)\s+")
_HEADING: Final = re.compile(r"^\s*#{1,6}\s")
_CITATION: Final = re.compile(r"\s?\[(\d{1,3})\]")
_LINK: Final = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_MARKS: Final = re.compile(r"[*_`~]{1,3}")
_QUESTION: Final = re.compile(r"[?？][\"'”’）)]*$|[吗呢][。！]?$")
_NO_CLAIM: Final = re.compile(
    r"^(?:hello|hi|sure|of course|certainly|thank|thanks|great|sorry|you['’]re welcome|i hope|i['’]m happy|let me know"
    r"|here (?:is|are)|please (?:let me know|feel free|ask|contact)|feel free|i (?:don['’]t|do not) know"
    r"|based on|according to the (?:passages|documents)[^,]{0,20}:?$|in short:?$|yes[.!]?$|no[.!]?$)"
    r"|^(?:您好|你好|好的|当然|谢谢|不客气|抱歉|对不起|希望|如有|如果您(?:有|还)|请联系|请问|我不知道|以下是|根据以上)",
    re.IGNORECASE,
)
_HAS_TERMS: Final = 2


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer by its place among those that the answer's text has, as it is shown, and which sources it
    names itself."""

    text: str = field(repr=False)
    cited: tuple[int, ...]


def claims(answer: str) -> list[Claim]:
    """The sentences of an answer in Markdown that state something, at most MOST_CLAIMS. Raises nothing."""
    found: list[Claim] = []
    for line in _FENCE.sub("", answer).split("\n"):
        if _HEADING.match(line) or set(line.strip()) <= set("|-: "):
            continue
        plain = _LINK.sub(r"\1", _LINE_MARKS.sub("", line)).replace("|", " ")
        for text, cited in _with_citations(plain):
            bare = _MARKS.sub("", text).strip()
            if _QUESTION.search(bare) or _NO_CLAIM.match(bare) or len(set(terms(bare))) < _HAS_TERMS:
                continue
            found.append(Claim(bare, cited))
            if len(found) == MOST_CLAIMS:
                return found
    return found


def _with_citations(line: str) -> list[tuple[str, tuple[int, ...]]]:
    """Sentences without their citations; one that stands behind the full stop belongs to the sentence before it."""
    places = [(match.start(), int(match[1])) for match in _CITATION.finditer(line)]
    kept = _CITATION.sub("", line)
    taken = 0
    moved: list[tuple[int, int]] = []
    for match, (start, number) in zip(_CITATION.finditer(line), places, strict=True):
        moved.append((start - taken, number))
        taken += len(match[0])
    found: list[tuple[str, tuple[int, ...]]] = []
    begun = -1
    for start, end in sentences(kept, 0, len(kept)):
        cited = tuple(dict.fromkeys(number for at, number in moved if begun < at <= end))
        found.append((kept[start:end], cited))
        begun = end
    return found

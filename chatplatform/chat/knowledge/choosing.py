"""Which passages a question gets: those that are likely to answer, within what can be read in time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from chatplatform.chat.knowledge.given import Given, GivenPassage, given_passage
from chatplatform.chat.knowledge.rows import GivenRow
from chatplatform.chat.knowledge.wording import passages_text
from chatplatform.chat.temporary.ids import is_temporary
from chatplatform.common.actors import Actor
from chatplatform.documents.passages import weight
from chatplatform.knowledge.retrieval import Passage, Retrieved, retrieve
from chatplatform.knowledge.rights import SearchScope
from chatplatform.prompts.parts import PartsRequest

MOST: Final = 6
# of what the model can read at once, passages of one question get so much, and never more than this
SHARE: Final = 0.35
MOST_TOKENS: Final = 1_500
# whatever the wish for a quick first word: less is no use
LEAST_TOKENS: Final = 450
WEIGHT_A_TOKEN: Final = 4
# beside a sure passage, one is given that is so much less sure
BESIDE: Final = 0.5
# what the last questions were given is named again, and not written down again
LOOKS_BACK: Final = 2
CLOSEST: Final = 3

_SMALL_TALK: Final = re.compile(
    r"\W*(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|thanks?|thank you|many thanks|ok(?:ay)?|great"
    r"|bye|goodbye|see you|yes|no"
    r"|你好|您好|早上好|下午好|晚上好|嗨|谢谢|多谢|感谢|好的|再见|拜拜|是的|不是|不用了)"
    r"(?:\s+(?:there|you|so much|a lot|very much|everybody|again)|[啊呀了你您吧]|非常|大家)*\W*",
    re.IGNORECASE,
)


def is_small_talk(question: str) -> bool:
    """Whether it greets, thanks or agrees: nothing that a document could answer."""
    return _SMALL_TALK.fullmatch(question) is not None


async def look_up(request: PartsRequest, scope: SearchScope) -> Retrieved:
    """What the person's collections have for the question, and for what it points back to. Raises what `retrieve`
    does."""
    return await retrieve(
        scope,
        request.question,
        actor=Actor.person(request.owner_id),
        purpose="chat.passages",
        most=MOST,
        history=[text for text in request.earlier_questions if not is_small_talk(text)],
        explain=True,
        turn_id=request.turn_id,
        apart=request.conversation_id if is_temporary(request.conversation_id) else None,
    )


def choose(
    request: PartsRequest,
    found: Retrieved,
    earlier: Sequence[GivenRow],
    *,
    first_number: int,
    only: bool,
    numbered: bool = True,
) -> Given | None:
    """What the model gets; None where nothing fits. What one of the last questions was given is only named again."""
    if not found.is_confident:
        return None
    sure = [one for one in found.passages if one.score.confidence >= found.threshold * BESIDE]
    known = {
        passage.chunk_id: passage.number for row in earlier[-LOOKS_BACK:] for passage in row.given.passages
    }
    again = [known[one.chunk_id] for one in sure if one.chunk_id in known]
    taken = _within(request, [one for one in sure if one.chunk_id not in known] or sure[:1])
    passages = tuple(given_passage(one, first_number + place) for place, one in enumerate(taken))
    if not passages:
        return None
    text = passages_text(passages, only=only, earlier=again, numbered=numbered)
    return Given(
        text=text,
        passages=passages,
        threshold=found.threshold,
        degraded=found.degraded,
        asked=asked_besides(request, found),
    )


def asked_besides(request: PartsRequest, found: Retrieved) -> str:
    """What was looked up, where it is more than the question itself; else nothing."""
    asked = found.explained.asked if found.explained else ""
    if found.translation:
        return f"{asked}\n{found.translation}"
    return "" if request.question.startswith(asked) else asked


def closest(found: Retrieved, *, first_number: int) -> tuple[GivenPassage, ...]:
    """Of what does not fit well enough, the nearest passage of each of a few documents."""
    first: dict[object, Passage] = {}
    for one in found.passages:
        first.setdefault(one.document_id, one)
    nearest = list(first.values())[:CLOSEST]
    return tuple(given_passage(one, first_number + place) for place, one in enumerate(nearest))


def budget_tokens(request: PartsRequest) -> int:
    """What the passages of one question may take up together."""
    most = min(int(request.room_tokens * SHARE), MOST_TOKENS)
    if request.reading_tokens is not None:
        most = min(most, max(request.reading_tokens, LEAST_TOKENS))
    return most


def _within(request: PartsRequest, passages: Sequence[Passage]) -> list[Passage]:
    left = budget_tokens(request) * WEIGHT_A_TOKEN
    taken: list[Passage] = []
    for one in passages:
        left -= weight(one.text) + weight(one.title) + 40
        if left < 0 and taken:
            break
        taken.append(one)
    return taken

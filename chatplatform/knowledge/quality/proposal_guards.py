"""What of a model's reply is a question that is worth a person's look. Pure functions over texts."""

from __future__ import annotations

import re
from typing import Final

from chatplatform.knowledge.quality.matching import share_of
from chatplatform.knowledge.ranking.query_kind import reading_of

MOST_CHARS: Final = 300
LEAST_CHARS: Final = 4
# so much of a question that stands in the passage word by word is a sentence of it
COPIED: Final = 0.9

_LABEL: Final = re.compile(
    r"^(?:[-*•]\s+|\d{1,2}[.)、]\s*)?(?:(?:(?:the )?question(?: is)?|q|问题|问)\s*[:：]\s*)?", re.IGNORECASE
)
_AROUND: Final = " \t\"'“”‘’「」『』《》*#`_"
_MARKS: Final = ("?", "？", "؟")
_STATEMENT: Final = (".", "。", "!", "！", ":", "：", ",", "，", ";", "；", "…")
_ASKS_IN_CHINESE: Final = re.compile(r"[吗呢么]|什么|怎么|怎样|如何|为何|哪|谁|多少|多久|几|是否|能否|可否")
_NAMES_THE_PASSAGE: Final = re.compile(
    r"\b(?:the|this|that)\s+(?:(?:above|given|following|provided)\s+)?(?:passage|text|excerpt|paragraph|snippet)\b"
    r"|\b(?:this|(?:the|this|that)\s+(?:above|given|following|provided))"
    r"\s+(?:document|article|section|page|context|information|content)\b"
    r"|\b(?:according to|based on|mentioned in|described in|stated in|in) (?:the )?(?:document|context)\b"
    r"|\b(?:mentioned|described|stated|given|listed|shown) (?:above|below|here)\b"
    r"|上文|上述|下文|(?:本|该|此)文(?![件档])|(?<![中英日德法俄韩])文中|原文|(?:段落|文章|文本)中"
    r"|(?:本|该|此|这|上一|这一|这个)(?:段|篇)|(?:以上|上面)的?(?:内容|文字|文本|资料|信息)"
    r"|根据(?:文档|文本|文章|资料|材料|内容)",
    re.IGNORECASE,
)


def proposed_in(reply: str, passage: str) -> str:
    """The question in a reply about `passage`, without what models put around it; empty where none is worth a look."""
    question = next((line for line in map(_tidy, reply.splitlines()) if _asks(line)), "")
    return question if question and _is_fit(question, passage) else ""


def _tidy(line: str) -> str:
    line = " ".join(line.replace("**", "").split())
    return _LABEL.sub("", line.strip(_AROUND), count=1).strip(_AROUND)


def _asks(line: str) -> bool:
    """Whether it ends as questions do, in scripts without a mark for that at least not as something that is stated."""
    if line.endswith(_MARKS):
        return True
    if not line or line.endswith(_STATEMENT):
        return False
    language = reading_of(line).language
    return language == "other" or (language == "zh" and _ASKS_IN_CHINESE.search(line) is not None)


def _is_fit(question: str, passage: str) -> bool:
    return (
        LEAST_CHARS <= len(question) <= MOST_CHARS
        and question.isprintable()
        and reading_of(question).language == reading_of(passage).language
        and not _NAMES_THE_PASSAGE.search(question)
        and share_of(question.rstrip("".join(_MARKS)), passage) < COPIED
    )

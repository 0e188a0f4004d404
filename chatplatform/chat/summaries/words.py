"""What a model is told when it summarises, in the language of the conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chatplatform.privacy.prompt import PromptMessage

CHINESE_SHARE = 0.2
MESSAGE_CHARS: Final = 6_000

_ENGLISH = (
    "You keep the notes of a conversation between a person and an assistant, so that the assistant can go on from "
    "them. You are given the notes so far and what was said since. Write the notes anew, for all of it, in at most "
    "180 words and in the language in which the person writes. Keep names, numbers, dates, decisions, wishes and "
    "what is still open. Say only what was said. No introduction and no comment: only the notes."
)
_CHINESE = (
    "你负责为用户与助手的对话做记录，以便助手据此继续。你会得到目前的记录和之后的对话。请把两者合并，重新写成一份完整的记录，"
    "不超过三百字，用用户所用的语言。保留人名、数字、日期、决定、要求和尚未解决的问题。只写说过的内容。不要开头语，不要评论，只写记录。"
)


def is_chinese(text: str) -> bool:
    """Whether a good part of the letters are Chinese."""
    letters = [character for character in text if character.isalpha()]
    chinese = sum("\u4e00" <= character <= "\u9fff" for character in letters)
    return bool(letters) and chinese / len(letters) >= CHINESE_SHARE


def summary_request(earlier: str, said: Sequence[PromptMessage]) -> tuple[PromptMessage, ...]:
    """What is asked of a model, to make one summary of an earlier one and of what was said since."""
    if is_chinese("".join(message.content for message in said if message.role == "user")):
        heads, system = ("目前的记录：", "之后的对话：", "用户：", "助手：", "（无）", "新的记录："), _CHINESE
    else:
        heads, system = (
            ("Notes so far:", "Said since:", "Person: ", "Assistant: ", "(none)", "The new notes:"),
            _ENGLISH,
        )
    before, since, person, assistant, none, ask = heads
    lines = [
        f"{person if message.role == 'user' else assistant}{shortened(message.content)}" for message in said
    ]
    text = "\n\n".join([before, earlier or none, since, *lines, ask])
    return PromptMessage("system", system), PromptMessage("user", text)


def shortened(text: str) -> str:
    """Beginning and end of a very long message."""
    if len(text) <= MESSAGE_CHARS:
        return text
    return f"{text[: MESSAGE_CHARS * 2 // 3]}\n[…]\n{text[-MESSAGE_CHARS // 3 :]}"

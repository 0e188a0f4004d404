"""A language is told by its script, with room for names of the other one."""

from __future__ import annotations

import pytest

from chatplatform.prompts.evaluation.language import written_in


@pytest.mark.parametrize(
    "text",
    [
        "The tent costs €249.",
        "We are closed on Sunday.",
        "Please write to hello@larkfell.example.",
        "249",
        "The sign says 免费, which means that members pay nothing for it.",
    ],
)
def test_english(text: str) -> None:
    assert written_in(text, "en")


@pytest.mark.parametrize(
    "text",
    [
        "Talus 2 帐篷的价格是249欧元。",
        "我不知道，请联系 hello@larkfell.example。",
        "Larkfell Circle 会员可以享受九折优惠。",
        "249",
    ],
)
def test_chinese(text: str) -> None:
    assert written_in(text, "zh")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("星期天休息。", "en"),
        ("Yes. 我们星期六十点开门。", "en"),
        ("The tent costs €249.", "zh"),
        ("The warranty (保修) is five years for tents and three for all else.", "zh"),
        ("", "en"),
        ("  ", "zh"),
    ],
)
def test_the_wrong_language(text: str, language: str) -> None:
    assert not written_in(text, language)  # type: ignore[arg-type]


def test_english_may_repeat_the_chinese_name_that_was_asked_about() -> None:
    answer = "Yes, 云雀岭户外 sells jackets."
    assert written_in(answer, "en", question="Does 云雀岭户外 sell jackets?")
    assert not written_in(answer, "en", question="Do you sell jackets?")

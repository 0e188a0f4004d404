"""Titles that a model proposes: tidy, and in the conversation's own language."""

from __future__ import annotations

import pytest

from chatplatform.chat.jobs import (
    TITLE_PROMPT,
    TITLE_PROMPT_ZH,
    is_written_like,
    script_of,
    tidy_title,
    title_prompt,
)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("How heavy is the tent?", "LATIN"),
        ("这顶帐篷多重？", "CJK"),
        ("用 Python 怎么写 quicksort？", "CJK"),
        ("What does 你好 mean in English, please?", "LATIN"),
        ("كم وزن الخيمة؟", "ARABIC"),
        ("Сколько весит палатка?", "CYRILLIC"),
        ("テントはどれくらい", "JAPANESE"),
        ("1 + 1 = ?", ""),
        ("", ""),
    ],
)
def test_the_script_of_a_question(text: str, script: str) -> None:
    assert script_of(text) == script


def test_the_model_is_asked_in_the_language_that_it_is_to_write() -> None:
    assert title_prompt("这顶帐篷多重？") == TITLE_PROMPT_ZH
    assert title_prompt("How heavy is it?") == TITLE_PROMPT
    assert "language of the question" in TITLE_PROMPT


@pytest.mark.parametrize(
    ("title", "question", "fits"),
    [
        ("帐篷的重量", "这顶帐篷多重？", True),
        ("Tent weight", "这顶帐篷多重？", False),
        ("Python 快速排序", "用 Python 怎么写 quicksort？", True),
        ("帐篷", "How heavy is the tent?", False),
        ("Meaning of 你好", "What does 你好 mean?", True),
        ("وزن الخيمة", "كم وزن الخيمة؟", True),
        ("Anything", "1 + 1 = ?", True),
        ("", "How heavy is it?", False),
    ],
)
def test_a_title_is_written_like_the_question(title: str, question: str, fits: bool) -> None:
    assert is_written_like(title, question) is fits


@pytest.mark.parametrize(
    ("reply", "title"),
    [
        ("标题：「帐篷重量」。", "帐篷重量"),
        ('Title: "Tent weight".', "Tent weight"),
        ("Weight of the **Heron 2", "Weight of the Heron 2"),
        ("The `sorted` function", "The sorted function"),
        ("__init__ in Python", "__init__ in Python"),
        ("\n\n", ""),
        ("x", ""),
    ],
)
def test_replies_are_tidied(reply: str, title: str) -> None:
    assert tidy_title(reply) == title

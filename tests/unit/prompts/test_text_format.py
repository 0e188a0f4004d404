"""A prompt's text holds the rules, and examples under marks of their own."""

from __future__ import annotations

import pytest

from chatplatform.common.errors import InvalidInput
from chatplatform.privacy.prompt import PromptMessage
from chatplatform.prompts.text_format import opening_messages


def test_a_text_without_marks_is_the_system_message() -> None:
    assert opening_messages("  Be kind.\nUse [user] names. ") == (
        PromptMessage("system", "Be kind.\nUse [user] names."),
    )


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_marks_begin_messages(newline: str) -> None:
    text = newline.join(
        [
            "Be kind.",
            "[user]",
            "Hi",
            "there",
            "[assistant] ",
            "Hello!",
            "[user]",
            "Bye",
            "[assistant]",
            "Bye!",
        ]
    )
    assert opening_messages(text) == (
        PromptMessage("system", "Be kind."),
        PromptMessage("user", newline.join(["Hi", "there"])),
        PromptMessage("assistant", "Hello!"),
        PromptMessage("user", "Bye"),
        PromptMessage("assistant", "Bye!"),
    )


def test_examples_alone_need_no_system_message() -> None:
    roles = [message.role for message in opening_messages("[user]\nHi\n[assistant]\nHello!")]
    assert roles == ["user", "assistant"]


def test_nothing_is_nothing() -> None:
    assert opening_messages(" \n") == ()


@pytest.mark.parametrize(
    "text",
    [
        "Be kind.\n[user]\nHi",
        "[assistant]\nHello!",
        "[user]\nHi\n[user]\nHi\n[assistant]\nHello!",
        "[user]\n\n[assistant]\nHello!",
        "[user]\nHi\n[assistant]\n ",
        "[user]\nHi\n[assistant]\nA\n[assistant]\nB",
    ],
)
def test_examples_that_are_no_pairs_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        opening_messages(text)
    assert refusal.value.code == "prompt_examples_invalid"

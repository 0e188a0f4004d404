"""What a person sees when not everything fits: a calm line at the answer, and their text back."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import NewVisitor

LONG = "[[tokens=3]] " + "a " * 2300


def test_older_messages_that_were_left_out_are_told_of(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    chat = visitor.chat()
    for number in range(1, 5):
        chat.ask(LONG)
        chat.answered(number)
    note = chat.last_answer.locator("[data-left-out]")
    expect(note).to_contain_text(re.compile(r"\d older messages were left out: the chat is longer than"))
    expect(chat.answers.first.locator("[data-left-out]")).to_be_hidden()
    again = visitor.chat(chat.page.url.removeprefix(chat.url))
    expect(again.last_answer.locator("[data-left-out]")).to_be_visible()


def test_a_message_that_is_too_long_for_the_model_comes_back(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    words = ("a " * 8000).strip()
    chat.ask(words)
    expect(chat.page.get_by_role("alert")).to_contain_text("longer than the model can read")
    expect(chat.field).to_have_value(words)
    expect(chat.questions).to_have_count(0)
    expect(chat.page).to_have_url(f"{chat.url}/")


def test_the_wait_is_guessed_beside_the_place_in_the_queue(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    chat.ask("[[queue=2 queue_ms=1500 tokens=3]] Hello")
    expect(chat.page.get_by_text("1 ahead of you · about 3 s")).to_be_visible()
    chat.answered()

"""The tree of a conversation in a browser: other wordings, versions, branches, and messages that wait."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import ChatPage, NewVisitor, Site

SLOW = "[[tokens=3000 delay_ms=25]] Tell me slowly"


def foot(chat: ChatPage, message: int, name: str) -> None:
    """Press a button below a message."""
    at = chat.page.locator(".message").nth(message)
    at.hover()
    at.get_by_role("button", name=name, exact=True).click()


def place(page: Page) -> str:
    return page.locator("[data-walker]:visible [data-place]").first.inner_text()


def test_wordings_and_versions(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    chat = visitor.chat()
    chat.ask("[[tokens=3]] Frist")
    chat.answered()
    chat.ask("[[tokens=2]] Second")
    chat.answered(2)
    other = visitor.chat(chat.page.url.removeprefix(chat.url))

    # saved: the words change, what followed stays, in both tabs
    foot(chat, 0, "Edit")
    editor = chat.page.get_by_label("Your message in other words")
    expect(editor).to_be_focused()
    expect(editor).to_have_value("[[tokens=3]] Frist")
    editor.fill("[[tokens=3]] First")
    chat.page.get_by_role("button", name="Save", exact=True).click()
    expect(chat.questions.first.locator("[data-body]")).to_have_text("[[tokens=3]] First")
    expect(other.questions.first.locator("[data-body]")).to_have_text("[[tokens=3]] First")
    expect(chat.answers).to_have_count(2)
    assert place(chat.page) == "2 / 2"

    # answered: a branch; an editor that is open elsewhere on what leaves the page keeps its words
    foot(other, 2, "Edit")
    other.page.get_by_label("Your message in other words").fill("half a thought")
    foot(chat, 0, "Edit")
    editor.fill("[[tokens=4 word=else]] Else")
    editor.press("Control+Enter")
    assert chat.answered(1) == "else0 else1 else2 else3"
    assert place(chat.page) == "3 / 3"
    expect(other.answers).to_have_count(1)
    expect(other.field).to_have_value("half a thought")

    # by keyboard, and in every view
    chat.page.get_by_role("button", name="Version before").first.focus()
    chat.page.keyboard.press("ArrowLeft")
    expect(chat.answers).to_have_count(2)
    expect(other.answers).to_have_count(2)
    expect(chat.page.locator("[data-walker] :focus")).to_be_attached()
    expect(chat.page.locator("[data-announcer]")).to_contain_text("Version 2 of 3")
    chat.page.keyboard.press("ArrowLeft")
    expect(chat.answers).to_have_count(0)
    foot(chat, 0, "Answer this")
    assert chat.answered(1) == "w0 w1 w2"
    chat.page.keyboard.press("Escape")

    # a branch of its own
    address = chat.page.url
    foot(chat, 1, "More")
    chat.page.get_by_role("menuitem", name="Branch into a new chat").click()
    expect(chat.page).not_to_have_url(address)
    expect(chat.answers).to_have_count(1)
    expect(chat.page.locator('.conversation a[aria-current="page"]')).to_contain_text("(branch)")
    chat.ask("[[tokens=2]] On")
    chat.answered(2)
    expect(other.answers).to_have_count(1)


def test_messages_wait_and_a_cut_answer_goes_on(site: Site, new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    chat = visitor.chat()
    chat.ask(SLOW)
    chat.wait_for_text("w5")
    other = visitor.chat(chat.page.url.removeprefix(chat.url))
    for words in ("[[tokens=2 word=two]] Two", "Not this", "[[tokens=3 word=three]] Three"):
        chat.ask(words)
    for tab in (chat, other):
        expect(tab.page.locator("[data-queue] li")).to_have_count(3)
    other.page.locator("[data-queue] li").nth(1).get_by_role("button", name="Take back").click()
    expect(other.field).to_have_value("Not this")
    expect(chat.page.locator("[data-queue] li")).to_have_count(2)
    expect(chat.field).to_have_value("")
    other.page.close()
    chat.page.reload()
    chat.wait_for_text("w5")
    expect(chat.page.locator("[data-queue] li")).to_have_count(2)
    chat.page.get_by_role("button", name="Stop the answer").click()
    assert chat.answered(3) == "three0 three1 three2"
    expect(chat.page.locator("[data-queue]")).to_be_hidden()

    chat.ask("[[tokens=30 delay_ms=30 word=more]] Long")
    chat.wait_for_text("more3")
    chat.page.keyboard.press("Escape")
    chat.answered(4)
    chat.page.get_by_role("button", name="Continue").click()
    expect(chat.page.locator("[data-running]")).to_have_count(1)
    assert chat.answered(4) == " ".join(f"more{n}" for n in range(30))
    expect(chat.page.get_by_role("button", name="Continue")).to_be_hidden()


def test_who_answers_and_text_that_is_too_long(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    chat = visitor.chat()
    chat.ask("[[tokens=2]] Hello")
    chat.answered()
    choice = chat.page.locator("#assistant")
    other = visitor.chat(chat.page.url.removeprefix(chat.url))
    choice.select_option(index=2)
    name = choice.locator("option:checked").inner_text()
    expect(other.page.locator("#assistant option:checked")).to_have_text(name)
    other.ask("[[tokens=2]] And you")
    other.answered(2)
    expect(chat.last_answer.locator("[data-writer]")).to_have_text(re.compile(re.escape(name)))
    expect(chat.answers.first.locator("[data-writer]")).to_be_hidden()
    # far more than a message may hold: said in words, and not a letter lost
    chat.field.evaluate(
        "(field) => { field.value = 'word '.repeat(10_000); field.dispatchEvent(new Event('input')) }"
    )
    expect(chat.page.locator(".composer__count")).to_contain_text("too many")
    expect(chat.page.get_by_role("button", name="Send")).to_be_disabled()
    assert chat.field.evaluate("(field) => field.value.length") == 50_000
    # what would keep the browser busy for a minute is not taken into the field at all
    chat.field.focus()
    chat.page.keyboard.insert_text("word " * 1_000_000)
    expect(chat.page.get_by_text("5,000,000 characters, too many")).to_be_visible()
    assert chat.field.evaluate("(field) => field.value.length") == 50_000

"""The field for the next message."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import ChatPage, NewVisitor


def test_enter_sends_and_shift_enter_breaks_the_line(chat: ChatPage) -> None:
    chat.field.press_sequentially("[[tokens=1]] one")
    chat.field.press("Shift+Enter")
    chat.field.press_sequentially("two")
    expect(chat.field).to_have_value("[[tokens=1]] one\ntwo")
    chat.field.press("Enter")
    expect(chat.questions.locator("[data-body]")).to_have_text("[[tokens=1]] one\ntwo")
    expect(chat.field).to_have_value("")


def test_enter_while_an_input_method_composes_does_not_send(chat: ChatPage) -> None:
    keyboard = chat.page.context.new_cdp_session(chat.page)
    chat.field.focus()
    keyboard.send("Input.imeSetComposition", {"text": "nihao", "selectionStart": 5, "selectionEnd": 5})
    enter = {"key": "Process", "code": "Enter", "windowsVirtualKeyCode": 229}
    keyboard.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **enter})
    keyboard.send("Input.insertText", {"text": "你好"})
    expect(chat.field).to_have_value("你好")
    expect(chat.questions).to_have_count(0)
    chat.field.press("Enter")
    expect(chat.questions.locator("[data-body]")).to_have_text("你好")


def test_nothing_is_sent_when_there_is_nothing(chat: ChatPage) -> None:
    chat.field.fill("   \n ")
    expect(chat.page.get_by_role("button", name="Send")).to_be_disabled()
    chat.field.press("Enter")
    expect(chat.questions).to_have_count(0)


def test_the_limit_is_told_in_time(chat: ChatPage) -> None:
    chat.field.fill("x" * 28_000)
    expect(chat.page.locator(".composer__count")).to_be_hidden()
    chat.field.fill("😀" * 31_999)
    expect(chat.page.get_by_text("1 character left", exact=True)).to_be_visible()
    expect(chat.page.get_by_role("button", name="Send")).to_be_enabled()
    chat.field.fill("x" * 32_010)
    expect(chat.page.get_by_text("10 characters too many. Shorten the message.")).to_be_visible()
    expect(chat.page.get_by_role("button", name="Send")).to_be_disabled()


def test_a_refused_message_comes_back_with_the_reason(chat: ChatPage) -> None:
    # words that only the server refuses: control characters and nothing else
    chat.field.evaluate("(field) => { field.value = '\\u0000'; field.dispatchEvent(new Event('input')); }")
    chat.field.press("Enter")
    expect(chat.page.get_by_text("Type a message first.")).to_be_visible()
    expect(chat.questions).to_have_count(0)
    expect(chat.page.locator("[data-failure]").get_by_role("button", name="Retry")).to_be_visible()


def test_drafts_are_kept_for_each_conversation(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    chat = visitor.chat()
    chat.ask("[[tokens=1]] First")
    chat.answered()
    chat.field.fill("half a thought")
    chat.page.get_by_role("link", name="New chat").first.click()
    expect(chat.field).to_have_value("")
    chat.field.fill("another one")
    chat.page.reload()
    expect(chat.field).to_have_value("another one")
    chat.page.locator(".conversation a").first.click()
    expect(chat.field).to_have_value("half a thought")


def test_signing_out_forgets_drafts(chat: ChatPage) -> None:
    chat.field.fill("something private")
    chat.page.get_by_role("button", name="Account menu").click()
    chat.page.get_by_role("menuitem", name="Sign out").click()
    expect(chat.page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert chat.page.evaluate("JSON.stringify(localStorage)") == "{}"


def test_one_answer_at_a_time(chat: ChatPage) -> None:
    chat.ask("[[tokens=3000 delay_ms=30]] Slowly")
    chat.wait_for_text("w3")
    expect(chat.page.get_by_role("button", name="Send")).to_be_hidden()
    chat.field.fill("not yet")
    chat.field.press("Escape")
    expect(chat.page.get_by_role("button", name="Stop the answer")).to_be_hidden()
    expect(chat.questions).to_have_count(1)
    expect(chat.field).to_have_value("not yet")
    expect(chat.page.get_by_role("button", name="Send")).to_be_enabled()


def test_a_starter_begins_a_chat(chat: ChatPage) -> None:
    starter = chat.page.locator(".starter").first
    words = starter.inner_text().strip()
    starter.click()
    chat.answered()
    expect(chat.questions.locator("[data-body]")).to_have_text(words)
    expect(chat.page.locator("[data-welcome]")).to_be_hidden()


def test_the_chosen_assistant_is_the_one_that_answers(chat: ChatPage) -> None:
    choice = chat.page.locator("#assistant")
    choice.select_option(index=2)
    name = choice.locator("option:checked").inner_text()
    chat.ask("[[tokens=1]] Hello")
    chat.answered()
    chosen = chat.page.locator("#assistant option:checked")
    expect(chosen).to_have_text(name)
    chat.page.reload()
    expect(chosen).to_have_text(name)


def test_what_was_on_its_way_is_still_there_after_closing_the_page(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    chat = visitor.chat()
    visitor.context.set_offline(True)
    expect(chat.page.get_by_text("No connection.")).to_be_visible()
    chat.ask("Do not lose me")
    chat.page.close()
    visitor.context.set_offline(False)
    again = visitor.chat()
    again.answered()
    expect(again.questions.locator("[data-body]")).to_have_text("Do not lose me")
    expect(again.field).to_have_value("")
    assert visitor.chat().field.input_value() == "", "what has arrived is no draft any more"


def test_everything_that_was_on_its_way_arrives_once_after_closing_the_page(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    chat = visitor.chat()
    chat.ask("[[tokens=1]] First")
    chat.answered()
    address = chat.page.url.removeprefix(chat.url)
    visitor.context.set_offline(True)
    expect(chat.page.get_by_text("No connection.")).to_be_visible()
    later = [f"[[tokens=1]] {word}" for word in ("Second", "Third", "Fourth", "Fifth", "Sixth")]
    for words in later:
        chat.ask(words)
    chat.field.fill("and half a thought")
    chat.page.close()
    visitor.context.set_offline(False)
    again = visitor.chat(address)
    again.answered(6)
    expect(again.page.locator("[data-pending]")).to_have_count(0)
    expect(again.questions.locator("[data-body]")).to_have_text(["[[tokens=1]] First", *later])
    expect(again.field).to_have_value("and half a thought")
    again.page.reload()
    again.answered(6)
    assert again.page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('unsent:'))") == []


def test_refused_words_go_in_front_of_newer_ones(chat: ChatPage) -> None:
    chat.field.evaluate(
        """(field) => {
          field.value = "\\u0000";
          field.dispatchEvent(new Event("input"));
          field.form.requestSubmit();
          field.value = "newer";
        }"""
    )
    expect(chat.page.get_by_text("Type a message first.")).to_be_visible()
    expect(chat.field).to_have_value("\u0000\n\nnewer")

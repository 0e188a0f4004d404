"""What a model thinks before it answers, as people see it: a quiet line that opens."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, expect

from tests.browser.clipboard import pasted
from tests.browser.conftest import ChatPage, NewVisitor, Site

THOUGHTS = [f"t{number}" for number in range(80)]
SLOW = "[[think=80 tokens=5 delay_ms=100]] Think first"


def line_of(chat: ChatPage) -> Locator:
    return chat.last_answer.locator("[data-thinking]")


def opened(chat: ChatPage) -> Locator:
    """The words, after the line was opened by keyboard."""
    summary = line_of(chat).locator("summary")
    expect(summary).to_be_visible()
    words = line_of(chat).locator("[data-thought]")
    expect(words).to_be_hidden()
    summary.focus()
    summary.press("Enter")
    expect(words).to_be_visible()
    return words


def test_thinking_is_shown_as_it_comes_and_folded_beside_the_answer(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    chat.ask(SLOW)
    expect(line_of(chat)).to_contain_text(re.compile(r"Thinking… [1-9]"))
    expect(chat.last_answer.locator("[data-status]")).to_be_hidden()
    words = opened(chat)
    expect(words).to_contain_text("t20")
    assert chat.answered() == "w0 w1 w2 w3 w4"
    assert words.inner_text().split() == THOUGHTS
    expect(line_of(chat).locator("summary")).to_have_text(re.compile(r"Thought for \d+ s"))
    spoken = chat.page.locator("[data-announcer] p").all_inner_texts()
    assert [said for said in spoken if "Thinking" in said] == ["Thinking…"]
    assert not any("t20" in said for said in spoken)
    # a page that is loaded later fetches the words when somebody wants to see them
    chat.page.reload()
    words = opened(chat)
    expect(words).to_contain_text("t79")
    assert words.inner_text().split() == THOUGHTS


def test_a_reload_and_a_killed_server_lose_nothing_of_it(site: Site, new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    chat.ask(SLOW)
    expect(opened(chat)).to_contain_text("t10")
    chat.page.reload()
    words = opened(chat)
    expect(words).to_contain_text("t15")
    site.processes.kill("web")
    expect(chat.page.get_by_text("No connection.")).to_be_visible()
    shown = words.inner_text()
    site.processes.start_web()
    chat.page.wait_for_timeout(500)
    assert words.inner_text().startswith(shown), "what was shown stays"
    assert chat.answered() == "w0 w1 w2 w3 w4"
    assert words.inner_text().split() == THOUGHTS, "nothing lost, nothing doubled"


def test_it_speaks_chinese_too_and_is_no_part_of_a_copy(new_visitor: NewVisitor) -> None:
    chat = new_visitor(locale="zh-CN", permissions=["clipboard-read", "clipboard-write"]).chat()
    chat.ask("[[think=5 tokens=2]] 你好")
    chat.answered()
    expect(line_of(chat).locator("summary")).to_have_text("思考了 1 秒")
    chat.last_answer.locator('[data-message-action="copy"]').click()
    assert pasted(chat.page, lambda words: words.startswith("w0")) == "w0 w1"

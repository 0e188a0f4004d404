"""An answer while it is written: in pieces, whole, on every page that shows it, whatever happens between."""

from __future__ import annotations

import itertools
import re

from playwright.sync_api import expect

from tests.browser.conftest import NewVisitor, Site

WORDS = [f"w{number}" for number in range(120)]
SLOW = "[[tokens=120 delay_ms=25]] Tell me slowly"
WATCH_GROWTH = """
window.seen = [];
new MutationObserver(() => {
  const body = [...document.querySelectorAll(".message--assistant [data-body]")].at(-1);
  if (body) window.seen.push(body.textContent.trim());
}).observe(document.querySelector("[data-column]"), { childList: true, subtree: true, characterData: true });
"""
WATCH_PARTS = """
window.parts = [];
new MutationObserver(() => {
  const found = [...document.querySelectorAll(".tail__part")].map((part) => part.textContent);
  if (found.length) window.parts.push(found);
}).observe(document.querySelector("[data-column]"), { childList: true, subtree: true });
"""


def whole(text: str) -> None:
    assert text.split() == WORDS, "nothing lost, nothing doubled"


def test_text_arrives_in_pieces_and_never_shrinks(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    chat.page.evaluate(WATCH_GROWTH)
    chat.ask(SLOW)
    whole(chat.answered())
    seen: list[str] = chat.page.evaluate("window.seen.filter((text) => text)")
    assert len(set(seen)) > 20
    for before, after in itertools.pairwise(seen):
        assert after.startswith(before)


def test_of_a_long_paragraph_only_the_end_is_laid_out_again_and_nothing_is_lost(
    new_visitor: NewVisitor,
) -> None:
    chat = new_visitor().chat()
    chat.page.evaluate(WATCH_GROWTH)
    chat.page.evaluate(WATCH_PARTS)
    chat.ask("[[tokens=1000 delay_ms=3]] Tell me at length")
    assert chat.answered().split() == [f"w{number}" for number in range(1000)]
    seen: list[str] = chat.page.evaluate("window.seen.filter((text) => text)")
    for before, after in itertools.pairwise(seen):
        assert after.startswith(before)
    parts: list[list[str]] = chat.page.evaluate("window.parts")
    assert len(parts[-1]) > 1
    for before_parts, after_parts in itertools.pairwise(parts):
        assert after_parts[: len(before_parts) - 1] == before_parts[:-1], "what was divided off stays"
    assert all(len(part) > 1000 for part in parts[-1][:-1])


def test_the_new_conversation_gets_its_address_and_its_place_in_the_list(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    chat.ask("[[tokens=3]] Where do tents go")
    chat.answered()
    expect(chat.page).to_have_url(re.compile(r"/c/[0-9a-f-]{36}/$"))
    current = chat.page.locator('.conversation a[aria-current="page"]')
    expect(current).to_contain_text("Where do tents go")
    expect(chat.page.locator(".conversations__group", has_text="Today")).to_be_visible()


def test_a_reload_in_the_middle_shows_the_same_and_goes_on(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    chat.ask(SLOW)
    chat.wait_for_text("w20")
    before = chat.text()
    chat.page.reload()
    chat.wait_for_text("w20")
    assert chat.text().startswith(before)
    whole(chat.answered())
    expect(chat.questions).to_have_count(1)


def test_a_second_tab_shows_the_same(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    first = visitor.chat()
    first.ask(SLOW)
    first.wait_for_text("w10")
    second = visitor.chat(first.page.url.removeprefix(first.url))
    second.wait_for_text("w30")
    whole(first.answered())
    whole(second.answered())
    second.ask("[[tokens=2 word=again]] And on")
    assert first.answered(2) == "again0 again1"
    expect(first.questions.last).to_contain_text("And on")


def test_a_lost_connection_comes_back_with_everything(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    chat = visitor.chat()
    chat.ask(SLOW)
    chat.wait_for_text("w10")
    visitor.context.set_offline(True)
    expect(chat.page.get_by_text("No connection.")).to_be_visible()
    visitor.context.set_offline(False)
    whole(chat.answered())
    expect(chat.page.get_by_text("No connection.")).to_be_hidden()


def test_what_is_sent_without_a_connection_goes_out_later_and_once(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    chat = visitor.chat()
    visitor.context.set_offline(True)
    expect(chat.page.get_by_text("No connection.")).to_be_visible()
    chat.ask("[[tokens=4]] Patience")
    expect(chat.questions).to_have_count(1)
    visitor.context.set_offline(False)
    assert chat.answered() == "w0 w1 w2 w3"
    expect(chat.questions).to_have_count(1)


def test_a_killed_server_comes_back_and_the_answer_goes_on(site: Site, new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    chat.ask(SLOW)
    chat.wait_for_text("w10")
    site.processes.kill("web")
    expect(chat.page.get_by_text("No connection.")).to_be_visible()
    shown = chat.text()
    site.processes.start_web()
    chat.page.wait_for_timeout(500)
    assert chat.text().startswith(shown), "what was shown stays"
    whole(chat.answered())


def test_stop_keeps_what_was_said(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    chat.ask("[[tokens=3000 delay_ms=25]] Tell me slowly")
    chat.wait_for_text("w10")
    chat.page.get_by_role("button", name="Stop the answer").click()
    text = chat.answered().split()
    assert 10 < len(text) < 3000
    assert text == [f"w{number}" for number in range(len(text))]
    expect(chat.last_answer.get_by_text("Stopped")).to_be_visible()
    expect(chat.page.get_by_role("button", name="Send")).to_be_visible()


def test_answering_again_replaces_the_answer(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    chat.ask("[[tokens=30 delay_ms=20]] Hello")
    first = chat.answered()
    chat.last_answer.get_by_role("button", name="Answer again").click()
    expect(chat.page.get_by_role("button", name="Stop the answer")).to_be_visible()
    assert chat.answered() == first
    expect(chat.questions).to_have_count(1)


def test_the_place_in_the_queue_is_shown(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    chat.ask("[[queue=3 queue_ms=1500 tokens=3]] Hello")
    expect(chat.page.get_by_text("2 ahead of you")).to_be_visible()
    expect(chat.page.get_by_text("Next in line")).to_be_visible()
    chat.answered()


def test_a_model_that_dies_is_waited_for(site: Site, new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    chat.ask("[[tokens=120 delay_ms=25 die_after=30]] Hello")
    expect(chat.page.get_by_text("The model is being restarted.", exact=False).first).to_be_visible()
    assert chat.text().split() == WORDS[: len(chat.text().split())]
    site.engine.restart()
    whole(chat.answered())


def test_a_failed_answer_says_why_and_can_be_retried(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    chat.ask("[[error=invalid_request]] Hello")
    expect(chat.last_answer.get_by_text("The model refused the request.")).to_be_visible()
    chat.last_answer.get_by_role("button", name="Retry").click()
    expect(chat.last_answer.get_by_text("The model refused the request.")).to_be_visible()
    expect(chat.answers).to_have_count(1)
    expect(chat.page.get_by_role("button", name="Send")).to_be_visible()


def test_markdown_ends_up_as_it_should(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    chat.ask("Which tent is right for two? [[delay_ms=4]]")
    chat.answered()
    answer = chat.last_answer
    expect(answer.locator("strong")).to_have_text("Heron 2")
    expect(answer.get_by_role("table")).to_have_count(1)
    expect(answer.locator(".code .k").first).to_have_text("def")
    expect(answer.locator(".code__bar")).to_contain_text("Python")
    live = answer.locator("[data-body]").inner_html()
    chat.page.reload()
    chat.answered()
    assert chat.last_answer.locator("[data-body]").inner_html() == live, "live and stored look the same"

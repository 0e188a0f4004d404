"""For everybody: keyboard, screen readers, phones, dark rooms, English and Chinese."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewVisitor

HERE = Path(__file__).parent
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
PAGES = ["/", "/settings/", "/setup/", "/sign-in/x/", "/nothing/"]

FIND_FLAWS = (HERE / "find_flaws.js").read_text()

FIND_PALE = (HERE / "find_pale_text.js").read_text()


def no_flaws(page: Page) -> None:
    assert page.evaluate(FIND_FLAWS) == []
    assert page.evaluate(FIND_PALE) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_pages_have_names_structure_and_contrast(new_visitor: NewVisitor, path: str, scheme: str) -> None:
    chat = new_visitor(color_scheme=scheme).chat(None)
    chat.page.goto(chat.url + path, wait_until="networkidle")
    no_flaws(chat.page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_conversation_has_names_structure_and_contrast(new_visitor: NewVisitor, scheme: str) -> None:
    chat = new_visitor(color_scheme=scheme).chat()
    chat.ask("Which tent is right for two?")
    chat.answered()
    no_flaws(chat.page)


@pytest.mark.parametrize("path", PAGES)
def test_nothing_sticks_out_on_a_phone(new_visitor: NewVisitor, path: str) -> None:
    chat = new_visitor(**PHONE).chat(None)
    chat.page.goto(chat.url + path, wait_until="networkidle")
    assert chat.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_chatting_on_a_phone(new_visitor: NewVisitor) -> None:
    chat = new_visitor(**PHONE).chat()
    chat.field.tap()
    chat.field.fill("Which tent is right for two?")
    chat.page.get_by_role("button", name="Send").tap()
    chat.answered()
    assert chat.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(chat.field).to_be_in_viewport()
    chat.page.get_by_role("button", name="Open the sidebar").tap()
    drawer = chat.page.get_by_role("navigation", name="Conversations")
    expect(drawer).to_be_in_viewport()
    drawer.get_by_role("link", name="New chat").tap()
    expect(chat.page.locator("[data-welcome]")).to_be_visible()
    expect(drawer).not_to_be_in_viewport()


def test_what_is_touched_is_large_enough(new_visitor: NewVisitor) -> None:
    chat = new_visitor(**PHONE).chat()
    chat.page.get_by_label("Your message").fill("[[tokens=2]] Hello")
    chat.page.get_by_role("button", name="Send").tap()
    chat.answered()
    small = chat.page.evaluate(
        """() => [...document.querySelectorAll("button, a[href], select")]
          .filter((element) => element.checkVisibility() && !element.matches(".skip-link, .prose a"))
          .map((element) => [element.outerHTML.slice(0, 90), element.getBoundingClientRect()])
          .filter(([, box]) => box.width < 24 || box.height < 24)
          .map(([html]) => html)"""
    )
    assert small == []


def test_a_whole_chat_by_keyboard(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    page = chat.page
    expect(chat.field).to_be_focused()
    page.keyboard.type("[[tokens=3]] by keyboard")
    page.keyboard.press("Enter")
    chat.answered()
    expect(chat.field).to_be_focused()

    page.keyboard.press("Control+Shift+O")
    expect(page.locator("[data-welcome]")).to_be_visible()
    expect(chat.field).to_be_focused()

    page.locator(".conversation a").first.focus()
    page.keyboard.press("Tab")
    button = page.get_by_role("button", name="Rename, move or delete")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Rename")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Pin")).to_be_focused()
    page.keyboard.press("End")
    expect(page.get_by_role("menuitem", name="Delete")).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.type("Renamed by keyboard")
    page.keyboard.press("Enter")
    expect(page.locator(".conversation a").first).to_have_text("Renamed by keyboard")


def test_the_skip_link_leads_to_the_content(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat(None)
    chat.page.goto(chat.url + "/settings/")
    chat.page.keyboard.press("Tab")
    skip = chat.page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    chat.page.keyboard.press("Enter")
    expect(chat.page.locator("main")).to_be_focused()


def test_answers_are_spoken_by_sentence_and_once(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    chat.page.evaluate(
        """() => {
          window.spoken = [];
          new MutationObserver((changes) => {
            for (const change of changes) for (const node of change.addedNodes) window.spoken.push(node.textContent);
          }).observe(document.querySelector("[data-announcer]"), { childList: true });
        }"""
    )
    chat.ask("Which tent is right for two? [[delay_ms=5]]")
    chat.answered()
    spoken: list[str] = chat.page.evaluate("window.spoken")
    whole = " ".join(spoken)
    assert len(spoken) > 5
    for sentence in (
        "I would take the Heron 2",
        "nobody climbs over anybody at night",
        "Shall I check",
        "Answer complete.",
    ):
        assert whole.count(sentence) == 1, whole


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_like_the_system(new_visitor: NewVisitor, scheme: str) -> None:
    chat = new_visitor(color_scheme=scheme).chat()
    ground = chat.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 25, 27)"}[scheme]


def test_the_chosen_theme_stays_and_does_not_flash(new_visitor: NewVisitor) -> None:
    visitor = new_visitor(color_scheme="light")
    chat = visitor.chat(None)
    chat.page.goto(chat.url + "/settings/")
    chat.page.get_by_label("Dark").check()
    dark = "getComputedStyle(document.documentElement).backgroundColor === 'rgb(22, 25, 27)'"
    chat.page.wait_for_function(dark)
    chat.page.get_by_role("button", name="Save").click()
    expect(chat.page.get_by_text("Saved.")).to_be_visible()
    chat.page.goto(chat.url + "/", wait_until="commit")
    assert 'data-theme="dark"' in visitor.context.request.get(chat.url + "/").text(), "the server draws it so"
    assert chat.page.evaluate(dark)


def test_chinese_by_the_browser(new_visitor: NewVisitor) -> None:
    chat = new_visitor(locale="zh-CN").chat()
    expect(chat.page.locator("html")).to_have_attribute("lang", "zh-hans")
    expect(chat.page.get_by_role("heading", name="有什么可以帮您？")).to_be_visible()
    chat.ask("秋天两个人用，哪顶帐篷好？")
    chat.answered()
    expect(chat.page.locator(".conversations__group", has_text="今天")).to_be_visible()
    expect(chat.last_answer.get_by_role("button", name="重新回答")).to_be_visible()
    chat.ask("[[error=invalid_request]] 再来")
    expect(chat.last_answer.get_by_text("模型拒绝了请求。")).to_be_visible()


def test_chinese_by_choice(new_visitor: NewVisitor) -> None:
    chat = new_visitor(locale="en-GB").chat(None)
    chat.page.goto(chat.url + "/settings/")
    chat.page.get_by_label("简体中文").check()
    chat.page.get_by_role("button", name="Save").click()
    expect(chat.page.get_by_text("已保存。")).to_be_visible()
    chat.open()
    expect(chat.field).to_have_attribute("placeholder", "有问题，尽管问")
    chat.ask("[[error=invalid_request]] Hello")
    expect(chat.last_answer.get_by_text("模型拒绝了请求。")).to_be_visible()


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_the_drawer_takes_the_focus_as_it_opens(new_visitor: NewVisitor, motion: str) -> None:
    page = new_visitor(reduced_motion=motion, **PHONE).chat().page
    for _ in range(3):
        opener = page.get_by_role("button", name="Open the sidebar")
        opener.focus()
        page.keyboard.press("Enter")
        page.wait_for_timeout(400)  # long enough to lose it again
        assert page.evaluate("document.getElementById('sidebar').contains(document.activeElement)")
        page.get_by_role("button", name="Close the sidebar").click()
        expect(opener).to_be_focused()
        page.wait_for_timeout(400)


def test_motion_stops_where_it_is_unwelcome(new_visitor: NewVisitor) -> None:
    chat = new_visitor(reduced_motion="reduce").chat()
    chat.ask("[[hold=1]] Wait")
    dot = chat.page.locator(".dots i").first
    expect(dot).to_be_visible()
    assert dot.evaluate("(dot) => parseFloat(getComputedStyle(dot).animationDuration)") < 0.001
    chat.page.get_by_role("button", name="Stop the answer").click()
    expect(chat.page.locator("[data-running]")).to_have_count(0)

"""The temporary chat as a person uses it: told apart at a glance, never lost by surprise, never on the disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser.clipboard import pasted
from tests.browser.conftest import ChatPage, NewVisitor, Site

STORES = "JSON.stringify({...localStorage, ...sessionStorage})"


def accept_leaving(chat: ChatPage) -> list[str]:
    """Say yes where the browser asks before a page is left; the kinds of what it asked."""
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    chat.page.on("dialog", answer)
    return asked


def photograph(page: Page, name: str) -> None:
    """For whoever looks at the pages: SCREENSHOTS_FOLDER names a folder."""
    if folder := os.environ.get("SCREENSHOTS_FOLDER"):
        page.screenshot(path=Path(folder) / f"temporary-{name}.png")


def line(chat: ChatPage):  # type: ignore[no-untyped-def]
    return chat.page.get_by_role("region", name="Temporary chat")


def begin(chat: ChatPage) -> None:
    chat.page.get_by_role("button", name="Temporary chat").click()
    expect(line(chat)).to_be_visible()


def test_it_is_told_apart_survives_a_reload_and_is_kept_by_a_button(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    chat = visitor.chat()
    asked = accept_leaving(chat)
    expect(line(chat)).to_be_hidden()
    chat.field.fill("quartz")
    begin(chat)
    expect(line(chat)).to_contain_text("when the server restarts")
    expect(chat.page.get_by_role("button", name="Keep this chat")).to_be_hidden()
    assert "quartz" not in chat.page.evaluate(STORES)
    chat.field.fill("[[tokens=3 word=quartz]] Between us")
    chat.field.press("Enter")
    assert "quartz" in chat.answered()
    expect(chat.page.get_by_role("heading", level=1)).to_have_text("Temporary chat")
    expect(chat.page.locator(".conversation")).to_have_count(0)
    assert "quartz" not in chat.page.evaluate(STORES)
    photograph(chat.page, "light")

    # a draft, a second tab, a reload
    chat.field.fill("half a quartz")
    assert "quartz" not in chat.page.evaluate(STORES)
    second = visitor.chat(chat.page.url.removeprefix(chat.url))
    accept_leaving(second)
    assert "quartz" in second.answered()
    chat.page.reload()
    assert asked == ["beforeunload"]
    assert "quartz" in chat.answered()
    expect(line(chat)).to_be_visible()

    # while an answer runs it cannot be kept; it stops, and is answered again
    chat.ask("[[tokens=3000 delay_ms=20]] Slowly")
    chat.wait_for_text("w3")
    expect(chat.page.get_by_role("button", name="Keep this chat")).to_be_disabled()
    chat.page.get_by_role("button", name="Stop the answer").click()
    expect(chat.page.get_by_role("button", name="Keep this chat")).to_be_enabled()

    # it is asked about before it is left
    chat.page.get_by_role("link", name="New chat").first.click()
    dialog = chat.page.get_by_role("dialog", name="Leave the temporary chat?")
    expect(dialog).to_be_visible()
    photograph(chat.page, "dialog")
    dialog.get_by_role("button", name="Stay").click()
    expect(chat.answers).to_have_count(2)

    chat.page.get_by_role("button", name="Keep this chat").click()
    expect(line(chat)).to_be_hidden()
    expect(chat.page.locator(".conversation")).to_have_count(1)
    expect(chat.answers).to_have_count(2)
    expect(line(second)).to_be_hidden()
    chat.page.reload()
    expect(chat.answers).to_have_count(2)
    chat.errors.clear()
    second.errors.clear()


def test_leaving_and_closing(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    accept_leaving(chat)
    begin(chat)
    chat.ask("[[tokens=2]] Hello")
    chat.answered()
    address = chat.page.url
    chat.page.get_by_role("link", name="New chat").first.click()
    chat.page.get_by_role("dialog").get_by_role("button", name="Leave").click()
    expect(chat.answers).to_have_count(0)
    expect(line(chat)).to_be_hidden()
    chat.page.go_back()
    expect(chat.answers).to_have_count(1)
    assert chat.page.url == address
    chat.page.get_by_role("button", name="Close the chat").click()
    expect(chat.page.get_by_text("The temporary chat is closed")).to_be_visible()
    expect(chat.answers).to_have_count(0)
    chat.page.goto(address)
    expect(chat.page.locator(".toast")).to_contain_text("This temporary chat is over")
    expect(line(chat)).to_be_hidden()
    chat.errors.clear()


@pytest.mark.parametrize("settings", [{"color_scheme": "dark"}], ids=["dark"])
def test_what_a_server_lost_stays_on_the_page(
    new_visitor: NewVisitor, site: Site, settings: dict[str, str]
) -> None:
    """On a phone, with another person's settings, and a web process that is killed."""
    chat = new_visitor(viewport={"width": 360, "height": 740}, **settings).chat()
    accept_leaving(chat)
    begin(chat)
    chat.ask("[[tokens=3 word=quartz]] A very expensive chat")
    chat.answered()
    photograph(chat.page, "phone")
    site.processes.kill("web")
    site.processes.start_web()
    expect(line(chat)).to_contain_text("cannot bring it back")
    expect(chat.answers).to_have_count(1)
    assert "quartz" in chat.text()
    photograph(chat.page, "lost")
    chat.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    chat.page.get_by_role("button", name="Copy the chat").click()
    pasted(chat.page, lambda copied: "A very expensive chat" in copied and "quartz" in copied)
    width = chat.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360
    chat.errors.clear()

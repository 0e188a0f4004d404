"""Folders, tags, pins, the archive, several at once, and the way from a word to the message that holds it."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import ChatPage, NewVisitor, Site
from tests.browser.test_conversations import FILL, begin


def menu(page: Page, words: str, item: str) -> None:
    row = page.locator(".conversation", has_text=words).first
    row.hover()
    row.locator('[data-action="conversation-menu"]').click()
    page.get_by_role("menuitem", name=item, exact=True).click()


def new_chat(chat: ChatPage) -> None:
    chat.page.get_by_role("link", name="New chat").first.click()
    expect(chat.page.locator("[data-welcome]")).to_be_visible()


def test_the_search_leads_to_the_very_message(site: Site, new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    page = chat.page
    identity = begin(chat, "where is the 登山帐篷 kept?")
    site.processes.script(FILL, str(identity), "150")
    new_chat(chat)
    begin(chat, "something else")
    page.keyboard.press("Control+Shift+F")
    field = page.get_by_role("searchbox", name="Words to find")
    expect(field).to_be_focused()
    field.fill("帐篷")
    hits = page.locator(".hit")
    expect(page.locator("[data-messages] .hit")).to_have_count(1)
    expect(page.locator("[data-messages] mark")).to_have_text("帐篷")
    expect(page.locator("#search-dialog [data-said]")).to_contain_text("result")
    # from the field to a result and there, by keyboard alone
    field.press("ArrowDown")
    expect(hits.first).to_be_focused()
    page.locator("[data-messages] .hit").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(str(identity)))
    found = chat.questions.filter(has_text="登山帐篷")
    expect(found).to_be_in_viewport()
    expect(found).to_be_focused()
    # nothing found, a filter that leaves nothing, and back to where one was
    page.get_by_role("button", name="Search", exact=True).click()
    field.fill("zebra")
    expect(page.get_by_text("Nothing found.").first).to_be_visible()
    field.fill('"something els')
    expect(page.locator("[data-messages] .hit")).not_to_have_count(0)
    page.get_by_label("Where").select_option("archived")
    expect(page.locator("[data-messages] .hit")).to_have_count(0)
    field.press("Escape")
    expect(page.get_by_role("button", name="Search", exact=True)).to_be_focused()
    assert not chat.errors


def test_order_among_conversations(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    chat = visitor.chat()
    page = chat.page
    for words in ("about tents", "about boots", "about maps"):
        new_chat(chat)
        begin(chat, words)
    other = visitor.chat()
    # a folder with instructions, a conversation in it, and the other tab sees both
    page.get_by_role("button", name="New folder").click()
    page.get_by_role("textbox", name="Name").fill("Trips <b>")
    page.get_by_role("textbox", name="Instructions").fill("Answer briefly.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".place__name", has_text="Trips <b>")).to_be_visible()
    menu(page, "about tents", "Move to a folder")
    page.get_by_label("Trips <b>").check()
    page.get_by_role("button", name="Move", exact=True).click()
    for each in (page, other.page):
        expect(each.locator("[data-list] .conversation", has_text="about tents")).to_have_count(0)
        expect(each.locator(".place", has_text="Trips <b>").locator(".place__count")).to_have_text("1")
    page.locator(".place__link", has_text="Trips <b>").click()
    expect(page.locator("[data-shelf-name]")).to_be_focused()
    expect(page.locator("[data-list] .conversation")).to_have_count(1)
    new_chat(chat)
    begin(chat, "about lakes")
    expect(page.locator("[data-list] .conversation")).to_have_count(2)
    page.get_by_role("button", name="Back to all conversations").click()
    expect(page.locator("[data-list] .conversation")).to_have_count(2)
    # pinned on top, and undone
    menu(page, "about boots", "Pin")
    expect(page.locator("[data-pinned] .conversation")).to_have_text(re.compile("about boots"))
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("[data-pinned]")).to_have_count(0)
    expect(page.locator("[data-list] .conversation", has_text="about boots")).to_have_count(1)
    # a tag
    menu(page, "about maps", "Tags")
    page.get_by_role("textbox", name="New tag").fill("纸")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    page.locator("[data-overview]").get_by_role("button", name="纸").click()
    expect(page.locator("[data-list] .conversation")).to_have_text(re.compile("about maps"))
    page.get_by_role("button", name="Back to all conversations").click()
    # several at once, into the archive and back, then gone for good
    menu(page, "about maps", "Select several")
    expect(page.get_by_text("1 selected")).to_be_visible()
    page.get_by_role("checkbox", name=re.compile("about boots")).check()
    page.get_by_role("button", name="Move to the archive").click()
    expect(page.get_by_text("2 conversations archived.")).to_be_visible()
    expect(page.locator("[data-list] .conversation")).to_have_count(0)
    page.locator('[data-action="open-archive"]').click()
    expect(page.locator("[data-list] .conversation")).to_have_count(2)
    menu(page, "about maps", "Take out of the archive")
    expect(page.locator("[data-list] .conversation")).to_have_count(1)
    menu(page, "about boots", "Select several")
    page.locator(".selection").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("[data-list] .conversation")).to_have_count(0)
    expect(page.locator(".selection")).to_have_count(0)
    page.get_by_role("button", name="Back to all conversations").click()
    expect(page.locator("[data-list] .conversation")).to_have_count(1)
    # deleting the folder gives its conversations back
    page.locator(".place", has_text="Trips <b>").hover()
    page.get_by_role("button", name="Change or delete the folder").click()
    page.get_by_role("menuitem", name="Delete the folder").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    for each in (page, other.page):
        expect(each.locator("[data-list] .conversation")).to_have_count(3)
    assert not chat.errors
    assert not other.errors

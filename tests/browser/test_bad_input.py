"""What nobody should put in, and people do: it is refused or shown in words, and nothing else breaks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ChatPage, NewVisitor, Site
from tests.browser.test_attachments import attach, chip, chips
from tests.browser.test_conversations import begin
from tests.browser.test_hostile_content import is_inert
from tests.browser.test_order_and_search import menu, new_chat
from tests.browser.test_streaming import SLOW, whole
from tests.browser.test_tree import foot, place

SIGN_IN_AGAIN = """
import sys
import django
django.setup()
from django.test import Client
from chatplatform.accounts.models import User
browser = Client()
browser.force_login(User.objects.get(id=sys.argv[1]))
print(browser.cookies["sessionid"].value)
"""
ODD = {
    "right to left": "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 (abc) 12:30",
    "turned round": "user\u202egnp.exe",
    "emoji": "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466\U0001f3f3\ufe0f\u200d\U0001f308",
    "zero width": "a\u200bb\u2060c\u00add",
    "a tower": "e" + "\u0301" * 80,
    "one long word": "W" * 90,
    "markup": "<img src=x onerror=window.pwned=1>&amp;",
}
UNSEEN = re.compile("[\u200b\u200c\u200d\u200e\u200f\u202a-\u202e\u2060-\u2069\u00ad]")
EDITOR = "Your message in other words"


def test_a_name_that_is_markup(chat: ChatPage) -> None:
    name = '<img src=x onerror=window.pwned=1> & "Co" \'</title>'
    chat.page.goto(chat.url + "/settings/")
    chat.page.locator("[name=display_name]").fill(name)
    chat.page.locator("[data-settings] [type=submit]").click()
    expect(chat.page.get_by_text("Saved.")).to_be_visible()
    chat.open()
    expect(chat.page.locator(".account__name")).to_have_text(name)
    is_inert(chat)


def test_a_link_to_anothers_conversation_inside_the_page(new_visitor: NewVisitor) -> None:
    identity = begin(new_visitor().chat(), "mine alone")
    other = new_visitor().chat()
    other.page.evaluate(
        "(id) => { history.pushState(null, '', `/c/${id}/`); dispatchEvent(new PopStateEvent('popstate')); }",
        str(identity),
    )
    expect(other.page.get_by_text("does not exist, or it is not yours", exact=False)).to_be_visible()
    expect(other.page).to_have_url(f"{other.url}/")
    expect(other.page.locator("body")).not_to_contain_text("mine alone")
    other.ask("[[tokens=2]] Hello")
    assert other.answered() == "w0 w1"


def test_the_clock_jumps(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat(None)
    chat.page.clock.install()
    chat.open()
    chat.ask(SLOW)
    chat.wait_for_text("w10")
    chat.page.clock.fast_forward("48:00:00")
    whole(chat.answered())
    chat.page.clock.set_system_time("2019-01-01T00:00:00")
    chat.ask("[[tokens=3]] before we began")
    assert chat.answered(2) == "w0 w1 w2"
    expect(chat.questions).to_have_count(2)
    assert chat.questions.last.locator("[data-body]").inner_text() == "[[tokens=3]] before we began"


@pytest.mark.parametrize("kind", list(ODD))
def test_odd_text_in_messages_titles_folders_and_tags(new_visitor: NewVisitor, kind: str) -> None:
    odd = ODD[kind]
    visitor = new_visitor(viewport={"width": 1280, "height": 800})
    chat = visitor.chat()
    page = chat.page
    chat.ask(odd)
    chat.answered()
    for _ in range(2):  # as it was sent, and as it is stored
        assert chat.questions.first.locator("[data-body]").text_content() == odd
        page.reload()
    row = page.locator("[data-list] .conversation")
    expect(row).to_have_count(1)
    menu(page, "", "Rename")
    page.get_by_role("dialog").locator("[name=title]").fill(odd)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Renamed.")).to_be_visible()
    page.get_by_role("button", name="New folder").click()
    page.get_by_role("textbox", name="Name").fill(odd[:60])
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[data-folder-id] .place__name")).to_have_count(1)
    menu(page, "", "Tags")
    page.get_by_role("textbox", name="New tag").fill(odd[:60])
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.locator("[data-overview] .tag")).to_have_count(1)
    page.reload()
    folder, tag = page.locator("[data-folder-id] .place__name"), page.locator("[data-overview] .tag")
    for shown, most in ((row.locator("a"), 80), (folder, 60), (tag, 60)):
        # what is not seen may be left out of a name, nothing else
        assert UNSEEN.sub("", shown.inner_text()) == UNSEEN.sub("", odd)[:most]
        # a name that turns the direction of writing turns nothing beside it
        assert shown.evaluate("(element) => getComputedStyle(element).unicodeBidi") != "normal"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    is_inert(chat)


def test_two_tabs_edit_one_message(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    one = visitor.chat()
    begin(one, "first")
    two = visitor.chat(one.page.url.removeprefix(one.url))
    tabs = {"[[tokens=2]] from one": one, "[[tokens=2]] from two": two}

    # saved in both: the second is told, and both wordings are kept
    for words, tab in tabs.items():
        foot(tab, 0, "Edit")
        tab.page.get_by_label(EDITOR).fill(words)
    one.page.get_by_role("button", name="Save", exact=True).click()
    expect(two.page.locator("[data-editor] [data-why]")).to_contain_text("changed elsewhere")
    expect(two.page.get_by_label(EDITOR)).to_have_value("[[tokens=2]] from two")
    two.page.get_by_role("button", name="Save", exact=True).click()
    for tab in (one, two):
        expect(tab.questions.first.locator("[data-body]")).to_have_text("[[tokens=2]] from two")
        assert place(tab.page) == "3 / 3"
    one.page.get_by_role("button", name="Version before").first.click()
    expect(one.questions.first.locator("[data-body]")).to_have_text("[[tokens=2]] from one")
    one.page.get_by_role("button", name="Version after").first.click()
    expect(two.questions.first.locator("[data-body]")).to_have_text("[[tokens=2]] from two")

    # sent at the same moment to be answered: one is, and the other's words are in the field, said in words
    tabs = {"[[tokens=40 delay_ms=30]] from one": one, "[[tokens=40 delay_ms=30]] from two": two}
    for words, tab in tabs.items():
        foot(tab, 0, "Edit")
        tab.page.get_by_label(EDITOR).fill(words)
    for tab in tabs.values():
        tab.page.evaluate("document.querySelector('[data-editor]').requestSubmit()")
    for tab in tabs.values():
        expect(tab.page.locator("[data-editor]")).to_have_count(0)
        expect(tab.answers).to_have_count(1)
    winner = one.questions.first.locator("[data-body]").inner_text()
    [loser] = set(tabs) - {winner}
    expect(tabs[loser].field).to_have_value(loser)
    expect(tabs[loser].page.locator("[data-failure]")).to_contain_text(
        "What you were writing is in the field"
    )
    expect(tabs[winner].field).to_have_value("")


def test_signing_out_while_an_answer_is_written(site: Site, new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    chat = visitor.chat()
    person = chat.page.evaluate("JSON.parse(document.getElementById('page-data').textContent).person_id")
    chat.ask(SLOW)
    chat.wait_for_text("w3")
    address = chat.page.url.removeprefix(chat.url)
    chat.field.fill("half a thought")
    other = visitor.chat()
    other.page.locator(".account").first.click()
    other.page.get_by_role("menuitem", name="Sign out").click()
    expect(other.page).to_have_url(re.compile("sign-in|signed-out|accounts"))
    expect(chat.page.get_by_role("heading", name="Sign in")).to_be_visible()
    key = site.processes.script(SIGN_IN_AGAIN, person).splitlines()[-1]
    visitor.context.add_cookies([{"name": "sessionid", "value": key, "url": site.url}])
    chat.open(address)
    whole(chat.answered())
    expect(chat.questions).to_have_count(1)
    # on purpose: who signs out leaves no words of theirs in this browser
    expect(chat.field).to_have_value("")


def test_files_on_their_way_stay_with_their_conversation(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    chat = visitor.chat()
    page = chat.page
    begin(chat, "tents")
    new_chat(chat)
    begin(chat, "boots")
    network = visitor.context.new_cdp_session(page)
    network.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 60_000}
    network.send("Network.emulateNetworkConditions", slow)
    names = [f"{number}.txt" for number in range(6)]
    # the same file twice is two files, each with its own way out
    for name in (*names, names[0]):
        attach(chat, {"name": name, "mimeType": "text/plain", "buffer": b"The Fjord weighs 1.8 kg. " * 4000})
    expect(chips(chat)).to_have_count(7)
    chip(chat, names[0]).last.get_by_role("button", name="Remove").click()
    expect(chips(chat)).to_have_count(6)

    page.locator(".conversation__link", has_text="tents").click()
    expect(chips(chat)).to_have_count(0)
    page.locator(".conversation__link", has_text="boots").click()
    expect(chips(chat)).to_have_count(6)
    page.locator(".conversation__link", has_text="tents").click()
    network.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    with page.expect_response(lambda answer: answer.url.endswith("/api/files") and answer.ok):
        pass
    page.locator(".conversation__link", has_text="boots").click()
    for name in names:
        expect(chip(chat, name)).to_have_attribute("data-state", re.compile("reading|ready"))
    expect(chips(chat)).to_have_count(6)
    page.reload()
    expect(chips(chat)).to_have_count(6)


def test_a_folder_that_is_dropped(new_visitor: NewVisitor, tmp_path: Path) -> None:
    visitor = new_visitor()
    chat = visitor.chat()
    folder, file = tmp_path / "tents", tmp_path / "fjord.txt"
    folder.mkdir()
    (folder / "inside.txt").write_text("inside")
    file.write_text("The Fjord weighs 1.8 kg.")
    mouse = visitor.context.new_cdp_session(chat.page)
    dropped = {"items": [], "files": [str(folder), str(file)], "dragOperationsMask": 1}
    for step in ("dragEnter", "dragOver", "drop"):
        mouse.send("Input.dispatchDragEvent", {"type": step, "x": 640, "y": 300, "data": dropped})
    expect(chat.page.get_by_text("Folders cannot be attached.")).to_be_visible()
    expect(chips(chat)).to_have_count(1)
    expect(chip(chat, "fjord.txt")).to_have_attribute("data-state", re.compile("reading|ready"))

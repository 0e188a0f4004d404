"""The list of conversations, and moving between them."""

from __future__ import annotations

import re
from uuid import UUID

from playwright.sync_api import expect

from tests.browser.conftest import ChatPage, NewVisitor, Site

FILL = """
import sys
import django
django.setup()
from uuid import UUID
from chatplatform.accounts.models import Membership
from chatplatform.chat.content import sealed_message
from chatplatform.chat.models import Conversation, Message
from chatplatform.common.ids import new_id
from chatplatform.common.scope import workspace_scope
from chatplatform.privacy.subjects import Subject
with workspace_scope(Membership.objects.order_by("created_at").first().workspace_id):
    conversation = Conversation.objects.get(id=UUID(sys.argv[1]))
    parent = Message.objects.filter(conversation=conversation).order_by("-number").first()
    rows = []
    for number in range(int(sys.argv[2])):
        row = Message(id=new_id(), workspace_id=conversation.workspace_id, conversation=conversation, parent=parent,
                      number=parent.number + 1, role=("user", "assistant")[number % 2])
        text = f"Message {number}. " + "word " * 40
        row.content = sealed_message(Subject.person(conversation.owner_id), row.id, text)
        rows.append(row)
        parent = row
    Message.objects.bulk_create(rows)
"""


def begin(chat: ChatPage, words: str) -> UUID:
    chat.ask(f"[[tokens=2]] {words}")
    chat.answered()
    found = re.search(r"/c/([0-9a-f-]+)/$", chat.page.url)
    assert found
    return UUID(found[1])


def menu(chat: ChatPage, words: str, item: str) -> None:
    row = chat.page.locator(".conversation", has_text=words)
    row.hover()
    row.get_by_role("button", name="Rename, move or delete").click()
    chat.page.get_by_role("menuitem", name=item).click()


def test_back_and_forth_without_loading_the_page(chat: ChatPage) -> None:
    begin(chat, "about tents")
    chat.page.evaluate("window.still = true")
    chat.page.get_by_role("link", name="New chat").first.click()
    expect(chat.page.locator("[data-welcome]")).to_be_visible()
    begin(chat, "about boots")
    chat.page.locator(".conversation a", has_text="about tents").click()
    expect(chat.questions).to_have_count(1)
    expect(chat.questions).to_contain_text("about tents")
    chat.page.go_back()
    expect(chat.questions).to_contain_text("about boots")
    assert chat.page.evaluate("window.still")


def test_renaming_shows_everywhere(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    chat = visitor.chat()
    begin(chat, "about tents")
    other = visitor.chat()
    menu(chat, "about tents", "Rename")
    chat.page.get_by_label("Title").fill("Autumn <b>tents</b>")
    chat.page.get_by_role("button", name="Save").click()
    for page in (chat.page, other.page):
        expect(page.locator(".conversation a").first).to_have_text("Autumn <b>tents</b>")
    expect(chat.page.get_by_role("heading", level=1)).to_have_text("Autumn <b>tents</b>")


def test_deleting_asks_first_and_leaves_every_tab(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    chat = visitor.chat()
    identity = begin(chat, "about tents")
    other = visitor.chat(f"/c/{identity}/")
    menu(chat, "about tents", "Delete")
    chat.page.get_by_role("button", name="Cancel").click()
    expect(chat.page.locator(".conversation")).to_have_count(1)
    menu(chat, "about tents", "Delete")
    chat.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    for each in (chat, other):
        expect(each.page.locator(".conversation")).to_have_count(0)
        expect(each.page.locator("[data-welcome]")).to_be_visible()
        expect(each.page).to_have_url(each.url + "/")
    expect(other.page.get_by_text("This conversation was deleted.")).to_be_visible()


def test_another_persons_conversation_is_not_there(new_visitor: NewVisitor) -> None:
    identity = begin(new_visitor().chat(), "mine alone")
    other = new_visitor().chat(None)
    answer = other.page.goto(f"{other.url}/c/{identity}/")
    assert answer is not None
    assert answer.status == 404
    expect(other.page.locator("body")).not_to_contain_text("mine alone")


def test_a_long_conversation_opens_at_its_end_and_loads_what_is_before(
    site: Site, new_visitor: NewVisitor
) -> None:
    chat = new_visitor().chat()
    identity = begin(chat, "a long story")
    site.processes.script(FILL, str(identity), "130")
    chat.open(f"/c/{identity}/")
    expect(chat.page.get_by_text("Message 129.")).to_be_in_viewport()
    assert chat.page.locator(".message").count() == 50
    log = chat.page.locator("[data-log]")
    log.hover()
    for _screen in range(60):
        chat.page.mouse.wheel(0, -3000)
        chat.page.wait_for_timeout(50)
        if chat.page.locator(".message").count() == 132:
            break
    expect(chat.page.locator(".message")).to_have_count(132)
    numbers = re.findall(r"Message (\d+)\.", chat.page.locator("[data-column]").text_content() or "")
    assert numbers == [str(number) for number in range(130)], "in order, none lost, none twice"


def test_reading_above_is_not_disturbed(chat: ChatPage) -> None:
    chat.ask("[[tokens=900]] First a long one")
    chat.answered()
    chat.ask("[[tokens=200 delay_ms=20]] And now slowly")
    log = chat.page.locator("[data-log]")
    log.hover()
    chat.page.mouse.wheel(0, -2000)
    jump = chat.page.get_by_role("button", name="Jump to latest")
    expect(jump).to_be_visible()
    # until the wheel's own way is over
    before = -1
    while (now := log.evaluate("(log) => log.scrollTop")) != before:
        before = now
        chat.page.wait_for_timeout(400)
    chat.wait_for_text("w150")
    assert log.evaluate("(log) => log.scrollTop") == before
    jump.click()
    expect(jump).to_be_hidden()
    chat.answered(2)
    assert log.evaluate("(log) => log.scrollHeight - log.scrollTop - log.clientHeight") < 3

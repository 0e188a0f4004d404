"""The drawer on an answer, the replay in it, and the line of a summary, as people meet them."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import ChatPage, NewVisitor, Site
from tests.browser.test_access import FIND_FLAWS, FIND_PALE, PHONE
from tests.browser.test_console_prompts import administrator

SUMMARISE = """
import sys
import django
django.setup()
from chatplatform.chat.models import Message
from chatplatform.chat.summaries.services import keep_summary
from chatplatform.common.actors import Actor
from chatplatform.common.scope import all_workspaces, workspace_scope
with all_workspaces("the test knows the id"):
    last = Message.objects.select_related("conversation").get(conversation_id=sys.argv[1], number=2)
with workspace_scope(last.workspace_id):
    keep_summary(last.conversation, last, "They spoke of tents.", first_number=1, messages=2,
                 model="scripted", actor=Actor.system("test"))
"""


def flawless(page: Page) -> None:
    """The drawer and the line of a summary have names, structure and contrast."""
    found = [*page.evaluate(FIND_FLAWS), *page.evaluate(FIND_PALE)]
    assert [flaw for flaw in found if re.search("inside|drawer|gauge|summary", flaw)] == []


def test_looking_inside_while_the_answer_runs_and_after(chat: ChatPage) -> None:
    page = chat.page
    gauge = page.locator('[data-action="inside"]')
    expect(gauge).to_be_hidden()
    chat.ask("How heavy is the tent? [[tokens=150 delay_ms=20]]")
    gauge.click()
    drawer = page.get_by_role("dialog", name="Look inside")
    expect(page.locator("#inside-title")).to_be_focused()
    expect(drawer.locator("[data-runs]")).to_be_attached()
    expect(drawer.get_by_role("row", name=re.compile("Question"))).to_be_visible()
    # live: it ends with the answer, and the gauge says how full the window was
    expect(drawer.locator("[data-runs]")).to_have_count(0)
    expect(drawer.get_by_role("row", name="Answer 150")).to_be_visible()
    expect(gauge).to_contain_text("%")
    drawer.get_by_text("The exact text").click()
    expect(drawer.get_by_text("to the byte")).to_be_visible()
    expect(drawer.locator("pre", has_text="How heavy is the tent?")).to_be_visible()
    expect(drawer.get_by_text("On this machine")).to_be_visible()
    expect(drawer.locator("code", has_text="chat.turn.finished")).to_be_visible()
    expect(drawer.get_by_role("button", name="Replay")).to_have_count(0)
    flawless(page)
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(gauge).to_be_focused()
    assert not chat.reports()
    assert not chat.foreign_requests


def test_a_replay_beside_the_answer_and_a_summary_on_a_phone(new_visitor: NewVisitor, site: Site) -> None:
    visitor = administrator(new_visitor, site, **PHONE)
    chat = visitor.chat()
    page = chat.page
    chat.field.fill("Hello [[tokens=30]]")
    page.get_by_role("button", name="Send").click()
    chat.answered(1)
    chat.last_answer.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Look inside").click()
    drawer = page.get_by_role("dialog", name="Look inside")
    drawer.get_by_role("button", name="Replay").click()
    expect(drawer.get_by_text("Both answers are the same, letter for letter.")).to_be_visible()
    expect(drawer.get_by_role("region", name="Now")).to_have_text(chat.text())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    drawer.get_by_role("button", name="Close").click()

    site.processes.script(SUMMARISE, page.url.rstrip("/").rsplit("/", 1)[1])
    line = chat.last_answer.get_by_text("Earlier messages, summarised (2)")
    line.click()
    expect(chat.last_answer.get_by_text("They spoke of tents.")).to_be_visible()
    flawless(page)
    chat.last_answer.get_by_role("button", name="Delete the summary").click()
    expect(line).to_have_count(0)
    assert not chat.reports()

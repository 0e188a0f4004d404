"""A prompt editor's day: edit, try the draft, release, see it in the chat, take it back."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import ChatPage, NewVisitor, Site, Visitor

PROMOTE = """
import sys
import django
django.setup()
from django.contrib.sessions.models import Session
from chatplatform.accounts.models import Membership, Role
user_id = Session.objects.get(session_key=sys.argv[1]).get_decoded()["_auth_user_id"]
Membership.objects.filter(user_id=user_id).update(role=Role.ADMINISTRATOR)
"""
NARROW: dict[str, object] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


def administrator(new_visitor: NewVisitor, site: Site, **settings_: object) -> Visitor:
    visitor = new_visitor(**settings_)
    cookies = visitor.context.cookies(site.url)
    site.processes.script(PROMOTE, next(one["value"] for one in cookies if one["name"] == "sessionid"))
    return visitor


def page_of(visitor: Visitor, site: Site, path: str) -> Page:
    chat = ChatPage(visitor.context.new_page(), site.url)
    visitor.pages.append(chat)
    chat.page.goto(site.url + path)
    return chat.page


def new_prompt(page: Page, site: Site, name: str, text: str) -> None:
    page.goto(site.url + "/console/prompts/new/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Text").fill(text)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def reports(page: Page) -> list[str]:
    found: list[str] = page.evaluate("window.reports")
    return found


def system_text(site: Site) -> str:
    text: str = site.engine.state()["last_chat"]["messages"][0]["content"]
    return text


def test_edit_test_release_ask_and_roll_back(new_visitor: NewVisitor, site: Site) -> None:
    visitor = administrator(new_visitor, site)
    page = page_of(visitor, site, "/console/prompts/")
    new_prompt(page, site, "Daily", "Answer in one word.")
    # an assistant that speaks it
    page.goto(site.url + "/console/assistants/new/")
    page.get_by_label("Name", exact=True).first.fill("Daily helper")
    page.get_by_label("Prompt").select_option(label="Daily")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The assistant is there for new chats.")).to_be_visible()
    page.get_by_role("link", name="Open its prompt").click()

    # what is written is shown as the model gets it, counted and compared, without a new page
    field = page.get_by_label("Text, from version 1")
    field.fill("Answer in two words.\n[user]\nHow are you?\n[assistant]\nVery well.")
    expect(page.locator("#rendered [data-role=assistant]")).to_contain_text("Very well.")
    expect(page.locator("#prompt-count")).to_contain_text("token")
    page.get_by_text("Difference from production").click()
    expect(page.locator("#difference ins").first).to_have_text("two")

    # the draft answers, and nothing was saved for it
    page.get_by_label("Your question").fill("[[tokens=6]] Hello?")
    page.get_by_role("button", name="Ask", exact=True).click()
    answer = page.locator(".test__message[data-role=assistant]")
    expect(answer.locator("p").first).to_have_text("w0 w1 w2 w3 w4 w5")
    assert system_text(site) == "Answer in two words."

    # a draft lives through a reload
    page.reload()
    expect(field).to_have_value("Answer in two words.\n[user]\nHow are you?\n[assistant]\nVery well.")
    expect(page.get_by_text("Your draft from before is back.")).to_be_visible()

    page.get_by_label("What changed").fill("two words, with an example")
    page.get_by_role("button", name="Save and release…").click()
    page.get_by_role("button", name="Save and release", exact=True).click()
    expect(page.get_by_text("Version 2 is in production now.")).to_be_visible()
    expect(page.get_by_text("Your draft from before is back.")).to_be_hidden()

    chat = visitor.chat()
    chat.page.locator("#assistant").select_option(label="Daily helper")
    chat.ask("[[tokens=2]] one")
    chat.answered()
    assert system_text(site) == "Answer in two words."

    page.get_by_role("link", name="Versions", exact=True).click()
    page.get_by_role("button", name="Roll back to version 1").click()
    page.get_by_role("button", name="Roll back", exact=True).click()
    expect(page.get_by_text("Rolled back: version 1 is in production now.")).to_be_visible()
    chat.ask("[[tokens=2]] two")
    chat.answered(2)
    assert system_text(site) == "Answer in one word."

    # an assistant that is gone is said to be gone, where people chat with it
    page.goto(site.url + "/console/assistants/")
    page.get_by_role("button", name="Archive Daily helper").click()
    expect(page.get_by_text("Archived. Its chats stay readable.")).to_be_visible()
    chat.page.reload()
    expect(chat.page.get_by_text("is no longer available to you")).to_be_visible()
    assert reports(page) == []


def test_a_running_test_can_be_stopped(new_visitor: NewVisitor, site: Site) -> None:
    page = page_of(administrator(new_visitor, site), site, "/console/prompts/")
    new_prompt(page, site, "Stopping", "Answer.")
    page.get_by_label("Your question").fill("[[tokens=2000 delay_ms=20]] Hello?")
    page.keyboard.press("Enter")
    answer = page.locator(".test__message[data-role=assistant]")
    expect(answer.locator(".test__text")).to_contain_text("w3")
    page.get_by_role("button", name="Stop").click()
    expect(answer.locator(".test__figures")).to_have_text("Stopped")
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_visible()


def test_a_question_waits_for_whoever_sends_it(new_visitor: NewVisitor, site: Site) -> None:
    page = page_of(administrator(new_visitor, site), site, "/console/prompts/")
    held: list[Route] = []
    page.route("**/js/prompt_editor*.js", lambda route: held.append(route))
    page.goto(site.url + "/console/prompts/new/")
    page.get_by_label("Name").fill("Early")
    page.get_by_label("Text").fill("Answer.")
    page.get_by_role("button", name="Save").click(no_wait_after=True)
    expect(page.get_by_label("Your question")).to_be_disabled()
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_disabled()
    for route in held:
        route.continue_()
    expect(page.get_by_label("Your question")).to_be_enabled()
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_enabled()


def test_htmx_swaps_under_the_policy_and_nothing_else_may(new_visitor: NewVisitor, site: Site) -> None:
    page = page_of(administrator(new_visitor, site), site, "/console/prompts/")
    new_prompt(page, site, "Policy", "<img src=x onerror='window.pwned = 1'>")
    expect(page.locator("#rendered")).to_contain_text("<img src=x")
    assert page.evaluate("window.pwned ?? null") is None
    refused = page.evaluate(
        "() => { try { document.body.innerHTML = '<b>x</b>'; return '' } catch (error) { return error.name } }"
    )
    assert refused == "TypeError"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", ["wide", "phone"])
def test_pages_fit_and_can_be_looked_at(new_visitor: NewVisitor, site: Site, width: str, theme: str) -> None:
    look: dict[str, object] = {"color_scheme": theme, "locale": "en" if theme == "light" else "zh-CN"}
    visitor = administrator(new_visitor, site, **look, **(NARROW if width == "phone" else {}))
    page = page_of(visitor, site, "/console/prompts/")
    page.locator("table a.table__main").first.click()
    page.wait_for_load_state("networkidle")
    editor = page.url
    folder = Path(settings.BASE_DIR) / "test-results" / "console"
    folder.mkdir(parents=True, exist_ok=True)
    addresses = {
        "prompts": "/console/prompts/",
        "editor": editor.removeprefix(site.url),
        "versions": editor.removeprefix(site.url) + "versions/",
        "compare": editor.removeprefix(site.url) + "compare/",
        "assistants": "/console/assistants/",
        "assistant": "/console/assistants/new/",
    }
    for name, address in addresses.items():
        page.goto(site.url + address)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=folder / f"{name}-{width}-{theme}.png", animations="disabled", caret="hide")
        overflow = page.evaluate(
            "document.querySelector('.page').scrollWidth - document.querySelector('.page').clientWidth"
        )
        assert overflow <= 0, f"{name} is wider than the window"
        assert reports(page) == []

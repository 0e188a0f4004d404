"""A site as a source of a collection: refused, added, stopped, tried again and taken away; on a phone, in the dark."""

from __future__ import annotations

from uuid import uuid4

from playwright.sync_api import expect

from tests.browser.conftest import NewVisitor, Site
from tests.browser.test_access import PHONE, no_flaws
from tests.browser.test_console_knowledge import new_collection
from tests.browser.test_console_prompts import administrator, page_of, reports

LONG = "https://docs.invalid/a-path-that-is-long/and-has-no-place-to-break-it-anywhere-at-all-not-even-here"


def test_a_site_on_its_way(new_visitor: NewVisitor, site: Site) -> None:
    visitor = administrator(new_visitor, site, color_scheme="dark", **PHONE)
    page = page_of(visitor, site, "/console/knowledge/")
    new_collection(page, site, f"Sites {uuid4().hex[:6]}")
    page.get_by_label("This collection").get_by_role("link", name="Web pages").click()
    expect(page.get_by_text("No web pages yet")).to_be_visible()
    expect(page.get_by_label("Pages at most")).to_be_hidden()
    page.get_by_label("Address").focus()
    page.keyboard.type("https://other.invalid/start")
    page.get_by_role("radio", name="The pages that it leads to as well").focus()
    page.keyboard.press("Space")
    page.get_by_label("Only below this path").fill("/docs")
    no_flaws(page)
    page.get_by_role("button", name="Add", exact=True).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("CHATPLATFORM_WEB_PAGE_HOSTS")
    expect(page.get_by_text("other.invalid", exact=True)).to_be_visible()
    expect(page.get_by_label("Only below this path")).to_have_value("/docs")

    page.get_by_label("Address").fill(LONG)
    page.get_by_role("button", name="Add", exact=True).press("Enter")
    expect(page.get_by_text("Added. Its pages are being fetched.")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text=LONG)).to_contain_text("Waiting")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    no_flaws(page)
    page.get_by_role("button", name="Stop").press("Enter")
    expect(page.get_by_role("row").filter(has_text=LONG)).to_contain_text("Fetch it again to go on.")
    page.get_by_role("button", name="Try what failed again").click()
    expect(page.get_by_text("What failed is tried again.")).to_be_visible()
    page.get_by_role("button", name="Remove").click()
    asks = page.get_by_role("dialog", name="Take this address away?")
    asks.get_by_label("Delete its documents too").check()
    asks.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("The address is taken away.")).to_be_visible()
    expect(page.get_by_text("No web pages yet")).to_be_visible()
    assert reports(page) == []

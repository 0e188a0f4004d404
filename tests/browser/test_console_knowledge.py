"""A collection's day: made, filled, looked at, narrowed down and emptied; by keyboard and on a phone."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewVisitor, Site
from tests.browser.test_access import PHONE, no_flaws
from tests.browser.test_console_prompts import administrator, page_of, reports
from tests.browser.test_typing_ahead import held_back

DROP = """([name, text]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([text], name, { type: "text/plain" }));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    document.querySelector("main").dispatchEvent(
      new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }
}"""


def new_collection(page: Page, site: Site, name: str) -> None:
    page.goto(site.url + "/console/knowledge/")
    page.get_by_role("link", name="New collection").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Make the collection").click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


@pytest.fixture
def collection(new_visitor: NewVisitor, site: Site) -> Page:
    page = page_of(administrator(new_visitor, site), site, "/console/knowledge/")
    new_collection(page, site, f"Library {uuid4().hex[:6]}")
    return page


def test_files_are_chosen_dropped_refused_and_deleted(collection: Page, tmp_path: Path) -> None:
    page = collection
    expect(page.get_by_text("No documents yet")).to_be_visible()
    for name, text in (("returns.md", "# Returns\n\nWithin 30 days."), ("shipping.txt", "In two days.")):
        (tmp_path / name).write_text(text)
    (tmp_path / "empty.txt").touch()
    (tmp_path / "again.txt").write_text("In two days.")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    chosen = page.locator("[data-files]")
    chosen.set_input_files([tmp_path / name for name in ("returns.md", "shipping.txt")])
    status = page.locator("[data-uploads] [role=status]")
    expect(status).to_have_text("2 documents added")
    expect(page.locator("[data-row]")).to_have_count(2)
    expect(page.get_by_role("link", name="All 2")).to_be_visible()

    chosen.set_input_files([tmp_path / name for name in ("empty.txt", "again.txt", "picture.png")])
    expect(status).to_have_text("0 documents added · 1 was here already · 2 refused")
    expect(page.locator("[data-problems]")).to_contain_text("empty.txt The file is empty.")
    expect(page.locator("[data-problems] li")).to_have_count(2)
    page.get_by_role("button", name="Close", exact=True).click()
    expect(page.get_by_role("button", name="Choose files")).to_be_focused()

    page.evaluate(DROP, ["dropped.txt", "Let fall here."])
    expect(page.locator("[data-row]")).to_have_count(3)
    expect(page.locator("[data-drop]")).to_be_hidden()

    # ticks outlive the list's being looked at again
    page.get_by_role("checkbox", name="dropped.txt").check()
    page.get_by_role("checkbox", name="shipping.txt").check()
    bar = page.locator("[data-selection]")
    expect(bar).to_contain_text("2 documents selected")
    page.get_by_label("Name of a document").focus()
    with page.expect_response(lambda answer: "part=documents" in answer.url):
        pass
    expect(page.get_by_role("checkbox", name="dropped.txt")).to_be_checked()
    bar.get_by_role("button", name="Delete").click()
    asks = page.get_by_role("dialog", name="Delete these documents?")
    expect(asks).to_contain_text("2 documents selected")
    page.keyboard.press("Escape")
    expect(asks).to_be_hidden()
    bar.get_by_role("button", name="Delete").click()
    asks.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("2 documents deleted.")).to_be_visible()
    expect(page.locator("[data-row]")).to_have_count(1)
    assert reports(page) == []


def test_many_files_are_asked_about_first(collection: Page, tmp_path: Path) -> None:
    page = collection
    files = [tmp_path / f"{number}.txt" for number in range(31)]
    for number, file in enumerate(files):
        file.write_text(f"Article {number}")
    page.locator("[data-files]").set_input_files(files)
    asks = page.get_by_role("dialog", name="Add these documents?")
    expect(asks).to_contain_text("31 files")
    asks.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("No documents yet")).to_be_visible()
    page.locator("[data-files]").set_input_files(files)
    asks.get_by_role("button", name="Add").click()
    expect(page.locator("[data-uploads] [role=status]")).to_have_text("31 documents added", timeout=60_000)
    expect(page.locator("[data-row]")).to_have_count(31)


def test_files_that_are_chosen_before_the_script_is_there_count(collection: Page, tmp_path: Path) -> None:
    page = collection
    (tmp_path / "early.txt").write_text("An early bird.")
    with held_back(page, "knowledge"):
        page.reload(wait_until="commit")
        page.locator("[data-files]").set_input_files(tmp_path / "early.txt")
    row = page.locator("[data-row]")
    expect(row).to_contain_text("early")
    (tmp_path / "late.txt").write_text("Another one.")
    row.get_by_role("link", name="early").click()
    with held_back(page, "knowledge_document"):
        page.reload(wait_until="commit")
        page.locator("[data-file]").set_input_files(tmp_path / "late.txt")
    expect(page.get_by_role("heading", name="late.txt", level=1)).to_be_visible()
    assert reports(page) == []


def test_pairs_are_written_and_a_document_is_opened(collection: Page) -> None:
    page = collection
    page.get_by_role("link", name="Questions and answers").click()
    page.get_by_label("Title").fill("Prices")
    page.get_by_role("button", name="Another pair").click()
    expect(page.get_by_label("Question")).to_have_count(4)
    expect(page.get_by_label("Question").last).to_be_focused()
    page.keyboard.type("Is it free?")
    page.get_by_label("Answer", exact=True).last.fill("Yes.")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="Prices", level=1)).to_be_visible()
    page.get_by_role("link", name="What was read").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog", name="Delete this document?").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("1 document deleted.")).to_be_visible()


def test_who_may_search_is_chosen_by_keyboard(collection: Page) -> None:
    page = collection
    page.get_by_role("link", name="Who may search").click()
    page.get_by_role("radio", name="Chosen people and roles").focus()
    page.keyboard.press("Space")
    page.get_by_label("Support agent").select_option("edit")
    page.get_by_label("Name or e-mail address").focus()
    page.keyboard.type("person3@")
    add = page.get_by_role("button", name="Let person3")
    expect(add).to_be_visible()
    add.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved. It holds from the next question on.")).to_be_visible()
    expect(page.get_by_label("Support agent")).to_have_value("edit")
    expect(page.get_by_role("row").filter(has_text="Person")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_and_in_the_dark(new_visitor: NewVisitor, site: Site, tmp_path: Path, scheme: str) -> None:
    page = page_of(
        administrator(new_visitor, site, color_scheme=scheme, **PHONE), site, "/console/knowledge/"
    )
    new_collection(page, site, f"Pocket {uuid4().hex[:6]}")
    (tmp_path / "a-file-with-quite-a-long-name-and-no-place-to-break-it-anywhere-at-all.txt").write_text(
        "Short."
    )
    page.locator("[data-files]").set_input_files(list(tmp_path.iterdir()))
    expect(page.locator("[data-row]")).to_have_count(1)
    page.locator("input[name=document]").check()
    no_flaws(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for tab in ("Search", "Who may search", "Settings"):
        link = page.get_by_role("link", name=tab, exact=True)
        link.click()
        expect(link).to_have_attribute("aria-current", "true")
        page.wait_for_load_state()
        no_flaws(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), tab

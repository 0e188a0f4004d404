"""A document is cut with other sizes, and another index begun and given up: by keyboard, on a phone, in the dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewVisitor, Site
from tests.browser.test_access import PHONE, no_flaws
from tests.browser.test_console_prompts import administrator, page_of, reports

# a collection with one document that can be found; what its jobs do is done here, with vectors kept nowhere
FILL = """
import django
django.setup()
from chatplatform.accounts.models import Workspace
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.jobs.models import Job
from chatplatform.knowledge.collections import create_collection
from chatplatform.knowledge.documents import add_text
from chatplatform.testing.vector_memory import VectorMemory
from chatplatform.vector_store import configured
from tests.integration.knowledge.at_work import run_jobs
memory = VectorMemory()
configured.ChromaStore = lambda _connection: memory
actor = Actor.system("test")
with workspace_scope(Workspace.objects.order_by("created_at").first().id):
    Job.objects.filter(kind="knowledge.help_centre").delete()  # sixty more texts take long
    made = create_collection("Shelf", actor=actor)
    text = "# Care\\n\\n" + "Dry the tent before it is packed away. " * 40
    document = add_text(made, "Care", text, actor=actor).document_id
    print(made, document)
run_jobs(rounds=4)
"""


@pytest.fixture(scope="module")
def shelf(site: Site) -> tuple[str, str]:
    """The ids of a collection and of its document."""
    collection, document = site.processes.script(FILL).split()[:2]
    return collection, document


def test_a_document_is_cut_and_another_index_begun(
    new_visitor: NewVisitor, site: Site, shelf: tuple[str, str]
) -> None:
    collection, document = shelf
    page = page_of(
        administrator(new_visitor, site, color_scheme="dark", **PHONE),
        site,
        f"/console/knowledge/documents/{document}/",
    )

    def fits() -> None:
        no_flaws(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.get_by_role("link", name="How it is cut").click()
    passages = page.locator("[data-chunks] .passage")
    expect(passages.first).to_contain_text("Dry the tent")
    before = passages.count()
    page.get_by_label("Longest passage").select_option("128")
    page.get_by_role("button", name="Show").click()
    expect(passages.nth(before)).to_be_visible()
    fits()

    page.get_by_role("link", name="Index", exact=True).click()
    expect(page.get_by_role("heading", name="In use")).to_be_visible()
    opener = page.get_by_role("button", name="Index anew…")
    opener.focus()
    page.keyboard.press("Enter")
    asks = page.get_by_role("dialog", name="Index this collection anew?")
    expect(asks.get_by_text("passages ·")).to_have_count(4)
    asks.get_by_role("radio", name="128 tokens").check()
    fits()
    asks.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", name="Being built")).to_be_visible()
    expect(page.get_by_text("0 of 1 documents are in it")).to_be_visible()
    fits()
    page.get_by_role("button", name="Give it up").click()
    page.get_by_role("dialog", name="Give this index up?").get_by_role("button", name="Give it up").click()
    expect(page.get_by_text("Given up. Nothing has changed for search.")).to_be_visible()
    expect(opener).to_be_visible()
    assert page.url.endswith(f"/console/knowledge/{collection}/index/")
    assert reports(page) == []

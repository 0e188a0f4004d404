"""An assistant that answers from documents, as people see it: numbered sources, the passage, what no document says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ChatPage, NewVisitor, Site
from tests.browser.test_console_prompts import administrator, page_of

RIDGE = "The Ridge tent weighs 1.9 kg and sleeps two persons."
# the demo's assistant answers from one collection only; what its jobs do is done here, with vectors kept nowhere: the
# site's own vector store is not running, so it looks words up
FILL = """
import sys
import django
django.setup()
from chatplatform.accounts.models import Workspace
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.jobs.models import Job
from chatplatform.knowledge.collections import create_collection, set_assistant
from chatplatform.knowledge.documents import add_answers
from chatplatform.knowledge.written import Pair
from chatplatform.prompts.models import Assistant
from chatplatform.testing.vector_memory import VectorMemory
from chatplatform.vector_store import configured
from tests.integration.knowledge.at_work import run_jobs
memory = VectorMemory()
configured.ChromaStore = lambda _connection: memory
actor = Actor.system("test")
with workspace_scope(Workspace.objects.order_by("created_at").first().id):
    Job.objects.filter(kind="knowledge.help_centre").delete()  # sixty more texts take long
    made = create_collection("Tents", actor=actor)
    add_answers(made, "The Ridge", [Pair("How heavy is the Ridge?", sys.argv[1])], actor=actor)
    shop = Assistant.objects.get(is_demo=True)
    set_assistant(shop.id, [made], "only", actor=actor)
    print(shop.id)
run_jobs(rounds=4)
"""

EMPTY = """
import django
django.setup()
from chatplatform.accounts.models import Workspace
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.knowledge.collections import set_assistant
from chatplatform.prompts.models import Assistant
with workspace_scope(Workspace.objects.order_by("created_at").first().id):
    set_assistant(Assistant.objects.get(is_demo=True).id, [], actor=Actor.system("test"))
"""


@pytest.fixture(scope="module")
def shop(site: Site) -> Iterator[str]:
    """The id of the assistant that answers from documents, and later does so no more: others share the site."""
    yield site.processes.script(FILL, RIDGE).split()[0]
    site.processes.script(EMPTY)


def asking(new_visitor: NewVisitor, shop: str) -> ChatPage:
    chat = new_visitor().chat()
    chat.page.locator("[data-assistant]").select_option(shop)
    return chat


def test_a_cited_answer_opens_its_passage(new_visitor: NewVisitor, shop: str) -> None:
    chat = asking(new_visitor, shop)
    chat.ask("Ridge tent weighs 1.9 kg, sleeps two persons?")
    assert "The Ridge tent weighs 1.9 kg" in chat.answered(1)
    answer = chat.last_answer
    expect(answer.locator("[data-sources] .source-chip")).to_have_count(1)
    expect(answer.locator("[data-evidence] summary")).to_be_visible()
    answer.locator("[data-body] .citation").first.click()
    expect(chat.page.locator("#sources-panel mark")).to_contain_text(RIDGE)
    chat.page.keyboard.press("Escape")
    answer.locator("[data-evidence] summary").click()
    statements = answer.locator("[data-evidence] li")
    expect(statements).to_have_count(2)
    statements.first.locator("button").click()
    expect(chat.page.locator("#sources-panel")).to_be_visible()
    assert chat.errors == []
    assert chat.foreign_requests == []


def test_a_wrong_answer_is_shown_to_those_who_look_after_the_documents(
    new_visitor: NewVisitor, site: Site, shop: str
) -> None:
    chat = asking(new_visitor, shop)
    question = "Ridge tent weighs 1.9 kg, really two persons?"
    chat.ask(question)
    chat.answered(1)
    dialog = chat.page.get_by_role("dialog", name="Your verdict is noted")
    shows = dialog.get_by_role("checkbox", name="Show my question")
    chat.last_answer.get_by_role("button", name="Good answer").click()
    expect(dialog).to_be_visible()
    expect(shows).to_be_hidden()
    chat.page.keyboard.press("Escape")
    chat.last_answer.get_by_role("button", name="Bad answer").click()
    shows.check()
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    console = page_of(administrator(new_visitor, site), site, "/console/knowledge/gaps/")
    row = console.get_by_role("row").filter(has_text=question)
    expect(row).to_contain_text("The answer was judged to be bad")
    row.get_by_role("link", name=question).click()
    expect(console.get_by_role("checkbox", name="Keep it as a golden question")).to_be_checked()
    assert chat.reports() == []


def test_where_no_document_answers_it_says_so(new_visitor: NewVisitor, shop: str) -> None:
    chat = asking(new_visitor, shop)
    chat.ask("Who painted the lighthouse keeper's grandmother?")
    assert "I don’t know" in chat.answered(1)
    assert chat.errors == []

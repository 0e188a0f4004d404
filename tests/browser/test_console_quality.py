"""Quality of a collection: passages picked out of a search, measured, and looked into; questions that a model proposes,
looked at and decided upon; on a phone in the dark, too."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import NewVisitor, Site
from tests.browser.test_access import no_flaws
from tests.browser.test_console_prompts import administrator, page_of, reports

# no worker and no vector store run beside the site: jobs are done here, with vectors kept nowhere, so words alone are
# looked up
FILL = """
import django
django.setup()
from chatplatform.accounts.models import Workspace
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.jobs.models import Job
from chatplatform.knowledge.collections import create_collection
from chatplatform.knowledge.documents import add_answers
from chatplatform.knowledge.written import Pair
from chatplatform.testing.vector_memory import VectorMemory
from chatplatform.vector_store import configured
from tests.integration.knowledge.at_work import run_jobs
memory = VectorMemory()
configured.ChromaStore = lambda _connection: memory
actor = Actor.system("test")
with workspace_scope(Workspace.objects.order_by("created_at").first().id):
    Job.objects.filter(kind="knowledge.help_centre").delete()  # sixty more texts take long
    made = create_collection("Measured tents", actor=actor)
    add_answers(made, "The Ridge", [Pair("How heavy is the Ridge?", "The Ridge tent weighs 1.9 kg.")], actor=actor)
    add_answers(made, "Postage", [Pair("Who pays for returns?", "We pay the postage.")], actor=actor)
    print(made)
run_jobs(rounds=4)
"""
# each passage tells the engine what to say of it
FILL_TO_PROPOSE = """
import base64
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
    made = create_collection("Proposed tents", actor=actor)
    for title in ("Ridge", "Tarn", "Fell"):
        say = base64.urlsafe_b64encode(f"Who mends a {title}?".encode()).decode()
        text = f"The shop mends every {title} tent that it ever sold, in the yard, for nothing. [[say={say}]]"
        add_text(made, title, text, actor=actor)
    print(made)
run_jobs(rounds=4)
"""
PROPOSE = """
import django
django.setup()
from tests.integration.knowledge.at_work import run_jobs
run_jobs(only=["knowledge.propose"])
"""
MEASURE = """
import django
django.setup()
from chatplatform.testing.vector_memory import VectorMemory
from chatplatform.vector_store import configured
memory = VectorMemory()
configured.ChromaStore = lambda _connection: memory
from tests.integration.knowledge.at_work import run_jobs
run_jobs(only=["knowledge.quality"])
"""


def keep(page: Page, question: str, button: str) -> None:
    page.get_by_label("Question").fill(question)
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("button", name=button).first.press("Enter")
    expect(page.get_by_text("Kept as a golden question")).to_be_visible()


def test_what_a_search_found_is_kept_measured_and_looked_into(new_visitor: NewVisitor, site: Site) -> None:
    collection = site.processes.script(FILL).split()[0]
    place = f"/console/knowledge/{collection}/"
    page = page_of(administrator(new_visitor, site), site, place + "search/")
    keep(page, "How heavy is the Ridge tent?", "This is the right one")
    page.get_by_role("link", name="Quality").click()
    expect(page.get_by_role("row").filter(has_text="How heavy is the Ridge tent?")).to_contain_text(
        "The Ridge"
    )

    page.get_by_role("link", name="New golden question").click()
    page.get_by_label("Question", exact=True).fill("Does the Ridge tent weigh 1.9 kg?")
    page.get_by_label("Document that answers it").select_option(label="Postage")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Measure now").click()
    expect(page.get_by_role("progressbar", name="Being measured")).to_be_visible()
    site.processes.script(MEASURE)
    expect(page.get_by_role("heading", name="Latest figures")).to_be_visible()
    expect(page.get_by_role("progressbar", name="Being measured")).to_have_count(0)
    expect(page.locator("dl.figures")).to_contain_text("Right passage first")

    page.get_by_role("region", name="What went wrong").get_by_role(
        "link", name="Does the Ridge tent weigh 1.9 kg?"
    ).click()
    expect(page.get_by_role("region", name="What has to be found")).to_contain_text("Postage")
    expect(page.locator(".passage").first).to_contain_text("The Ridge tent weighs 1.9 kg.")
    miss = page.url
    assert reports(page) == []

    page.set_viewport_size({"width": 360, "height": 740})
    page.emulate_media(color_scheme="dark")
    for address in (miss, site.url + place + "quality/questions/", site.url + place + "quality/"):
        page.goto(address)
        no_flaws(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_proposed_questions_come_while_one_types_and_are_decided_upon_by_keyboard(
    new_visitor: NewVisitor, site: Site
) -> None:
    collection = site.processes.script(FILL_TO_PROPOSE).split()[0]
    page = page_of(administrator(new_visitor, site), site, f"/console/knowledge/{collection}/quality/")
    region = page.get_by_role("region", name="Proposed questions")
    questions = region.get_by_label("Question", exact=True)
    expect(region).to_contain_text("No proposed question waits for you.")
    progress = page.get_by_role("progressbar", name="Questions are being proposed")
    for number in (1, 2):
        region.get_by_label("Passages").fill(str(number))
        region.get_by_role("button", name="Propose questions").press("Enter")
        expect(progress).to_be_visible()
        if number == 2:
            questions.first.fill("Typed meanwhile?")
        site.processes.script(PROPOSE)
        expect(progress).to_have_count(0)
    expect(questions).to_have_count(3)
    expect(questions.first).to_have_value("Typed meanwhile?")
    expect(questions.first).to_be_focused()
    expect(region).to_contain_text("2 questions proposed")

    page.keyboard.press("Tab")  # the document
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    kept = region.get_by_role("status").filter(has_text="Kept as a golden question")
    expect(kept).to_be_focused()
    golden = page.get_by_role("region", name="Golden questions")
    expect(golden.get_by_role("link", name="Typed meanwhile?")).to_be_visible()
    expect(page.get_by_role("button", name="Measure now")).to_be_visible()
    page.keyboard.press("Tab")
    expect(questions.first).to_be_focused()
    for _step in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(region.get_by_role("status").filter(has_text="It is not proposed again.")).to_be_focused()
    expect(questions).to_have_count(1)
    page.keyboard.press("Tab")
    expect(region.get_by_role("status")).to_have_count(0)
    expect(questions).to_be_focused()
    assert reports(page) == []

    page.set_viewport_size({"width": 360, "height": 740})
    page.emulate_media(color_scheme="dark")
    page.reload()
    no_flaws(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

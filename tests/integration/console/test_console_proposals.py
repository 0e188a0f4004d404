"""Proposed golden questions in the console: begun, looked at while they come, accepted, changed and rejected."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from pytest_django.fixtures import Settings

from chatplatform.accounts.models import Role
from chatplatform.common.clock import now
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.jobs.models import Job
from chatplatform.jobs.services import cancel
from chatplatform.knowledge.documents import add_text
from chatplatform.knowledge.quality import proposal_queries, queries
from chatplatform.knowledge.quality.models import ProposalRun
from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.vector_memory import VectorMemory
from chatplatform.vector_store import configured
from tests.integration.console.test_console_knowledge import actor, address, make
from tests.integration.knowledge.at_work import run_jobs
from tests.integration.web.conftest import MakePerson, Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"], transaction=True)

TENT = "The Ridge tent weighs 1.9 kg & sleeps two persons, with a porch for their boots."
RETURNS = "Unused goods may be returned within thirty days of the purchase. We pay the postage."
BOOTS = "Boots are to be waxed twice a year, or whatever walks in them gets wet before long."
HEAVY = "How heavy is the <Ridge>?"
POSTAGE = "Who bears the cost of sending something back?"
SCRIPT = [{"when": "Ridge tent weighs", "reply": HEAVY}, {"when": "Unused goods", "reply": POSTAGE}]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def engine(settings: Settings, tmp_path: Path) -> Iterator[ScriptedEngineProcess]:
    script = tmp_path / "script.json"
    script.write_text(json.dumps(SCRIPT))
    engine = ScriptedEngineProcess("--script", str(script))
    settings.LLM_URL = settings.ENCODER_URL = engine.url
    settings.ENGINE_TOKEN = TOKEN
    yield engine
    engine.stop()


@pytest.fixture
def collection(
    owner: Someone,
    engine: ScriptedEngineProcess,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> UUID:
    memory = VectorMemory()
    monkeypatch.setattr(configured, "ChromaStore", lambda _connection: memory)
    settings.KNOWLEDGE_DIR = tmp_path / "knowledge"
    made = make(owner)
    with workspace_scope(owner.workspace.id):
        for title, text in (("Ridge", TENT), ("Returns", RETURNS), ("Boots", BOOTS)):
            add_text(made, title, text, actor=actor(owner))
    run_jobs()
    return made


def proposed(owner: Someone, collection: UUID) -> dict[str, UUID]:
    with workspace_scope(owner.workspace.id):
        return {one.question: one.id for one in proposal_queries.proposals_of(owner.user.id, collection)}


def goldens(owner: Someone, collection: UUID) -> list[str]:
    with workspace_scope(owner.workspace.id):
        return [one.question for one in queries.golden_questions(owner.user.id, collection)]


def test_questions_are_proposed_and_decided_upon_by_a_person(owner: Someone, collection: UUID) -> None:
    page = address(collection, "quality/")
    shown = owner.browser.get(page).text
    assert "No proposed question waits for you." in shown
    assert "data-busy" not in shown
    begin = page + "propose/"
    assert owner.browser.post(begin, {"passages": "10"}).headers["Location"] == page
    shown = owner.browser.get(page, {"part": "measured"}).text
    assert "Questions are being proposed" in shown
    assert "data-busy" in shown
    assert "are being proposed already" in owner.browser.post(begin, {"passages": "10"}, follow=True).text
    run_jobs()
    shown = unescape(owner.browser.get(page).text)
    assert "2 questions proposed · 1 left out" in shown
    for words in (HEAVY, TENT, POSTAGE, RETURNS):
        assert words in shown
    assert HEAVY not in owner.browser.get(page).text, "it is shown as text"
    assert "Measure now" not in shown, "nothing that is proposed is measured"

    found = proposed(owner, collection)
    heavy, postage = (f"{page}proposals/{found[each]}/" for each in (HEAVY, POSTAGE))
    kept = owner.browser.post(heavy, {"act": "accept", "question": "How heavy?"}, headers=HTMX).text
    assert "<html" not in kept
    assert f'data-row="{found[HEAVY]}"' in kept
    for words in ("Kept as a golden question", "How heavy?", "golden-list", "Measure now"):
        assert words in kept
    assert goldens(owner, collection) == ["How heavy?"]
    refused = owner.browser.post(postage, {"act": "accept", "question": "How heavy?"}, headers=HTMX).text
    assert "This question is there already." in refused
    assert "How heavy?</textarea>" in refused, "what was typed stays"
    assert owner.browser.post(postage, {"act": "all"}, headers=HTMX).text.count('role="alert"') == 1
    rejected = owner.browser.post(postage, {"act": "reject"}, headers=HTMX).text
    assert "It is not proposed again." in rejected
    assert "golden-list" not in rejected
    assert proposed(owner, collection) == {}
    assert owner.browser.post(postage, {"act": "reject"}, headers=HTMX).status_code == 404
    assert goldens(owner, collection) == ["How heavy?"]
    owner.browser.post(begin, {"passages": "10"})
    run_jobs()
    assert "0 questions proposed · 1 left out" in owner.browser.get(page).text


def test_without_scripts_the_page_comes_again(owner: Someone, collection: UUID) -> None:
    page = address(collection, "quality/")
    owner.browser.post(page + "propose/", {"passages": "10"})
    run_jobs()
    found = proposed(owner, collection)
    heavy, postage = (f"{page}proposals/{found[each]}/" for each in (HEAVY, POSTAGE))
    told = owner.browser.post(heavy, {"act": "accept", "question": " "}, follow=True).text
    assert "Write the question first." in told
    assert (
        "Kept as a golden question"
        in owner.browser.post(heavy, {"act": "accept", "question": HEAVY}, follow=True).text
    )
    assert "Rejected." in owner.browser.post(postage, {"act": "reject"}, follow=True).text
    assert goldens(owner, collection) == [HEAVY]


def test_beginning_leaves_the_page_as_it_is(owner: Someone, collection: UUID) -> None:
    begin = address(collection, "quality/propose/")
    for said in ("", "0", "51", "-1", "²", "99999999999"):
        answer = owner.browser.post(begin, {"passages": said}, headers=HTMX)
        assert answer.status_code == 204
        assert "1 to 50 passages" in json.loads(answer.headers["HX-Trigger"])["toast"]
    answer = owner.browser.post(begin, {"passages": "2"}, headers=HTMX)
    assert (answer.status_code, json.loads(answer.headers["HX-Trigger"])) == (204, {"look-again": ""})


def test_why_it_failed_is_said(owner: Someone, collection: UUID, engine: ScriptedEngineProcess) -> None:
    page = address(collection, "quality/")
    owner.browser.post(page + "propose/", {"passages": "10"})
    with workspace_scope(owner.workspace.id):
        job_id = ProposalRun.objects.get().job_id
        assert job_id is not None
        cancel(job_id, actor=actor(owner))
    assert "It was stopped before it came to its end." in owner.browser.get(page).text
    engine.kill()
    owner.browser.post(page + "propose/", {"passages": "10"})
    run_jobs(rounds=1)
    shown = owner.browser.get(page).text
    assert "See under Models" in shown
    assert "Questions are being proposed" in shown, "it is tried again"
    for _attempt in range(4):
        with all_workspaces("test"):
            Job.objects.update(available_at=now())
        run_jobs(rounds=1)
    shown = owner.browser.get(page).text
    assert "See under Models" in shown
    assert "Questions are being proposed" not in shown


def test_readers_see_nothing_of_it(owner: Someone, collection: UUID, make_person: MakePerson) -> None:
    agent = make_person(Role.SUPPORT_AGENT)
    page = address(collection, "quality/")
    owner.browser.post(page + "propose/", {"passages": "10"})
    run_jobs()
    one = proposed(owner, collection)[HEAVY]
    assert "Proposed questions" not in agent.browser.get(page).text
    assert agent.browser.post(page + "propose/", {"passages": "10"}).status_code == 403
    assert agent.browser.post(f"{page}proposals/{one}/", {"act": "reject"}).status_code == 403
    elsewhere = address(make(owner, "Other"), f"quality/proposals/{one}/")
    for there in (elsewhere, f"{page}proposals/{uuid4()}/"):
        assert owner.browser.post(there, {"act": "reject"}).status_code == 404
    assert one in proposed(owner, collection).values()

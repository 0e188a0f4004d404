"""Quality of a collection in the console: golden questions written and brought, a run begun, its misses looked at."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from chatplatform.accounts.models import Role
from chatplatform.common.scope import workspace_scope
from chatplatform.knowledge.documents import add_text
from chatplatform.knowledge.models import Collection, Document, Index
from chatplatform.knowledge.quality import queries
from chatplatform.knowledge.quality.models import GoldenQuestion, QualityRun
from chatplatform.knowledge.quality.queries import GoldenView
from chatplatform.knowledge.retrieval import Passage, Retrieved, Score, Timings
from tests.integration.console.test_console_knowledge import actor, address, make
from tests.integration.knowledge.at_work import run_jobs
from tests.integration.web.conftest import MakePerson, Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"], transaction=True)


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> None:
    settings.KNOWLEDGE_DIR = tmp_path / "knowledge"


@pytest.fixture
def collection(owner: Someone) -> UUID:
    """With two documents and an index that nothing was put into."""
    made = make(owner)
    with workspace_scope(owner.workspace.id):
        for title in ("Returns", "Shipping"):
            add_text(made, title, f"All about {title}.", actor=actor(owner))
        index = Index.objects.create(
            workspace_id=owner.workspace.id, collection_id=made, state=Index.State.LIVE
        )
        Collection.objects.filter(id=made).update(live_index=index)
    return made


def documents(owner: Someone) -> dict[str, UUID]:
    with workspace_scope(owner.workspace.id):
        return {
            title: next(row.id for row in Document.objects.all() if row.size == len(f"All about {title}."))
            for title in ("Returns", "Shipping")
        }


def goldens(owner: Someone, collection: UUID) -> list[GoldenView]:
    with workspace_scope(owner.workspace.id):
        return queries.golden_questions(owner.user.id, collection)


def answering(monkeypatch: pytest.MonkeyPatch, collection: UUID, document: UUID, *, sure: bool) -> None:
    """Have every search find one passage of this document."""
    score = Score(0.83, 7.26, 0.5, 0.9, 0.7, 0.8, 0.61)
    passage = Passage(
        uuid4(), document, collection, 0, "Title", "", "", "Found <words>.", "", "", 0, 14, 3, 5, score
    )

    async def found(scope: object, question: str, **_more: object) -> Retrieved:
        return Retrieved((passage,), sure, 0.7, "en", Timings(1, 2, 3, 4, 20))

    monkeypatch.setattr("chatplatform.knowledge.quality.measuring.retrieve", found)


def test_a_question_is_written_changed_and_removed(owner: Someone, collection: UUID) -> None:
    page = address(collection, "quality/")
    assert "No golden questions yet" in owner.browser.get(page).text
    form = page + "questions/"
    shown = owner.browser.get(form).text
    assert "Returns" in shown
    assert "Shipping" in shown
    typed = {"question": "How <long>?", "document": str(documents(owner)["Returns"]), "passage": ""}
    refused = owner.browser.post(form, {**typed, "document": ""})
    assert refused.status_code == 400
    assert "How &lt;long&gt;?" in refused.text
    assert owner.browser.post(form, typed).headers["Location"] == page
    (golden,) = goldens(owner, collection)
    assert "How &lt;long&gt;?" in owner.browser.get(page).text
    assert owner.browser.post(form, typed).status_code == 409
    one = f"{form}{golden.id}/"
    assert f'<option value="{golden.document_id}" selected>' in owner.browser.get(one).text
    owner.browser.post(one, {**typed, "document": "none"})
    assert goldens(owner, collection)[0].is_unanswerable
    elsewhere = address(make(owner, "Other"), f"quality/questions/{golden.id}/")
    assert owner.browser.get(elsewhere).status_code == 404
    owner.browser.post(one + "delete/")
    assert goldens(owner, collection) == []


def test_readers_look_and_change_nothing(owner: Someone, collection: UUID, make_person: MakePerson) -> None:
    agent = make_person(Role.SUPPORT_AGENT)
    page = address(collection, "quality/")
    owner.browser.post(page + "questions/", {"question": "Who?", "document": "none"})
    shown = agent.browser.get(page).text
    assert "Who?" in shown
    assert "Measure now" not in shown
    assert agent.browser.get(page + "questions/").status_code == 403
    for path in ("measure/", "import/", "found/"):
        assert agent.browser.post(page + path, {"question": "x"}).status_code == 403
    assert agent.browser.get(page + "export/").status_code == 403


def test_a_file_is_brought_and_taken(owner: Someone, collection: UUID) -> None:
    page = address(collection, "quality/")
    lines = '{"question": "Who?", "unanswerable": true}\n{"question": "What?", "document": "nothing"}\n'
    file = SimpleUploadedFile("golden.jsonl", lines.encode())
    told = owner.browser.post(page + "import/", {"file": file}, follow=True).text
    assert "1 question added · 1 not taken" in told
    assert "Question 2: There is no such document in this collection." in told
    out = owner.browser.get(page + "export/?form=jsonl")
    assert json.loads(out.text)["question"] == "Who?"
    out = owner.browser.get(page + "export/")
    assert out.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in out.headers["Content-Disposition"]
    assert out.text.splitlines()[1] == "Who?,,,,true"
    assert "no column called question" in owner.browser.post(page + "import/", follow=True).text


def test_runs_are_shown_compared_and_looked_into(
    owner: Someone, collection: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = address(collection, "quality/")
    returns = documents(owner)["Returns"]
    for question, document in (("How long?", str(returns)), ("Who?", "none")):
        owner.browser.post(page + "questions/", {"question": question, "document": document})
    answering(monkeypatch, collection, returns, sure=True)
    owner.browser.post(page + "measure/")
    assert "Being measured" in owner.browser.get(page).text
    assert "is being measured already" in owner.browser.post(page + "measure/", follow=True).text
    run_jobs(only=["knowledge.quality"])
    shown = owner.browser.get(page).text
    assert (
        "Of 1 question with an answer here, 1 find it as the first passage, 1 among the first five." in shown
    )
    assert "Of 1 question that nothing here answers, 0 is refused as it should be." in shown
    assert "Answered, though nothing here does" in shown
    assert "plot-first" not in shown, "one run is no line"

    answering(monkeypatch, collection, documents(owner)["Shipping"], sure=False)
    owner.browser.post(page + "measure/")
    run_jobs(only=["knowledge.quality"])
    part = owner.browser.get(page, {"part": "measured"}).text
    assert "<html" not in part
    assert "plot-first" in part
    assert "Not among the first ten" in part
    assert "worse, was 100 %" in part
    assert "better, was 0 %" in part
    golden = next(each for each in goldens(owner, collection) if each.document_id)
    with workspace_scope(owner.workspace.id):
        latest = QualityRun.objects.order_by("-created_at")[0]
    run = f"{page}runs/{latest.id}/"
    told = owner.browser.get(run).text
    assert "Refused, as it should be" in told
    assert "The measurement before" in told
    one = owner.browser.get(f"{run}{golden.id}/").text
    for words in (
        "How long?",
        "Shipping",
        "61 % sure",
        "0.83",
        "7.3",
        "not there any more",
        "70 % are wanted",
    ):
        assert words in one
    assert owner.browser.get(f"{run}{uuid4()}/").status_code == 404
    other = address(make(owner, "Other"), f"quality/runs/{latest.id}/")
    assert owner.browser.get(other).status_code == 404


def test_a_search_says_what_is_right(owner: Someone, collection: UUID) -> None:
    keep = address(collection, "quality/found/")
    htmx = {"HX-Request": "true"}
    part = owner.browser.post(keep, {"question": "Who?"}, headers=htmx).text
    assert "Kept as a golden question" in part
    assert "<html" not in part
    assert goldens(owner, collection)[0].is_unanswerable
    gone = owner.browser.post(keep, {"question": "Who?", "passage": str(uuid4())}, headers=htmx).text
    assert "This passage is not there any more." in gone
    assert owner.browser.post(keep, {"question": "Who?"}).headers["Location"] == address(
        collection, "quality/"
    )
    with workspace_scope(owner.workspace.id):
        assert GoldenQuestion.objects.count() == 1


def test_the_command_measures_and_tells(
    owner: Someone, collection: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(*words: str) -> str:
        out = StringIO()
        call_command(
            "knowledge",
            "quality",
            "Help centre",
            "--workspace",
            str(owner.workspace.id),
            "--person",
            owner.user.email,
            *words,
            stdout=out,
        )
        return out.getvalue()

    with pytest.raises(CommandError, match="never measured"):
        told()
    owner.browser.post(address(collection, "quality/questions/"), {"question": "Who?", "document": "none"})
    answering(monkeypatch, collection, documents(owner)["Returns"], sure=True)
    assert told("--run").startswith("being measured: ")
    run_jobs(only=["knowledge.quality"])
    out = told()
    assert "refused_rightly: 0.000" in out
    assert "recall_1: -" in out
    assert "wrongly_answered, new: Who?" in out

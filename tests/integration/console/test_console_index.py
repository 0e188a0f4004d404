"""The page of a collection's index: what it tells, what each choice costs, and each act through its form."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from pytest_django.fixtures import Settings

from chatplatform.accounts.models import Role
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.knowledge.collections import create_collection
from chatplatform.knowledge.documents import add_text
from chatplatform.knowledge.models import Document, Index, IndexEntry
from chatplatform.knowledge.quality.by_itself import measure_new_indexes
from chatplatform.knowledge.quality.models import QualityRun
from chatplatform.knowledge.quality.services import Golden, add_question, begin_run
from chatplatform.knowledge.rebuilding import build_anew
from chatplatform.testing.fixtures import ScriptedEngineProcess
from chatplatform.testing.vector_memory import VectorMemory
from chatplatform.vector_store import configured
from tests.integration.knowledge.at_work import run_jobs
from tests.integration.web.conftest import MakePerson, Someone

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])


@pytest.fixture
def library(
    owner: Someone,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scripted_engine: ScriptedEngineProcess,
) -> UUID:
    settings.KNOWLEDGE_DIR = tmp_path / "knowledge"
    memory = VectorMemory()
    monkeypatch.setattr(configured, "ChromaStore", lambda _connection: memory)
    actor = Actor.person(owner.user.id)
    with workspace_scope(owner.workspace.id):
        made = create_collection("Library", actor=actor)
        add_text(made, "Care", "# Care\n\n" + "Dry the tent before it is packed away. " * 60, actor=actor)
        run_jobs()
        Index.objects.update(measured_tokens=100, measured_s=100.0)
    return made


def test_an_index_is_built_used_and_gone_back_from(owner: Someone, library: UUID) -> None:
    page, change = f"/console/knowledge/{library}/index/", f"/console/knowledge/{library}/index/change/"

    def acted(**given: object) -> str:
        answer = owner.browser.post(change, given)
        assert (answer.status_code, answer.headers["Location"]) == (302, page)
        return str(owner.browser.get(page).text)

    shown = owner.browser.get(page).text
    assert "224 tokens" in shown
    assert "Index this collection anew?" in shown
    assert "Go back" not in shown
    estimates = owner.browser.get(page, headers={"HX-Request": "true"}).text
    assert estimates.count("hx-swap-oob") == 4
    assert "passages · about 1" in estimates

    shown = acted(act="build", chunk_tokens="128")
    assert "0 of 1 documents are in it" in shown
    assert "Use it" not in shown
    assert "data-busy" in owner.browser.get(page + "?part=index").text
    assert "It is not ready yet" in acted(act="use")
    with workspace_scope(owner.workspace.id):
        run_jobs()
    shown = owner.browser.get(page).text
    assert "Built, and not in use yet" in shown
    assert "data-busy" not in owner.browser.get(page + "?part=index").text
    with workspace_scope(owner.workspace.id):
        entry = IndexEntry.objects.get(index__state=Index.State.BUILDING)
        IndexEntry.objects.filter(pk=entry.pk).update(state=IndexEntry.State.FAILED)
    assert "1 document could not be put into it" in owner.browser.get(page).text
    with workspace_scope(owner.workspace.id):
        IndexEntry.objects.filter(pk=entry.pk).update(state=IndexEntry.State.DONE)
    shown = acted(act="use")
    assert "The new index answers from now on." in shown
    assert "128 tokens" in shown
    assert "Go back" in shown
    assert "The index before answers again." in acted(act="go_back")
    acted(act="build", chunk_tokens="320")
    shown = acted(act="give_up")
    assert "Given up." in shown
    assert "A chunk has from 64 to 480 tokens." in acted(act="build", chunk_tokens="many")
    assert "That request made no sense" in acted(act="dance")


def test_both_indexes_tell_how_good_they_are_before_one_is_chosen(owner: Someone, library: UUID) -> None:
    page = f"/console/knowledge/{library}/index/"
    actor = Actor.person(owner.user.id)
    with workspace_scope(owner.workspace.id):
        document_id = Document.objects.get(collection=library).id
        add_question(library, Golden("When is the tent dried?", document_id), actor=actor)
        begin_run(library, actor=actor)
        build_anew(library, chunk_tokens=128, actor=actor)
        run_jobs()
    assert measure_new_indexes() == 1
    with workspace_scope(owner.workspace.id):
        run_jobs()
        run_ids = list(QualityRun.objects.values_list("id", flat=True))
    shown = owner.browser.get(page).text
    assert (
        shown.count("Of 1 question with an answer here, 1 find it as the first passage") == len(run_ids) == 2
    )
    assert all(f"quality/runs/{run_id}/" in shown for run_id in run_ids)


def test_another_embedding_model_is_told_of(
    owner: Someone, library: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def another() -> str:
        return "another-encoder"

    assert (
        "The embedding model is another one now"
        not in owner.browser.get(f"/console/knowledge/{library}/index/").text
    )
    monkeypatch.setattr("chatplatform.console.views.knowledge_index.present_encoder", another)
    shown = owner.browser.get(f"/console/knowledge/{library}/index/").text
    assert "The embedding model is another one now: another-encoder." in shown


def test_who_only_reads_sees_it_and_changes_nothing(
    owner: Someone, library: UUID, make_person: MakePerson
) -> None:
    editor = make_person(Role.PROMPT_EDITOR)
    page = f"/console/knowledge/{library}/index/"
    shown = editor.browser.get(page)
    assert "224 tokens" in shown.text
    assert "Index anew" not in shown.text
    assert editor.browser.get(page, headers={"HX-Request": "true"}).status_code == 403
    assert editor.browser.post(page + "change/", {"act": "build", "chunk_tokens": "128"}).status_code == 403
    assert make_person(Role.MEMBER).browser.get(page).status_code == 403

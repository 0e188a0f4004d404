"""A reranker that gives the order of what was found: only where one is named, only of what the person may search, and
never in the way of a search."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django.fixtures import Settings

from chatplatform.accounts.api_tokens import Scope, make_token
from chatplatform.accounts.models import User
from chatplatform.audit.models import AuditEvent
from chatplatform.common.ids import new_id
from chatplatform.common.scope import workspace_scope
from chatplatform.inference.models import ModelCall
from chatplatform.knowledge import collections, documents
from chatplatform.knowledge.models import Chunk
from chatplatform.knowledge.ranking.fusion import Ranked
from chatplatform.knowledge.retrieval import Retrieved, reranking, retrieve
from chatplatform.knowledge.rights import scope_of_collection
from chatplatform.testing.fixtures import ScriptedEngineProcess
from chatplatform.testing.vector_memory import VectorMemory
from chatplatform.usage.models import UsageCounter
from chatplatform.vector_store import configured
from tests.integration.knowledge.at_work import Team, acting, run_jobs, team

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

QUESTION = "How heavy is the Ridge tent?"
# what a text says of its score is what the scripted reranker gives it
TEXTS = {
    "Ridge": "How heavy is the Ridge tent? 1.9 kg. [[relevance=0.2]]",
    "Fjord": "The Fjord has poles of heavy aluminium. [[relevance=0.9]]",
    "Returns": "Unused goods may be returned within thirty days. [[relevance=0.5]]",
}


@pytest.fixture
def people(
    db: None,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scripted_engine: ScriptedEngineProcess,
) -> Iterator[Team]:
    store = VectorMemory()
    monkeypatch.setattr(configured, "ChromaStore", lambda _connection: store)
    settings.KNOWLEDGE_DIR = tmp_path / "knowledge"
    found = team()
    with workspace_scope(found.workspace.id):
        yield found


@pytest.fixture
def reranker(settings: Settings) -> None:
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"reranker": "scripted"})


def made(people: Team, texts: dict[str, str], **wishes: str) -> UUID:
    collection_id = collections.create_collection(
        wishes.pop("name", "Help centre"),
        actor=acting(people.owner),
        **wishes,  # type: ignore[arg-type]
    )
    for title, text in texts.items():
        documents.add_text(collection_id, title, text, actor=acting(people.owner))
    run_jobs()
    return collection_id


def asked(user: User, collection_id: UUID, question: str = QUESTION, most: int = 8) -> Retrieved:
    scope = scope_of_collection(user.id, collection_id)
    return asyncio.run(
        retrieve(scope, question, actor=acting(user), purpose="test.search", most=most, explain=True)
    )


def titles(found: Retrieved) -> list[str]:
    return [passage.title for passage in found.passages]


def test_without_a_name_nothing_is_asked(people: Team, scripted_engine: ScriptedEngineProcess) -> None:
    found = asked(people.member, made(people, TEXTS))
    assert titles(found)[0] == "Ridge"
    assert (found.reranking, found.timings_ms.reranking) == ("off", 0.0)
    assert {one.score.reranked for one in found.passages} == {None}
    assert scripted_engine.state()["reranked"] == 0


def test_the_order_is_the_rerankers_and_all_else_stays(
    people: Team, settings: Settings, scripted_engine: ScriptedEngineProcess
) -> None:
    help_centre = made(people, TEXTS)
    before = {one.title: one for one in asked(people.member, help_centre).passages}
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"reranker": "scripted"})
    found = asked(people.member, help_centre)
    assert titles(found) == ["Fjord", "Returns", "Ridge"]
    assert [one.score.reranked for one in found.passages] == [0.9, 0.5, 0.2]
    assert found.reranking == "done"
    assert found.timings_ms.total >= found.timings_ms.rows >= found.timings_ms.reranking > 0
    for one in found.passages:
        known = before[one.title]
        assert (one.score.fused, one.score.confidence) == (known.score.fused, known.score.confidence)
    sent = scripted_engine.state()["last_rerank"]
    assert sent["query"] == QUESTION
    assert sorted(sent["documents"]) == sorted(TEXTS.values())


def test_the_call_is_cleared_recorded_and_counted_as_the_persons(people: Team, reranker: None) -> None:
    help_centre = made(people, TEXTS)
    asked(people.member, help_centre)
    call = ModelCall.objects.get(kind="reranking")
    assert (call.subject_id, call.purpose, call.priority) == (people.member.id, "test.search", "interactive")
    assert (call.state, call.asked_model) == ("completed", "reranker")
    assert call.prompt_tokens is not None
    assert call.prompt_tokens > 20
    counted = UsageCounter.objects.filter(subject_id=people.member.id)
    assert max(row.tokens_read for row in counted) >= call.prompt_tokens


def test_only_the_first_candidates_are_read_and_the_others_follow(
    people: Team, reranker: None, scripted_engine: ScriptedEngineProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reranking, "RERANKED", 2)
    found = asked(people.member, made(people, TEXTS))
    assert len(scripted_engine.state()["last_rerank"]["documents"]) == 2
    assert sorted(titles(found)) == sorted(TEXTS)
    assert found.passages[0].score.reranked == 0.9
    assert found.passages[-1].score.reranked is None


def test_a_text_that_the_person_may_not_search_is_never_sent(
    people: Team, reranker: None, scripted_engine: ScriptedEngineProcess
) -> None:
    open_to_all = made(people, TEXTS)
    made(people, {"Wages": f"{QUESTION} The wages of everybody."}, name="Wages", access="chosen")
    asked(people.member, open_to_all)
    sent = scripted_engine.state()["last_rerank"]["documents"]
    assert not any("wages" in text for text in sent)
    assert len(sent) == len(TEXTS)


def test_a_text_that_was_deleted_is_never_sent(
    people: Team, reranker: None, scripted_engine: ScriptedEngineProcess
) -> None:
    """Its vector and its words may still be there for a while."""
    help_centre = made(people, TEXTS)
    Chunk.objects.filter(document__size=len(TEXTS["Fjord"].encode())).delete()
    assert titles(asked(people.member, help_centre)) == ["Returns", "Ridge"]
    assert TEXTS["Fjord"] not in scripted_engine.state()["last_rerank"]["documents"]


def test_the_same_words_are_sent_once(
    people: Team, reranker: None, scripted_engine: ScriptedEngineProcess
) -> None:
    again = {f"Ridge {number}": TEXTS["Ridge"] + " " * number for number in range(1, 4)}
    asked(people.member, made(people, {**TEXTS, **again}))
    sent = [text.strip() for text in scripted_engine.state()["last_rerank"]["documents"]]
    assert sent.count(TEXTS["Ridge"]) == 1


def test_one_that_fails_leaves_the_order_as_it_was(people: Team, reranker: None) -> None:
    found = asked(people.member, made(people, TEXTS), f"{QUESTION} [[rerank=error]]")
    assert (titles(found)[0], found.reranking, found.degraded) == ("Ridge", "missed", "")
    assert {one.score.reranked for one in found.passages} == {None}
    assert ModelCall.objects.get(kind="reranking").state == "failed"


def test_one_that_is_slow_is_not_waited_for(
    people: Team,
    reranker: None,
    scripted_engine: ScriptedEngineProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would answer once the test lets go, which it does not."""
    monkeypatch.setattr(reranking, "WAIT_S", 0.5)
    found = asked(people.member, made(people, TEXTS), f"{QUESTION} [[rerank=hold]]")
    assert (titles(found)[0], found.reranking) == ("Ridge", "missed")
    assert found.timings_ms.reranking >= 500
    assert scripted_engine.state()["reranked"] == 1
    assert ModelCall.objects.get(kind="reranking").state == "cancelled"


def test_a_dead_engine_is_told_for_meaning_and_order(
    people: Team, reranker: None, scripted_engine: ScriptedEngineProcess
) -> None:
    help_centre = made(people, TEXTS)
    scripted_engine.kill()
    found = asked(people.member, help_centre)
    assert (titles(found)[0], found.degraded, found.reranking) == ("Ridge", "words_only", "missed")


def test_a_host_that_is_not_permitted_gets_no_text(people: Team, reranker: None, settings: Settings) -> None:
    settings.ENCODER_URL = "http://models.example.org/v1"
    order = [Ranked(new_id(), 0.9, 0.8, None, 1.0, 0.0) for _ in range(2)]
    found = asyncio.run(
        reranking.reordered(
            QUESTION,
            order,
            {one.passage: TEXTS["Ridge"] for one in order},
            person_id=people.member.id,
            workspace_id=people.workspace.id,
            actor=acting(people.member),
            purpose="test.search",
        )
    )
    assert (list(found.order), found.outcome) == (order, "missed")
    assert not ModelCall.objects.filter(kind="reranking").exists()
    refusal = AuditEvent.objects.get(code="privacy.prompt.refused")
    assert "destination_not_permitted" in refusal.details


def test_a_sure_passage_is_not_lost_to_a_reranker_that_does_not_know_it(
    people: Team, settings: Settings
) -> None:
    """Whether an assistant answers at all is decided by what was calibrated."""
    question = "Does the Ridge tent weigh 1.9 kg and sleep two persons?"
    sure = {"Ridge": "The Ridge tent weighs 1.9 kg and sleeps two persons. [[relevance=0.0]]"}
    others = {
        f"Other {number}": f"Chapter {number} is about tents and other things. [[relevance=0.{number}]]"
        for number in range(1, 9)
    }
    help_centre = made(people, {**sure, **others})
    without = asked(people.member, help_centre, question, most=3)
    assert without.is_confident
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"reranker": "scripted"})
    found = asked(people.member, help_centre, question, most=3)
    assert titles(found) == ["Other 8", "Other 7", "Ridge"]
    assert found.is_confident


def test_where_nothing_is_sure_enough_a_reranker_makes_nothing_sure(people: Team, reranker: None) -> None:
    """Its first is given all the same, from further down than what is wanted."""
    found = asked(people.member, made(people, TEXTS), "zebra quantum opera?", most=1)
    assert (titles(found), found.reranking) == (["Fjord"], "done")
    assert not found.is_confident


def test_the_search_page_shows_the_score_and_says_when_it_was_missed(people: Team, reranker: None) -> None:
    help_centre = made(people, TEXTS)
    client = Client()
    client.force_login(people.editor)
    address = f"/console/knowledge/{help_centre}/search/"
    page = client.post(address, {"question": QUESTION}).content.decode()
    assert "Reranker <span>0.90</span>" in page
    assert [part.split("<bdi>")[1].split("<")[0] for part in page.split("passage__title")[1:]] == [
        "Fjord",
        "Returns",
        "Ridge",
    ]
    page = client.post(address, {"question": f"{QUESTION} [[rerank=error]]"}).content.decode()
    assert "The reranker did not answer" in page
    assert "Reranker <span>" not in page


def test_programs_are_told_the_score_and_whether_it_was_used(
    people: Team, settings: Settings, scripted_engine: ScriptedEngineProcess
) -> None:
    help_centre = made(people, TEXTS)
    secret = make_token("CI", [Scope.KNOWLEDGE_READ], expires_at=None, actor=acting(people.editor)).secret

    def told(question: str) -> tuple[str, list[float | None]]:
        answer = Client().post(
            f"/api/knowledge/collections/{help_centre}/search",
            {"question": question},
            content_type="application/json",
            headers={"Authorization": f"Bearer {secret}"},
        )
        assert answer.status_code == 200, answer.content
        found = answer.json()
        return found["reranking"], [item["score"]["reranked"] for item in found["items"]]

    assert told(QUESTION) == ("off", [None] * 3)
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"reranker": "scripted"})
    assert told(QUESTION) == ("done", [0.9, 0.5, 0.2])
    assert told(f"{QUESTION} [[rerank=error]]") == ("missed", [None] * 3)


def test_the_command_says_when_it_was_missed(people: Team, reranker: None) -> None:
    made(people, TEXTS)
    said = StringIO()
    call_command(
        "knowledge", "search", "Help centre", f"{QUESTION} [[rerank=error]]", stdout=StringIO(), stderr=said
    )
    assert "The reranker did not answer" in said.getvalue()

"""Questions in Chinese with an encoder that reads English only: translated once, looked up in both languages, and found
by their own words where nobody translates them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
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
from chatplatform.common.scope import workspace_scope
from chatplatform.inference.models import ModelCall
from chatplatform.knowledge import collections, documents
from chatplatform.knowledge.models import Index
from chatplatform.knowledge.retrieval import Retrieved, calibrations, retrieve, translation
from chatplatform.knowledge.rights import scope_of_collection
from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.vector_memory import VectorMemory
from chatplatform.usage.models import QuotaRule, Unit, Window
from chatplatform.usage.services import QuotaExceeded, set_rule
from chatplatform.vector_store import configured
from tests.integration.api.conftest import ApiClient
from tests.integration.knowledge.at_work import Team, acting, run_jobs, team

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

TEXTS = {
    "Ridge": "The Ridge tent weighs 1.9 kg and sleeps two persons.",
    "Postage": "Unused goods may be returned within thirty days. We pay the postage.",
    "退货": "未使用的商品可在三十天内退货，运费由我们承担。",
    "营业": "店铺周日不营业。",
}
HEAVY, HEAVY_IN_ENGLISH = "双人帐有多重？", "How heavy is the tent for two persons?"
POSTAGE = "退货运费谁承担？"
SCRIPT = {
    HEAVY: HEAVY_IN_ENGLISH,
    POSTAGE: "Who pays the postage, if unused goods are returned within thirty days?",
    "答非所问": "我不知道，请咨询客服人员。",
    "喋喋": "How heavy is the tent, " * 12,
    "沉默": "",
    "只说数": "1.9",
    "有前缀": 'Translation: "How heavy is the tent?"',
}


@pytest.fixture
def start(
    db: None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], ScriptedEngineProcess]]:
    """Starts the engine under the name of an encoder; it translates as the script says."""
    settings.KNOWLEDGE_DIR = tmp_path / "knowledge"
    memory = VectorMemory()
    monkeypatch.setattr(configured, "ChromaStore", lambda _connection: memory)
    script = tmp_path / "script.json"
    script.write_text(json.dumps([{"when": when, "reply": reply} for when, reply in SCRIPT.items()]))
    started = []

    def engine(encoder: str) -> ScriptedEngineProcess:
        process = ScriptedEngineProcess("--model-id", encoder, "--script", str(script))
        settings.LLM_URL = settings.ENCODER_URL = process.url
        settings.ENGINE_TOKEN = TOKEN
        started.append(process)
        return process

    yield engine
    for process in started:
        process.stop()


@pytest.fixture
def engine(start: Callable[[str], ScriptedEngineProcess]) -> ScriptedEngineProcess:
    return start("all-minilm-l6-v2")


@pytest.fixture
def people(db: None) -> Iterator[Team]:
    found = team()
    with workspace_scope(found.workspace.id):
        yield found


def made(people: Team) -> UUID:
    collection_id = collections.create_collection("Help centre", actor=acting(people.owner))
    for title, text in TEXTS.items():
        documents.add_text(collection_id, title, text, actor=acting(people.editor))
    run_jobs()
    return collection_id


def asked(user: User, collection_id: UUID, question: str, **wishes: object) -> Retrieved:
    scope = scope_of_collection(user.id, collection_id)
    return asyncio.run(
        retrieve(scope, question, actor=acting(user), purpose="test.search", **wishes)  # type: ignore[arg-type]
    )


def titles(found: Retrieved) -> list[str]:
    return [passage.title for passage in found.passages]


def purposes() -> list[str]:
    return list(ModelCall.objects.order_by("opened_at").values_list("purpose", flat=True))


def test_a_chinese_question_finds_an_english_passage(people: Team, engine: ScriptedEngineProcess) -> None:
    help_centre = made(people)
    assert Index.objects.get().encoder == "all-minilm-l6-v2"
    found = asked(people.member, help_centre, HEAVY, explain=True)
    assert titles(found)[0] == "Ridge"
    assert (found.language, found.degraded, found.translation) == ("zh", "", HEAVY_IN_ENGLISH)
    best = found.passages[0].score
    assert best.dense is not None
    assert best.dense > 0.3, "near to the translation"
    assert best.coverage > 0.2, "of the translation's words"
    state = engine.state()
    assert state["chats"] == 1
    assert state["last_embeddings"]["input"] == [HEAVY_IN_ENGLISH]
    sent = state["last_chat"]
    assert sent["model"] == "quick"
    assert sent["messages"][-1]["content"] == f"Translate into English: {HEAVY}"
    assert sent["platform_messages"] == len(sent["messages"]) - 1, "all but the question is everybody's"
    assert (sent["temperature"], sent["max_tokens"]) == (0, translation.SAMPLING.max_tokens)


def test_documents_in_both_languages_are_found(people: Team, engine: ScriptedEngineProcess) -> None:
    """What the encoder cannot read is found by the question's own words, and does not stand behind."""
    found = asked(people.member, made(people), POSTAGE)
    assert set(titles(found)[:2]) == {"Postage", "退货"}
    chinese = next(one for one in found.passages if one.title == "退货")
    words = calibrations.WORDS_ONLY.within
    assert chinese.score.coverage > 0.1
    assert chinese.score.confidence == words.confidence(None, chinese.score.coverage), (
        "cosines say nothing of it"
    )
    english = next(one for one in found.passages if one.title == "Postage")
    sure = calibrations.TRANSLATED.within
    assert english.score.confidence == sure.confidence(english.score.dense, english.score.coverage)


def test_it_is_the_persons_call_and_its_words_are_nowhere(
    people: Team, engine: ScriptedEngineProcess
) -> None:
    help_centre = made(people)
    asked(people.member, help_centre, HEAVY)
    call = ModelCall.objects.get(purpose="knowledge.translation")
    assert (call.subject_id, call.actor_id, call.state) == (
        people.member.id,
        str(people.member.id),
        "completed",
    )
    assert call.completion_tokens
    told = " ".join(str(event.details) for event in AuditEvent.objects.all())
    assert "knowledge.translation" in told
    assert "heavy" not in told
    assert "双人帐" not in told


@pytest.mark.parametrize("encoder", ["multilingual-e5-small", "somebodys-own-model"])
def test_an_encoder_that_may_read_chinese_needs_no_translation(
    people: Team, start: Callable[[str], ScriptedEngineProcess], encoder: str
) -> None:
    engine = start(encoder)
    found = asked(people.member, made(people), HEAVY)
    assert (engine.state()["chats"], found.translation, found.degraded) == (0, "", "")
    assert engine.state()["last_embeddings"]["input"] == [HEAVY]


def test_the_same_model_under_its_publishers_name_is_known(
    people: Team, start: Callable[[str], ScriptedEngineProcess]
) -> None:
    start("sentence-transformers/all-MiniLM-L6-v2")
    assert asked(people.member, made(people), HEAVY).translation == HEAVY_IN_ENGLISH


@pytest.mark.parametrize("question", ["How heavy is the Ridge tent?", "1.9", "???"])
def test_what_is_not_in_another_language_is_not_translated(
    people: Team, engine: ScriptedEngineProcess, question: str
) -> None:
    found = asked(people.member, made(people), question)
    assert (engine.state()["chats"], found.translation, found.degraded) == (0, "", "")


def test_words_of_the_question_alone_where_no_model_answers(
    people: Team,
    engine: ScriptedEngineProcess,
    settings: Settings,
    start: Callable[[str], ScriptedEngineProcess],
) -> None:
    help_centre = made(people)
    encoder = settings.ENCODER_URL
    start("all-minilm-l6-v2").kill()
    settings.ENCODER_URL = encoder
    found = asked(people.member, help_centre, POSTAGE)
    assert (titles(found)[0], found.degraded, found.translation) == ("退货", "untranslated", "")
    assert all(one.score.dense is None for one in found.passages), (
        "a vector of what it cannot read says nothing"
    )
    assert asked(people.member, help_centre, "How heavy is the Ridge tent?").degraded == ""


def test_both_wordings_are_searched_for_by_words_where_the_vectors_are_gone(
    people: Team, engine: ScriptedEngineProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    help_centre = made(people)
    monkeypatch.setattr(configured, "ChromaStore", lambda _connection: VectorMemory())
    found = asked(people.member, help_centre, POSTAGE)
    assert set(titles(found)[:2]) == {"Postage", "退货"}
    assert (found.degraded, found.translation) == ("words_only", SCRIPT[POSTAGE])


def test_a_model_that_takes_too_long_is_not_waited_for(
    people: Team, engine: ScriptedEngineProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    help_centre = made(people)
    monkeypatch.setattr(translation, "WAIT_S", 0.5)
    found = asked(people.member, help_centre, f"{POSTAGE} [[hold=1]]")
    assert (titles(found)[0], found.degraded) == ("退货", "untranslated")
    assert ModelCall.objects.get(purpose="knowledge.translation").state == "cancelled"
    engine.release()


@pytest.mark.parametrize("question", ["答非所问", "喋喋", "沉默", "只说数"])
def test_what_is_no_translation_is_not_searched_for(
    people: Team, engine: ScriptedEngineProcess, question: str
) -> None:
    found = asked(people.member, made(people), f"{question}：退货运费由谁承担")
    assert engine.state()["chats"] == 1
    assert (titles(found), found.degraded, found.translation) == (["退货"], "untranslated", "")


def test_what_small_models_put_around_it_is_taken_off(people: Team, engine: ScriptedEngineProcess) -> None:
    found = asked(people.member, made(people), "有前缀：帐篷有多重")
    assert (titles(found)[0], found.translation) == ("Ridge", "How heavy is the tent?")


def test_what_a_question_points_back_to_is_translated_with_it(
    people: Team, engine: ScriptedEngineProcess
) -> None:
    found = asked(people.member, made(people), "那它呢？", history=[HEAVY], explain=True)
    assert found.explained is not None
    assert found.explained.asked == f"那它呢？\n{HEAVY}"
    assert engine.state()["last_chat"]["messages"][-1]["content"].endswith(f"那它呢？ {HEAVY}")
    assert found.translation == HEAVY_IN_ENGLISH


def test_it_can_be_switched_off(people: Team, engine: ScriptedEngineProcess, settings: Settings) -> None:
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"translate_questions": False})
    found = asked(people.member, made(people), POSTAGE)
    assert (titles(found)[0], found.degraded, found.translation) == ("退货", "untranslated", "")
    assert "knowledge.translation" not in purposes()
    assert engine.state()["chats"] == 0


def test_a_limit_of_the_person_holds_for_it(people: Team, engine: ScriptedEngineProcess) -> None:
    help_centre = made(people)
    set_rule(
        subject_kind=QuotaRule.Subject.PERSON,
        subject_id=people.member.id,
        unit=Unit.TOKENS,
        window=Window.DAY,
        limit=0,
        actor=acting(people.owner),
    )
    with pytest.raises(QuotaExceeded):
        asked(people.member, help_centre, HEAVY)
    assert engine.state()["chats"] == 0


def test_the_command_says_what_was_looked_up(people: Team, engine: ScriptedEngineProcess) -> None:
    help_centre = made(people)
    out, said = StringIO(), StringIO()
    call_command("knowledge", "search", str(help_centre), HEAVY, stdout=out, stderr=said)
    assert f"Looked up as: {HEAVY_IN_ENGLISH}" in said.getvalue()
    assert "Ridge" in out.getvalue()
    engine.kill()
    call_command("knowledge", "search", str(help_centre), HEAVY, stdout=out, stderr=said)
    assert "no model translated" in said.getvalue()


def test_page_and_api_say_what_was_looked_up(
    people: Team, engine: ScriptedEngineProcess, settings: Settings
) -> None:
    help_centre = made(people)
    browser = Client()
    browser.force_login(people.owner)
    page = f"/console/knowledge/{help_centre}/search/"
    shown = browser.post(page, {"question": HEAVY}).content.decode()
    assert "Looked up as:" in shown
    assert HEAVY_IN_ENGLISH in shown
    token = make_token("test", {Scope.KNOWLEDGE_READ}, expires_at=None, actor=acting(people.owner))
    api = ApiClient(token.secret)
    address = f"/api/knowledge/collections/{help_centre}/search"
    told = api.send("post", address, {"question": HEAVY}).json()
    assert (told["translation"], told["degraded"], told["items"][0]["title"]) == (
        HEAVY_IN_ENGLISH,
        "",
        "Ridge",
    )
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"translate_questions": False})
    shown = browser.post(page, {"question": HEAVY}).content.decode()
    assert "the question was not translated" in shown
    assert "Looked up as:" not in shown
    told = api.send("post", address, {"question": POSTAGE}).json()
    assert (told["translation"], told["degraded"], told["items"][0]["title"]) == ("", "untranslated", "退货")

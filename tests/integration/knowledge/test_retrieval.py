"""Passages for a question, with a scripted encoder and a store in memory: what is found, how it is scored, and that
rows and rights decide, whatever the stores say."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

import pytest
from pytest_django.fixtures import Settings

from chatplatform.accounts.models import User
from chatplatform.audit.models import AuditEvent
from chatplatform.common.scope import workspace_scope
from chatplatform.inference.models import ModelCall
from chatplatform.knowledge import collections, documents, rights
from chatplatform.knowledge.content import text_of
from chatplatform.knowledge.models import Chunk, Collection, Document, Index
from chatplatform.knowledge.retrieval import Retrieved, calibrations, retrieve
from chatplatform.knowledge.rights import SearchScope, scope_of_collection
from chatplatform.testing.fixtures import ScriptedEngineProcess
from chatplatform.testing.vector_memory import VectorMemory
from chatplatform.vector_store import configured
from tests.integration.knowledge.at_work import Team, acting, run_jobs, team

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

TENTS = {
    "Ridge": "The Ridge tent weighs 1.9 kg and sleeps two persons.",
    "Fjord": "The Fjord tent keeps out the heaviest rain. Its poles are made of aluminium.",
    "Returns": "Unused goods may be returned within thirty days. We pay the postage.",
    "退货": "未使用的商品可在三十天内退货，运费由我们承担。",
}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> VectorMemory:
    memory = VectorMemory()
    monkeypatch.setattr(configured, "ChromaStore", lambda _connection: memory)
    return memory


@pytest.fixture
def people(
    db: None,
    settings: Settings,
    tmp_path: Path,
    store: VectorMemory,
    scripted_engine: ScriptedEngineProcess,
) -> Iterator[Team]:
    settings.KNOWLEDGE_DIR = tmp_path / "knowledge"
    found = team()
    with workspace_scope(found.workspace.id):
        yield found


def made(people: Team, texts: dict[str, str], name: str = "Help centre") -> UUID:
    collection_id = collections.create_collection(name, actor=acting(people.owner))
    for title, text in texts.items():
        documents.add_text(collection_id, title, text, actor=acting(people.editor))
    run_jobs()
    return collection_id


def asked(user: User, scope: SearchScope | UUID, question: str, **wishes: object) -> Retrieved:
    known = scope if isinstance(scope, SearchScope) else scope_of_collection(user.id, scope)
    return asyncio.run(
        retrieve(known, question, actor=acting(user), purpose="test.search", **wishes)  # type: ignore[arg-type]
    )


def titles(found: Retrieved) -> list[str]:
    return [passage.title for passage in found.passages]


def test_the_fitting_passage_comes_first_with_its_place_and_scores(people: Team) -> None:
    help_centre = made(people, TENTS)
    found = asked(people.member, help_centre, "How heavy is the Ridge tent?")
    best = found.passages[0]
    assert (best.title, best.text) == ("Ridge", TENTS["Ridge"])
    assert (best.collection_id, best.number, best.start, best.end) == (help_centre, 0, 0, len(TENTS["Ridge"]))
    assert best.document_id == Chunk.objects.get(id=best.chunk_id).document_id
    assert best.score.dense is not None
    assert best.score.lexical > 0
    assert 0 < best.score.coverage < 1
    assert 0 < best.score.confidence < 1
    assert [one.score.fused for one in found.passages] == sorted(
        (one.score.fused for one in found.passages), reverse=True
    )
    assert (found.language, found.degraded, found.explained) == ("en", "", None)
    assert found.timings_ms.total >= found.timings_ms.meaning >= found.timings_ms.embedding > 0


def test_chinese_questions_find_chinese_passages(people: Team) -> None:
    found = asked(people.member, made(people, TENTS), "退货运费谁承担？")
    assert titles(found)[0] == "退货"
    assert found.language == "zh"


def test_at_most_so_many_as_are_wanted(people: Team) -> None:
    help_centre = made(people, TENTS)
    assert len(asked(people.member, help_centre, "tent", most=2).passages) == 2
    assert asked(people.member, help_centre, "tent", most=0).passages == ()
    assert asked(people.member, help_centre, "   ").passages == ()


def test_what_stands_around_a_passage(people: Team) -> None:
    paragraphs = [
        f"Rule {number}: dry the tent {number} times before you pack it. " * 12 for number in range(8)
    ]
    help_centre = made(people, {"Care": "# Care\n\n" + "\n\n".join(paragraphs)})
    found = asked(people.member, help_centre, "rule 3 dry the tent", most=3)
    text = documents_text(help_centre)
    for one in found.passages:
        row = Chunk.objects.get(id=one.chunk_id)
        assert words(one.before) == words(text[row.parent_start : row.start])
        assert words(one.after) == words(text[row.end : row.parent_end])
        assert one.text == text[one.start : one.end]
    assert any(one.before or one.after for one in found.passages)


def documents_text(collection_id: UUID) -> str:
    return text_of(Document.objects.get(collection_id=collection_id)).text


def words(text: str) -> list[str]:
    return text.split()


def test_several_collections_are_one_order(people: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    tents = made(people, {"Ridge": TENTS["Ridge"]}, "Tents")
    returns = made(people, {"Returns": TENTS["Returns"]}, "Orders")
    both = rights._issue(people.member.id, (tents, returns))
    found = asked(people.member, both, "Who pays the postage when I return the Ridge tent?")
    assert {one.collection_id for one in found.passages} == {tents, returns}
    assert titles(asked(people.member, tents, "postage of returned goods")) == ["Ridge"]


def test_a_scope_that_nobody_issued_finds_nothing(people: Team) -> None:
    with pytest.raises(TypeError):
        asyncio.run(
            retrieve(object(), "tent", actor=acting(people.member), purpose="test")  # type: ignore[arg-type]
        )


def test_rows_decide_whatever_the_stores_say(people: Team, store: VectorMemory) -> None:
    """Vectors and words of what was deleted may still be there for a while; passages of it are not."""
    help_centre = made(people, TENTS)
    index = Index.objects.get()
    vectors = asyncio.run(store.get(index.vectors_name, list(Chunk.objects.values_list("id", flat=True))))
    gone = Chunk.objects.get(document__size=len(TENTS["Ridge"].encode()))
    Chunk.objects.filter(id=gone.id).delete()
    assert gone.id in vectors
    found = asked(people.member, help_centre, "How heavy is the Ridge tent?", explain=True)
    assert "Ridge" not in titles(found)
    assert found.explained is not None
    assert found.explained.without_row == 1


def test_nothing_comes_of_a_collection_that_went_away(people: Team) -> None:
    help_centre = made(people, TENTS)
    scope = scope_of_collection(people.member.id, help_centre)
    collections.delete_collection(help_centre, actor=acting(people.owner))
    assert asked(people.member, scope, "How heavy is the Ridge tent?").passages == ()


def test_vectors_that_lie_in_the_wrong_collection_are_not_shown(people: Team, store: VectorMemory) -> None:
    """As if the store mixed two collections up."""
    open_to_all = made(people, {"Returns": TENTS["Returns"]}, "Orders")
    secret = made(people, {"Wages": "The wages of everybody are kept in this tent."}, "Wages")
    ours, theirs = (Collection.objects.get(id=each).live_index for each in (open_to_all, secret))
    assert ours is not None
    assert theirs is not None

    async def mix() -> None:
        vectors = await store.get(theirs.vectors_name, await store.ids(theirs.vectors_name))
        await store.upsert(ours.vectors_name, list(vectors), list(vectors.values()))

    asyncio.run(mix())
    assert titles(asked(people.member, open_to_all, "wages of everybody")) == ["Returns"]


def test_words_alone_where_the_vector_store_is_down(people: Team, store: VectorMemory) -> None:
    help_centre = made(people, TENTS)
    store.is_down = True
    found = asked(people.member, help_centre, "How heavy is the Ridge tent?")
    assert (titles(found)[0], found.degraded) == ("Ridge", "words_only")
    assert all(one.score.dense is None for one in found.passages)


def test_words_alone_where_the_encoder_is_down(people: Team, scripted_engine: ScriptedEngineProcess) -> None:
    help_centre = made(people, TENTS)
    scripted_engine.kill()
    found = asked(people.member, help_centre, "How heavy is the Ridge tent?")
    assert (titles(found)[0], found.degraded) == ("Ridge", "words_only")


def test_the_question_is_cleared_and_on_record_as_the_persons(people: Team) -> None:
    help_centre = made(people, TENTS)
    before = ModelCall.objects.count()
    asked(people.member, help_centre, "a very private question")
    (call,) = ModelCall.objects.order_by("-opened_at")[: ModelCall.objects.count() - before]
    assert (call.purpose, call.subject_id) == ("test.search", people.member.id)
    assert not any("private" in event.details for event in AuditEvent.objects.all())


def test_a_question_that_points_back_is_looked_up_with_the_one_before(people: Team) -> None:
    help_centre = made(people, TENTS)
    found = asked(
        people.member, help_centre, "And how heavy is it?", history=["Tell me of the Ridge"], explain=True
    )
    assert titles(found)[0] == "Ridge"
    assert found.explained is not None
    assert found.explained.asked == "And how heavy is it?\nTell me of the Ridge"
    fresh = asked(
        people.member,
        help_centre,
        "Who pays the postage of returns?",
        history=["Tell me of the Ridge"],
        explain=True,
    )
    assert fresh.explained is not None
    assert fresh.explained.asked == "Who pays the postage of returns?"


def test_the_same_words_are_found_once(people: Team) -> None:
    texts = {f"Ridge {number}": TENTS["Ridge"] + " " * number for number in range(3)}
    help_centre = made(people, {**texts, "Fjord": TENTS["Fjord"]})
    found = asked(people.member, help_centre, "How heavy is the Ridge tent?")
    assert [one.text.strip() for one in found.passages].count(TENTS["Ridge"]) == 1


def test_a_passage_that_words_alone_have_found_has_a_cosine_too(people: Team, store: VectorMemory) -> None:
    help_centre = made(people, TENTS)
    nearest = store.nearest

    async def lacks_one(name: str, vector: Sequence[float], most: int) -> list[object]:
        return [near for near in await nearest(name, vector, most) if near.id != ridge]

    ridge = Chunk.objects.get(document__size=len(TENTS["Ridge"].encode())).id
    store.nearest = lacks_one  # type: ignore[method-assign,assignment]
    found = asked(people.member, help_centre, "How heavy is the Ridge tent?")
    passage = next(one for one in found.passages if one.chunk_id == ridge)
    assert passage.score.dense is not None
    assert math.isfinite(passage.score.dense)


def test_an_index_without_vectors_does_not_take_the_others_along(people: Team, store: VectorMemory) -> None:
    tents = made(people, {"Ridge": TENTS["Ridge"]}, "Tents")
    returns = made(people, {"Returns": TENTS["Returns"]}, "Orders")
    index = Collection.objects.get(id=returns).live_index
    assert index is not None
    asyncio.run(store.drop(index.vectors_name))
    found = asked(people.member, rights._issue(people.member.id, (tents, returns)), "postage and Ridge")
    assert set(titles(found)) == {"Ridge", "Returns"}
    assert found.degraded == ""


def test_vectors_of_another_model_are_left_alone(people: Team) -> None:
    """They have the same length, and mean something else."""
    help_centre = made(people, TENTS)
    Index.objects.update(encoder="another-model")
    found = asked(people.member, help_centre, "How heavy is the Ridge tent?")
    assert (titles(found)[0], found.degraded) == ("Ridge", "words_only")


def test_how_sure_it_is_goes_by_the_language_of_a_passage(people: Team) -> None:
    measured = calibrations.measured("multilingual-e5-small")
    assert measured.of("en", TENTS["Ridge"]) is measured.within
    assert measured.of("zh", TENTS["Ridge"]) is measured.across
    sure, unsure = measured.within.confidence(0.9, 0.5), measured.within.confidence(0.82, 0.1)
    assert sure > measured.within.threshold > unsure
    found = asked(people.member, made(people, TENTS), "How heavy is the Ridge tent that sleeps two persons?")
    assert found.is_confident
    assert not asked(people.member, made(people, TENTS, "Again"), "zebra quantum opera?").is_confident


def test_words_alone_where_the_store_lost_its_vectors(people: Team, store: VectorMemory) -> None:
    help_centre = made(people, TENTS)
    name = Index.objects.get().vectors_name
    asyncio.run(store.drop(name))
    found = asked(people.member, help_centre, "How heavy is the Ridge tent?")
    assert (titles(found)[0], found.degraded) == ("Ridge", "words_only")
    assert asked(people.member, help_centre, "zebra quantum").degraded == ""

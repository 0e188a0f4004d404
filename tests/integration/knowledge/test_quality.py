"""Golden questions and runs over them: written, carried over, measured, compared, and gone with what they are about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings as site
from pytest_django.fixtures import Settings

from chatplatform.audit.models import AuditEvent
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput, NotAllowed, NotFound
from chatplatform.common.scope import workspace_scope
from chatplatform.inference.models import ModelCall
from chatplatform.jobs.models import Job
from chatplatform.jobs.services import cancel
from chatplatform.knowledge import collections, document_acts, documents, rebuilding
from chatplatform.knowledge.models import Chunk, Collection, Document, Index
from chatplatform.knowledge.quality import by_itself, exchange, measuring, queries, services
from chatplatform.knowledge.quality.models import GoldenPlace, GoldenQuestion, QualityAnswer, QualityRun
from chatplatform.knowledge.quality.services import Golden
from chatplatform.testing.fixtures import ScriptedEngineProcess
from chatplatform.testing.vector_memory import VectorMemory
from chatplatform.vector_store import configured
from tests.integration.knowledge.at_work import Team, acting, run_jobs, team

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

TEXTS = {
    "Ridge": "The Ridge tent weighs 1.9 kg and sleeps two persons.",
    "Returns": "Unused goods may be returned within thirty days. We pay the postage.",
    "退货": "未使用的商品可在三十天内退货，运费由我们承担。",
}
HEAVY = "How heavy is the Ridge tent that sleeps two persons?"
POSTAGE = "退货运费由我们承担吗？"
NOBODY_KNOWS = "Zymurgy quokka?"


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> VectorMemory:
    memory = VectorMemory()
    monkeypatch.setattr(configured, "ChromaStore", lambda _connection: memory)
    return memory


@pytest.fixture
def people(db: None, settings: Settings, tmp_path: Path) -> Iterator[Team]:
    settings.KNOWLEDGE_DIR = tmp_path / "knowledge"
    found = team()
    with workspace_scope(found.workspace.id):
        yield found


@pytest.fixture
def unread(people: Team) -> UUID:
    """A collection whose documents still wait to be read."""
    collection_id = collections.create_collection("Help centre", actor=acting(people.owner))
    for title, text in TEXTS.items():
        documents.add_text(collection_id, title, text, actor=acting(people.editor))
    return collection_id


@pytest.fixture
def help_centre(unread: UUID, scripted_engine: ScriptedEngineProcess) -> UUID:
    run_jobs()
    return unread


def document(title: str) -> UUID:
    return next(row.id for row in Document.objects.all() if row.size == len(TEXTS[title].encode()))


def write(people: Team, collection_id: UUID, question: str, title: str = "", passage: str = "") -> UUID:
    golden = Golden(question, document(title) if title else None, passage, is_unanswerable=not title)
    return services.add_question(collection_id, golden, actor=acting(people.editor))


def three(people: Team, collection_id: UUID) -> tuple[UUID, UUID, UUID]:
    return (
        write(people, collection_id, HEAVY, "Ridge", "weighs 1.9 kg"),
        write(people, collection_id, POSTAGE, "退货"),
        write(people, collection_id, NOBODY_KNOWS),
    )


def run(people: Team, collection_id: UUID, index_id: UUID | None = None) -> UUID:
    made = services.begin_run(collection_id, index_id=index_id, actor=acting(people.editor))
    run_jobs()
    return made


# --- golden questions ---


def test_a_question_is_written_changed_and_removed(people: Team, unread: UUID) -> None:
    made = write(people, unread, HEAVY, "Ridge", "weighs  1.9 KG")
    view = queries.golden_question(people.member.id, made)
    assert (view.question, view.document, view.passage) == (HEAVY, "Ridge", "weighs  1.9 KG")
    with pytest.raises(Conflict):
        write(people, unread, HEAVY.upper() + "??", "Returns")
    services.change_question(
        made, Golden("Who pays the postage?", document("Returns")), actor=acting(people.editor)
    )
    (view,) = queries.golden_questions(people.member.id, unread)
    assert (view.question, view.document, view.passage) == ("Who pays the postage?", "Returns", "")
    services.change_question(made, Golden(HEAVY, is_unanswerable=True), actor=acting(people.editor))
    view = queries.golden_question(people.member.id, made)
    assert (view.is_unanswerable, view.document_id, view.has_lost_document) == (True, None, False)
    services.remove_question(made, actor=acting(people.editor))
    assert queries.golden_questions(people.member.id, unread) == []
    codes = AuditEvent.objects.filter(code__startswith="knowledge.golden.").values_list("code", flat=True)
    assert sorted(codes) == ["knowledge.golden.removed", *["knowledge.golden.saved"] * 3]


@pytest.mark.parametrize(
    ("golden", "code"),
    [
        (Golden(" ", is_unanswerable=True), "golden_empty"),
        (Golden("x" * 2_001, is_unanswerable=True), "golden_too_long"),
        (Golden(HEAVY), "golden_without_place"),
        (Golden(HEAVY, UUID(int=7)), "golden_without_place"),
    ],
)
def test_what_says_nothing_is_refused(people: Team, unread: UUID, golden: Golden, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        services.add_question(unread, golden, actor=acting(people.editor))
    assert refused.value.code == code


def test_a_passage_has_to_stand_in_the_document(people: Team, help_centre: UUID) -> None:
    with pytest.raises(InvalidInput) as refused:
        write(people, help_centre, HEAVY, "Ridge", "weighs 2.9 kg")
    assert refused.value.code == "golden_passage_not_there"


def test_who_may_not_change_documents_only_reads(people: Team, unread: UUID) -> None:
    made = write(people, unread, HEAVY, "Ridge")
    reader = acting(people.member)
    for act in (
        lambda: services.add_question(unread, Golden("Why?", is_unanswerable=True), actor=reader),
        lambda: services.remove_question(made, actor=reader),
        lambda: services.begin_run(unread, actor=reader),
        lambda: exchange.export_questions(unread, "csv", actor=reader),
        lambda: exchange.import_questions(unread, b"{}", actor=reader),
    ):
        with pytest.raises(NotAllowed):
            act()
    collections.set_access(unread, Collection.Access.CHOSEN, [], actor=acting(people.owner))
    for look in (
        lambda: queries.golden_question(people.member.id, made),
        lambda: queries.runs_of(people.member.id, unread),
    ):
        with pytest.raises(NotFound):
            look()


def test_nothing_of_another_workspace_is_there(people: Team, help_centre: UUID) -> None:
    three(people, help_centre)
    made = run(people, help_centre)
    strangers = team("Elsewhere")
    with workspace_scope(strangers.workspace.id):
        assert not GoldenQuestion.objects.exists()
        for look in (queries.run_view, queries.results_of):
            with pytest.raises(NotFound):
                look(strangers.owner.id, made)


def test_words_are_sealed(people: Team, help_centre: UUID) -> None:
    made = write(people, help_centre, HEAVY, "Ridge", "weighs 1.9 kg")
    run(people, help_centre)
    rows = [
        *GoldenQuestion.objects.values(),
        *GoldenPlace.objects.values(),
        *QualityRun.objects.values(),
        *QualityAnswer.objects.values(),
        *AuditEvent.objects.values(),
    ]
    assert any(row.get("question_id") == made for row in rows)
    assert "ridge" not in repr(rows).lower()
    assert "weighs" not in repr(rows).lower()
    name = str(site.DATABASES["default"]["NAME"])
    if Path(name).is_file():
        assert b"weighs 1.9" not in Path(name).read_bytes()


# --- out and in ---


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_what_was_exported_is_imported_again(people: Team, unread: UUID, form: exchange.Form) -> None:
    three(people, unread)
    write(people, unread, "=1+1 days?\nOr two?", "Returns", TEXTS["Returns"])
    before = [(one.question, one.document_id, one.passage) for one in _sorted(people, unread)]
    told = exchange.export_questions(unread, form, actor=acting(people.editor)).encode()
    same = exchange.import_questions(unread, told, actor=acting(people.editor))
    assert (same.added, same.changed, same.unchanged, same.refused) == (0, 0, 4, 0)
    GoldenQuestion.objects.all().delete()
    again = exchange.import_questions(unread, told, actor=acting(people.editor))
    assert (again.added, again.refused) == (4, 0)
    assert [(one.question, one.document_id, one.passage) for one in _sorted(people, unread)] == before
    assert AuditEvent.objects.filter(code="knowledge.golden.exported").count() == 1


def _sorted(people: Team, collection_id: UUID) -> list[queries.GoldenView]:
    return sorted(queries.golden_questions(people.member.id, collection_id), key=lambda one: one.question)


def test_lines_that_make_no_sense_are_told(people: Team, unread: UUID) -> None:
    lines = (
        '{"question": "How heavy?", "document": "ridge"}\n'
        '{"question": "Who?", "document": "None"}\n'
        "not json\n"
        '["a list"]\n'
        '{"question": 7, "unanswerable": true}\n'
        '{"question": "How heavy?", "unanswerable": true}\n'
    )
    done = exchange.import_questions(unread, lines.encode(), actor=acting(people.editor))
    assert (done.added, done.changed, done.refused) == (1, 1, 4)
    assert [number for number, _why in done.problems] == [2, 3, 4, 5]
    for data in (b"\xff\xfe", b"a,b\n1,2\n", b"x" * (exchange.MOST_BYTES + 1)):
        with pytest.raises(InvalidInput):
            exchange.import_questions(unread, data, actor=acting(people.editor))


# --- runs ---


def test_a_run_says_how_good_the_search_is(people: Team, help_centre: UUID) -> None:
    ridge, postage, nobody = three(people, help_centre)
    made = run(people, help_centre)
    view = queries.run_view(people.member.id, made)
    assert (view.state, view.words_only, view.is_by_itself) == ("done", 0, False)
    figures = view.figures
    assert figures is not None
    assert (figures.questions, figures.unanswerable) == (3, 1)
    assert (figures.recall_1, figures.recall_10, figures.mrr, figures.ndcg_10) == (1, 1, 1, 1)
    assert figures.median_ms is not None
    assert figures.median_ms > 0
    results = {one.golden.id: one for one in queries.results_of(people.member.id, made)}
    assert (results[ridge].rank, results[postage].rank, results[nobody].rank) == (1, 1, None)
    assert results[nobody].verdict in {"rightly_refused", "wrongly_answered"}
    assert figures.refused_rightly == float(results[nobody].is_refused)
    assert figures.refused_wrongly == sum(results[each].is_refused for each in (ridge, postage)) / 2
    assert all(one.change == "new" for one in results.values())
    assert queries.figures_of(view.index_id) == view
    call = ModelCall.objects.order_by("-opened_at")[0]
    assert (call.purpose, call.subject_id) == ("knowledge.quality", people.editor.id)


def test_a_miss_shows_what_was_found_instead(people: Team, help_centre: UUID) -> None:
    miss = write(people, help_centre, HEAVY, "Returns", "We pay the postage.")
    made = run(people, help_centre)
    result, found = queries.result_of(people.member.id, made, miss)
    right = next(one for one in found if one.is_right)
    assert (result.rank, right.title) == (right.rank, "Returns")
    assert found[0].title == "Ridge"
    assert found[0].text == TEXTS["Ridge"]
    assert found[0].score.fused >= found[-1].score.fused
    Chunk.objects.filter(document_id=document("Ridge")).delete()
    _result, found = queries.result_of(people.member.id, made, miss)
    assert found[0].text is None, "what was deleted is in no run"


def test_two_runs_are_compared(people: Team, help_centre: UUID) -> None:
    asked = write(people, help_centre, HEAVY, "Ridge")
    first = run(people, help_centre)
    services.change_question(asked, Golden(HEAVY, document("Returns")), actor=acting(people.editor))
    second = run(people, help_centre)
    (worse,) = queries.results_of(people.member.id, second)
    assert (worse.change, worse.before) == ("worse", 1)
    before = queries.run_before(people.member.id, second)
    assert before is not None
    assert before.id == first
    assert queries.run_before(people.member.id, first) is None
    services.change_question(asked, Golden(HEAVY, document("Ridge")), actor=acting(people.editor))
    (better,) = queries.results_of(people.member.id, run(people, help_centre))
    assert better.change == "better"


def test_without_vectors_the_run_says_so(people: Team, help_centre: UUID, store: VectorMemory) -> None:
    write(people, help_centre, HEAVY, "Ridge")
    store.is_down = True
    view = queries.run_view(people.member.id, run(people, help_centre))
    assert (view.state, view.words_only) == ("done", 1)


def test_a_run_goes_on_where_it_stopped(
    people: Team, help_centre: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    three(people, help_centre)
    made = services.begin_run(help_centre, actor=acting(people.editor))
    with pytest.raises(Conflict):
        services.begin_run(help_centre, actor=acting(people.editor))
    asked: list[str] = []
    ask = measuring.question_of

    def dies_at_the_third(row: GoldenQuestion) -> str:
        asked.append(str(row.id))
        if len(asked) == 3:
            raise RuntimeError("killed")
        return ask(row)

    monkeypatch.setattr(measuring, "question_of", dies_at_the_third)
    run_jobs(rounds=1)
    assert QualityAnswer.objects.count() == 2
    assert queries.run_view(people.member.id, made).state == "in_work"
    Job.objects.update(available_at=now())
    run_jobs()
    assert queries.run_view(people.member.id, made).state == "done"
    assert asked[2] == asked[3]
    assert len(asked) == 4, "what was asked is not asked again"


def test_a_run_that_was_called_off_is_over(people: Team, help_centre: UUID) -> None:
    write(people, help_centre, HEAVY, "Ridge")
    made = services.begin_run(help_centre, actor=acting(people.editor))
    job_id = QualityRun.objects.get().job_id
    assert job_id is not None
    cancel(job_id, actor=acting(people.owner))
    assert queries.run_view(people.member.id, made).state == "failed"
    assert queries.run_view(people.member.id, run(people, help_centre)).state == "done"


def test_who_lost_the_right_measures_nothing(people: Team, help_centre: UUID) -> None:
    write(people, help_centre, HEAVY, "Ridge")
    made = services.begin_run(help_centre, actor=acting(people.editor))
    collections.set_access(
        help_centre,
        Collection.Access.CHOSEN,
        [collections.Grant(person_id=people.owner.id)],
        actor=acting(people.owner),
    )
    run_jobs()
    assert not QualityAnswer.objects.exists()
    assert queries.run_view(people.owner.id, made).state != "done"


def test_there_has_to_be_something_to_measure(people: Team, unread: UUID) -> None:
    with pytest.raises(Conflict):
        services.begin_run(unread, actor=acting(people.editor))


# --- indexes beside each other ---


def test_a_new_index_is_measured_by_itself_and_both_can_be_compared(people: Team, help_centre: UUID) -> None:
    three(people, help_centre)
    assert by_itself.measure_new_indexes() == 0, "one index alone waits for somebody"
    old = Index.objects.get()
    run(people, help_centre)
    rebuilding.build_anew(help_centre, chunk_tokens=96, actor=acting(people.owner))
    assert by_itself.measure_new_indexes() == 0, "it is not whole yet"
    run_jobs()
    new = Index.objects.exclude(id=old.id).get()
    assert by_itself.measure_new_indexes() == 1
    assert by_itself.measure_new_indexes() == 0
    run_jobs()
    assert by_itself.measure_new_indexes() == 0
    before, after = queries.figures_of(old.id), queries.figures_of(new.id)
    assert before is not None
    assert after is not None
    assert (before.is_by_itself, after.is_by_itself) == (False, True)
    assert (before.chunk_tokens, after.chunk_tokens) == (224, 96)
    rebuilding.use(help_centre, actor=acting(people.owner))
    again = queries.run_view(people.member.id, run(people, help_centre, old.id))
    assert again.index_id == old.id
    assert again.figures is not None
    assert again.figures.recall_1 == 1


def test_an_index_that_does_not_answer_yet_is_measured(people: Team, help_centre: UUID) -> None:
    three(people, help_centre)
    rebuilding.build_anew(help_centre, actor=acting(people.owner))
    run_jobs()
    new = Index.objects.get(state=Index.State.BUILDING)
    view = queries.run_view(people.member.id, run(people, help_centre, new.id))
    chunks = {each["chunk"] for row in QualityAnswer.objects.all() for each in row.found}
    assert view.figures is not None
    assert view.figures.recall_1 == 1
    assert {str(each) for each in Chunk.objects.filter(index=new).values_list("id", flat=True)} >= chunks
    with pytest.raises(Conflict):
        services.begin_run(help_centre, index_id=UUID(int=3), actor=acting(people.editor))


# --- what goes ---


def test_a_question_outlives_its_document_without_it(people: Team, help_centre: UUID) -> None:
    ridge, _postage, _nobody = three(people, help_centre)
    made = run(people, help_centre)
    document_acts.delete_documents([document("Ridge")], actor=acting(people.editor))
    view = queries.golden_question(people.member.id, ridge)
    assert (view.has_lost_document, view.document_id, view.passage) == (True, None, "")
    assert not GoldenPlace.objects.filter(question_id=ridge).exists()
    assert queries.run_view(people.member.id, made).figures is not None, "figures stay"
    _result, found = queries.result_of(people.member.id, made, ridge)
    assert all(one.text is None or "Ridge" not in one.text for one in found)
    figures = queries.run_view(people.member.id, run(people, help_centre)).figures
    assert figures is not None
    assert figures.questions == 2


def test_all_goes_with_the_collection(people: Team, help_centre: UUID) -> None:
    three(people, help_centre)
    run(people, help_centre)
    collections.delete_collection(help_centre, actor=acting(people.owner))
    run_jobs()
    for model in (GoldenQuestion, GoldenPlace, QualityRun, QualityAnswer):
        assert not model.objects.exists()

"""Golden questions are written, changed and removed, and runs begun. Each act is one transaction, in a workspace
scope."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor, ActorKind
from chatplatform.common.errors import Conflict, InvalidInput, NotFound
from chatplatform.common.ids import new_id
from chatplatform.jobs.models import UNFINISHED, Job
from chatplatform.jobs.services import enqueue
from chatplatform.knowledge import content, rights
from chatplatform.knowledge.chunk_text import chunk_text
from chatplatform.knowledge.ingestion.planning import sizes_of
from chatplatform.knowledge.models import Chunk, Collection, Document, Index
from chatplatform.knowledge.quality import audit_events as events
from chatplatform.knowledge.quality.content import (
    PASSAGE_CHARS,
    QUESTION_CHARS,
    likeness,
    passage_of,
    sealed_passage,
    sealed_question,
)
from chatplatform.knowledge.quality.models import GoldenPlace, GoldenQuestion, QualityRun
from chatplatform.privacy.errors import ContentUnreadable
from chatplatform.text_search.folding import folded

RUN_JOB: Final = "knowledge.quality"
MOST_QUESTIONS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Golden:
    """A question, and either where its answer stands or that the collection has none. `passage` is words of the
    document, empty where any passage of it will do."""

    question: str = field(repr=False)
    document_id: UUID | None = None
    passage: str = field(default="", repr=False)
    is_unanswerable: bool = False


def add_question(collection_id: UUID, golden: Golden, *, actor: Actor) -> UUID:
    """Raises NotFound, NotAllowed, InvalidInput, and Conflict where the question is there already."""
    with transaction.atomic():
        collection = _locked(collection_id, actor)
        golden = _checked(collection_id, golden)
        rows = GoldenQuestion.objects.filter(collection=collection)
        if rows.count() >= MOST_QUESTIONS:
            raise Conflict(
                "golden_too_many",
                _("A collection has at most %(n)d golden questions.") % {"n": MOST_QUESTIONS},
            )
        alike = likeness(collection.workspace_id, collection_id, golden.question)
        if rows.filter(likeness=alike).exists():
            raise _is_there()
        row = GoldenQuestion(
            id=new_id(),
            workspace_id=collection.workspace_id,
            collection=collection,
            written_by=UUID(actor.id) if actor.kind is ActorKind.PERSON else None,
        )
        _write(row, golden, alike, actor)
    return row.id


def change_question(question_id: UUID, golden: Golden, *, actor: Actor) -> None:
    """What runs have measured with it stays. Raises NotFound, NotAllowed, InvalidInput, Conflict."""
    with transaction.atomic():
        row = require_question(question_id, actor=actor)
        _locked(row.collection_id, actor)
        golden = _checked(row.collection_id, golden)
        alike = likeness(row.workspace_id, row.collection_id, golden.question)
        same = GoldenQuestion.objects.filter(collection_id=row.collection_id, likeness=alike)
        if same.exclude(id=row.id).exists():
            raise _is_there()
        _write(row, golden, alike, actor)


def put_question(
    collection_id: UUID, golden: Golden, *, actor: Actor
) -> Literal["added", "changed", "unchanged"]:
    """Add the question, or change it to this where it is there. Raises what adding and changing raise."""
    with transaction.atomic():
        collection = _locked(collection_id, actor)
        alike = likeness(collection.workspace_id, collection_id, golden.question)
        row = GoldenQuestion.objects.filter(collection=collection, likeness=alike).first()
        if row is None:
            add_question(collection_id, golden, actor=actor)
            return "added"
        place = GoldenPlace.objects.filter(question=row).first()
        known = (place.document_id if place else None, passage_of(place) if place else "")
        if known == (golden.document_id, golden.passage.strip()) and (
            row.is_unanswerable == golden.is_unanswerable
        ):
            return "unchanged"
        change_question(row.id, golden, actor=actor)
        return "changed"


def remove_question(question_id: UUID, *, actor: Actor) -> None:
    """With what runs found for it; their figures stay. Raises NotFound, NotAllowed."""
    with transaction.atomic():
        row = require_question(question_id, actor=actor)
        record(
            events.QUESTION_REMOVED,
            actor=actor,
            workspace_id=row.workspace_id,
            target=Target("golden_question", str(row.id)),
            details={"collection_id": str(row.collection_id)},
        )
        row.delete()


def words_of_chunk(collection_id: UUID, chunk_id: UUID) -> tuple[UUID, str]:
    """The document and the words of a passage that was found in the collection. Raises NotFound."""
    row = Chunk.objects.filter(id=chunk_id, document__collection_id=collection_id).first()
    if row is None:
        raise NotFound("passage_not_found", _("This passage is not there any more. Search again."))
    return row.document_id, chunk_text(row).text


def begin_run(collection_id: UUID, *, index_id: UUID | None = None, actor: Actor) -> UUID:
    """Have the collection measured, with the actor's rights; gives the run's id.

    `index_id` is one of its indexes, the one that answers where None. Raises NotFound, NotAllowed, and Conflict where
    nothing can be measured or the index is being measured already.
    """
    rights.require_edit(actor, collection_id)
    return begin_run_as(UUID(actor.id), collection_id, index_id=index_id, actor=actor)


def begin_run_as(
    person_id: UUID, collection_id: UUID, *, index_id: UUID | None, by_itself: bool = False, actor: Actor
) -> UUID:
    """The same on behalf of a person, who has to be allowed to search the collection."""
    rights.require_searchable(person_id, collection_id)
    with transaction.atomic():
        collection = Collection.objects.select_for_update().get(id=collection_id)
        wanted = index_id or collection.live_index_id
        index = Index.objects.filter(collection=collection, id=wanted).first() if wanted else None
        if index is None or not measurable(collection_id).exists():
            raise Conflict(
                "quality_nothing_to_measure",
                _("There is nothing to measure: add a document and a golden question first."),
            )
        if is_measured_now(index.id):
            raise Conflict("quality_is_measured", _("This collection is being measured already."))
        run = QualityRun(
            id=new_id(),
            workspace_id=collection.workspace_id,
            collection=collection,
            index_id=index.id,
            encoder=index.encoder,
            chunk_tokens=sizes_of(index).most,
            person_id=person_id,
            is_by_itself=by_itself,
        )
        run.job_id = enqueue(
            RUN_JOB, args={"run_id": str(run.id)}, actor=actor, workspace_id=collection.workspace_id
        )
        run.save(force_insert=True)
        record(
            events.RUN_BEGUN,
            actor=actor,
            workspace_id=collection.workspace_id,
            target=Target("collection", str(collection_id)),
            details={"run_id": str(run.id), "index_id": str(index.id)},
        )
    return run.id


def measurable(collection_id: UUID) -> QuerySet[GoldenQuestion]:
    """Golden questions that can be measured: those that have not lost their document."""
    rows = GoldenQuestion.objects.filter(collection_id=collection_id)
    return rows.filter(Q(is_unanswerable=True) | Q(place__isnull=False))


def is_measured_now(index_id: UUID) -> bool:
    """Whether a run over this index is under way."""
    runs = QualityRun.objects.filter(index_id=index_id, done_at=None).order_by("-created_at")[:10]
    jobs = [run.job_id for run in runs if run.job_id]
    return Job.objects.filter(id__in=jobs, state__in=UNFINISHED).exists()


def require_question(question_id: UUID, *, actor: Actor) -> GoldenQuestion:
    """For whoever may change the documents of its collection. Raises NotFound, NotAllowed."""
    row = GoldenQuestion.objects.filter(id=question_id, collection__deleted_at=None).first()
    if row is None:
        raise question_not_found()
    rights.require_edit(actor, row.collection_id)
    return row


def question_not_found() -> NotFound:
    return NotFound("golden_not_found", _("This golden question is not there, or you may not see it."))


def _locked(collection_id: UUID, actor: Actor) -> Collection:
    rights.require_edit(actor, collection_id)
    return Collection.objects.select_for_update().get(id=collection_id)


def _checked(collection_id: UUID, golden: Golden) -> Golden:
    question, passage = golden.question.strip(), golden.passage.strip()
    if not question:
        raise InvalidInput("golden_empty", _("Write the question first."))
    if len(question) > QUESTION_CHARS:
        raise InvalidInput(
            "golden_too_long", _("A question has at most %(n)d characters.") % {"n": QUESTION_CHARS}
        )
    if golden.is_unanswerable:
        return Golden(question, is_unanswerable=True)
    documents = Document.objects.filter(collection_id=collection_id)
    document = documents.filter(id=golden.document_id).first() if golden.document_id else None
    if document is None:
        raise InvalidInput(
            "golden_without_place",
            _("Choose the document that answers it, or say that nothing here can answer it."),
        )
    if len(passage) > PASSAGE_CHARS:
        raise InvalidInput(
            "golden_passage_too_long",
            _("A passage has at most %(n)d characters.") % {"n": PASSAGE_CHARS},
        )
    if passage and not _is_in(document, passage):
        raise InvalidInput("golden_passage_not_there", _("These words are not in the document."))
    return Golden(question, document.id, passage)


def _is_in(document: Document, passage: str) -> bool:
    try:
        return folded(passage) in folded(content.text_of(document).text)
    except ContentUnreadable:
        return True  # not read yet


def _write(row: GoldenQuestion, golden: Golden, alike: str, actor: Actor) -> None:
    row.question = sealed_question(row.workspace_id, row.id, golden.question)
    row.likeness = alike
    row.is_unanswerable = golden.is_unanswerable
    row.save()
    GoldenPlace.objects.filter(question=row).delete()
    if golden.document_id is not None:
        GoldenPlace.objects.create(
            workspace_id=row.workspace_id,
            question=row,
            document_id=golden.document_id,
            passage=sealed_passage(row.workspace_id, row.id, golden.passage),
        )
    record(
        events.QUESTION_SAVED,
        actor=actor,
        workspace_id=row.workspace_id,
        target=Target("golden_question", str(row.id)),
        details={
            "collection_id": str(row.collection_id),
            "document_id": str(golden.document_id) if golden.document_id else "",
            "is_unanswerable": golden.is_unanswerable,
            "has_passage": bool(golden.passage),
        },
    )


def _is_there() -> Conflict:
    return Conflict("golden_is_there", _("This question is there already."))

"""Golden questions, those that a model proposes, and runs. Questions and passages are sealed with the workspace's key;
clear are ids, ranks, scores and times. What a run found is kept as ids alone: a text that was deleted is in no run."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import ScopedManager, ScopedModel
from chatplatform.knowledge.models import Collection, Document


class GoldenQuestion(ScopedModel):
    """A question of which is known where its answer stands, or that it has none in the collection.

    `likeness` is a keyed hash of the question without case and blanks: the same one is there once. One that has an
    answer and no GoldenPlace has lost its document, and is not measured.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="+")
    question = models.BinaryField()
    likeness = models.CharField(max_length=32)
    is_unanswerable = models.BooleanField(default=False)
    written_by = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=now, editable=False)

    objects: ClassVar[ScopedManager[GoldenQuestion]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["collection", "likeness"], name="golden_once")]


class GoldenPlace(ScopedModel):
    """Where the answer stands: a document, and the words of a passage in it, empty where any passage will do."""

    question = models.OneToOneField(GoldenQuestion, on_delete=models.CASCADE, related_name="place")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="+")
    passage = models.BinaryField(default=bytes)

    objects: ClassVar[ScopedManager[GoldenPlace]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        pass


class QualityRun(ScopedModel):
    """One run over all golden questions, with the rights of `person_id`, against the index `index_id`.

    `index_id` outlives the index. Figures are None until the run is done, and where no question is of their kind:
    `refused_wrongly` is the share of the questions that have an answer, `refused_rightly` of those that have none.
    `words_only` counts the questions for which meaning was not looked at.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="+")
    index_id = models.UUIDField(db_index=True)
    encoder = models.CharField(max_length=200, blank=True)
    chunk_tokens = models.PositiveIntegerField()
    person_id = models.UUIDField()
    is_by_itself = models.BooleanField(default=False)
    job_id = models.UUIDField(null=True)
    questions = models.PositiveIntegerField(default=0)
    unanswerable = models.PositiveIntegerField(default=0)
    words_only = models.PositiveIntegerField(default=0)
    recall_1 = models.FloatField(null=True)
    recall_5 = models.FloatField(null=True)
    recall_10 = models.FloatField(null=True)
    ndcg_10 = models.FloatField(null=True)
    mrr = models.FloatField(null=True)
    refused_rightly = models.FloatField(null=True)
    refused_wrongly = models.FloatField(null=True)
    median_ms = models.FloatField(null=True)
    created_at = models.DateTimeField(default=now, editable=False)
    done_at = models.DateTimeField(null=True)

    objects: ClassVar[ScopedManager[QualityRun]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        indexes = [models.Index(fields=["collection", "-created_at"], name="quality_run_recent")]


class QualityAnswer(ScopedModel):
    """What one golden question got in a run. `rank` counts from 1, None where the right passage was not among the first
    ten. `found` lists what was found, best first: ids and figures, see measuring.found_of."""

    run = models.ForeignKey(QualityRun, on_delete=models.CASCADE, related_name="answers")
    question = models.ForeignKey(GoldenQuestion, on_delete=models.CASCADE, related_name="+")
    is_unanswerable = models.BooleanField()
    rank = models.PositiveSmallIntegerField(null=True)
    is_refused = models.BooleanField()
    confidence = models.FloatField()
    threshold = models.FloatField()
    is_words_only = models.BooleanField()
    time_ms = models.FloatField()
    found = models.JSONField(default=list)

    objects: ClassVar[ScopedManager[QualityAnswer]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["run", "question"], name="quality_answer_once")]


class ProposalRun(ScopedModel):
    """The newest time that a model was to propose golden questions, with the rights of `person_id`.

    `passages` are ids of chunks of the index `index_id`, None until they are chosen; `asked` of them are done, each
    either `proposed` or `left_out`.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    collection = models.OneToOneField(Collection, on_delete=models.CASCADE, related_name="+")
    index_id = models.UUIDField()
    person_id = models.UUIDField()
    job_id = models.UUIDField(null=True)
    wanted = models.PositiveSmallIntegerField()
    passages = models.JSONField(null=True)
    asked = models.PositiveSmallIntegerField(default=0)
    proposed = models.PositiveSmallIntegerField(default=0)
    left_out = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=now, editable=False)
    done_at = models.DateTimeField(null=True)

    objects: ClassVar[ScopedManager[ProposalRun]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        pass


class Proposal(ScopedModel):
    """A passage that a model was asked about, and the question that it proposes for it.

    One that is accepted becomes a golden question, and its row goes. What else was asked stays, so that the same is not
    proposed again and again: of one that was rejected, its `likeness` and its passage's name, both keyed hashes; of one
    that was left out, the name alone. `chunk_name` is that of Chunk.
    """

    class State(models.TextChoices):
        OPEN = "open"
        REJECTED = "rejected"
        LEFT_OUT = "left_out"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="+")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="+")
    chunk_name = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=State.choices)
    question = models.BinaryField(default=bytes)
    passage = models.BinaryField(default=bytes)
    likeness = models.CharField(max_length=32, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    objects: ClassVar[ScopedManager[Proposal]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["document", "chunk_name"], name="proposal_of_passage_once"),
            models.UniqueConstraint(
                fields=["collection", "likeness"], condition=~Q(likeness=""), name="proposal_once"
            ),
        ]

"""What quality writes into the audit log: ids and counts, never a question."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import declare

QUESTION_SAVED = declare(
    "knowledge.golden.saved",
    summary=_("A golden question of a collection was written or changed"),
    fields=("collection_id", "document_id", "is_unanswerable", "has_passage"),
)
QUESTION_REMOVED = declare(
    "knowledge.golden.removed",
    summary=_("A golden question of a collection was removed"),
    fields=("collection_id",),
)
QUESTIONS_EXPORTED = declare(
    "knowledge.golden.exported",
    summary=_("Golden questions of a collection were exported"),
    fields=("questions",),
)
RUN_BEGUN = declare(
    "knowledge.quality.begun",
    summary=_("A collection is being measured with its golden questions"),
    fields=("run_id", "index_id"),
)
RUN_DONE = declare(
    "knowledge.quality.measured",
    summary=_("A collection was measured with its golden questions"),
    fields=("run_id", "index_id", "questions", "unanswerable"),
)
PROPOSALS_BEGUN = declare(
    "knowledge.proposals.begun",
    summary=_("A model was asked to propose golden questions for a collection"),
    fields=("run_id", "index_id", "passages"),
)
PROPOSAL_ACCEPTED = declare(
    "knowledge.proposal.accepted",
    summary=_("A proposed question was accepted as a golden question"),
    fields=("collection_id", "question_id", "is_changed"),
)
PROPOSAL_REJECTED = declare(
    "knowledge.proposal.rejected",
    summary=_("A proposed question was rejected"),
    fields=("collection_id",),
)

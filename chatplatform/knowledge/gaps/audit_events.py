"""What gaps write into the audit log: ids and counts, never a question."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import declare

GAP_FILED = declare(
    "knowledge.gap.filed",
    summary=_(
        "A question that no document answers, or whose answer was judged to be bad, was passed on to those who look "
        "after the documents"
    ),
    fields=("assistant_id", "cause"),
)
GAPS_READ = declare(
    "knowledge.gap.read", summary=_("Questions that no document answers were read"), fields=("items",)
)
GAP_CLOSED = declare(
    "knowledge.gap.closed", summary=_("A question that no document answers was closed"), fields=("people",)
)
GAP_ANSWERED = declare(
    "knowledge.gap.answered",
    summary=_("A question that no document answered got an answer in a collection"),
    fields=("people", "document_id"),
)

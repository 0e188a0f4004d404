"""What feedback writes into the audit log."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import declare

FEEDBACK_GIVEN = declare(
    "feedback.given",
    summary=_("A person judged an answer, or changed that"),
    fields=("verdict", "reasons", "with_comment"),
)
FEEDBACK_WITHDRAWN = declare(
    "feedback.withdrawn", summary=_("A person took back what they had said of an answer")
)
FEEDBACK_READ = declare(
    "feedback.read",
    summary=_("Feedback of other people was read with its comments"),
    fields=("items", "comments"),
    level="notice",
)
FEEDBACK_EXPORTED = declare(
    "feedback.exported",
    summary=_("Feedback was taken away as a file, with its comments"),
    fields=("items", "comments"),
    level="notice",
)

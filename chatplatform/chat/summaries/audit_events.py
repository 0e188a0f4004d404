"""What summaries write into the audit log."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import declare

SUMMARY_MADE = declare(
    "chat.summary.made",
    summary=_("Older messages of a conversation were summarised"),
    fields=("summary_id", "messages", "model", "again"),
)
SUMMARY_REMOVED = declare(
    "chat.summary.removed", summary=_("A person deleted a summary"), fields=("summary_id", "messages")
)
SUMMARY_WANTED_AGAIN = declare(
    "chat.summary.wanted_again", summary=_("A person asked for another summary"), fields=("summary_id",)
)

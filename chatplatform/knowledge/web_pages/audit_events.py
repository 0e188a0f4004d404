"""What web pages write into the audit log: ids and counts, never an address. The door itself records each host."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import declare

SITE_ADDED = declare(
    "knowledge.site.added",
    summary=_("Web pages were added to a collection"),
    fields=("collection_id", "most_pages", "depth", "every"),
    level="notice",
)
SITE_CHANGED = declare(
    "knowledge.site.changed",
    summary=_("It was changed how often web pages are fetched"),
    fields=("every", "removes_gone"),
)
SITE_ASKED = declare(
    "knowledge.site.asked", summary=_("Web pages were to be fetched again"), fields=("only_failed",)
)
SITE_STOPPED = declare("knowledge.site.stopped", summary=_("Fetching web pages was stopped"))
SITE_FETCHED = declare(
    "knowledge.site.fetched",
    summary=_("Web pages were fetched, or could not be"),
    fields=("problem", "taken", "unchanged", "same", "left_out", "failed", "gone"),
)
SITE_REMOVED = declare(
    "knowledge.site.removed",
    summary=_("Web pages are no longer a source of a collection"),
    fields=("collection_id", "documents"),
)

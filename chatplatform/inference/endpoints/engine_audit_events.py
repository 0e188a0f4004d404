"""What is recorded of engines beside the machine's own. Never a key."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import declare

FIELDS = ("kind", "place", "host", "is_on", "has_key", "chat_model", "quick_model")

ENGINE_ADDED = declare(
    "inference.engine.added", summary=_("An engine was added"), fields=FIELDS, level="notice"
)
ENGINE_CHANGED = declare(
    "inference.engine.changed", summary=_("An engine was changed"), fields=FIELDS, level="notice"
)
ENGINE_SWITCHED = declare(
    "inference.engine.switched",
    summary=_("An engine was switched on or off: prompts go there, or no longer do"),
    fields=FIELDS,
    level="warning",
)
ENGINE_REMOVED = declare(
    "inference.engine.removed", summary=_("An engine was removed"), fields=FIELDS, level="notice"
)
ENGINE_TESTED = declare(
    "inference.engine.tested",
    summary=_("An engine was to be asked which models it has"),
    fields=FIELDS,
)

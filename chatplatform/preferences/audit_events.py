"""What preferences write into the audit log."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import declare

PREFERENCES_CHANGED = declare(
    "preferences.chat.changed",
    summary=_("A person changed how the chat behaves for them"),
    fields=("changed",),
)

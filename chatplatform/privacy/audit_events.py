"""What privacy writes into the audit log."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import declare

KEY_DESTRUCTION_STARTED = declare(
    "privacy.key.destruction_started",
    summary=_("The destruction of a data key was begun"),
    level="warning",
)
KEY_DESTROYED = declare(
    "privacy.key.destroyed",
    summary=_("A data key was destroyed: all that it encrypted is unreadable for ever"),
    level="warning",
)
PROMPT_REFUSED = declare(
    "privacy.prompt.refused",
    summary=_("A prompt was kept from being sent"),
    fields=("reason", "purpose", "destination", "host"),
    level="warning",
)
EGRESS_REQUESTED = declare(
    "privacy.egress.requested",
    summary=_("A connection to another host was asked for"),
    fields=("host", "port", "method", "purpose", "reason"),
    level="notice",
)
MAIL_REQUESTED = declare(
    "privacy.mail.requested",
    summary=_("A message was to leave by e-mail"),
    fields=("purpose", "port", "reason"),
    level="notice",
)

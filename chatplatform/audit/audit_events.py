"""What the audit log records about itself."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import declare

DETAILS_ERASED = declare(
    "audit.details.erased",
    summary="The personal details of all earlier events of a person were erased.",
    fields=("events",),
    level="notice",
)

_FILTER = ("of", "code", "outcome", "actor_id", "target_kind", "target_id", "since", "until")
AUDIT_READ = declare(
    "audit.read",
    summary=_("The audit log was read"),
    fields=_FILTER,
)
AUDIT_EXPORTED = declare(
    "audit.exported",
    summary=_("Events of the audit log were exported"),
    fields=(*_FILTER, "format", "before"),
    level="notice",
)
AUDIT_VERIFIED = declare(
    "audit.verified",
    summary=_("The audit log was verified"),
    fields=(
        "events",
        "pending",
        "erased",
        "checkpoints",
        "witnessed",
        "findings",
        "damage",
        "first",
        "seconds",
    ),
    level="notice",
)

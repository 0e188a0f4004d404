"""What usage writes into the audit log."""

from __future__ import annotations

from chatplatform.audit.catalogue import declare

_RULE_FIELDS = ("subject_kind", "subject_id", "together", "unit", "window", "limit")

RULE_SET = declare(
    "usage.quota.set", summary="A limit was set or changed.", fields=_RULE_FIELDS, level="notice"
)
RULE_REMOVED = declare(
    "usage.quota.removed", summary="A limit was removed.", fields=_RULE_FIELDS, level="notice"
)
QUOTA_REFUSED = declare(
    "usage.quota.refused",
    summary="Somebody was refused at a limit. Recorded at most once a minute for each person and process.",
    fields=("source", "unit", "window", "limit", "used"),
)

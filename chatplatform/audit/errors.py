"""What can go wrong with the audit log."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.common.errors import Unavailable


class AuditUnavailable(Unavailable):
    """The record could not be written, so the act it belongs to must not happen."""

    def __init__(self) -> None:
        super().__init__(
            "audit_unavailable",
            _("This could not be written to the audit log, so it was not done. Try again in a moment."),
            retry_after_s=5,
        )


class NotInTransaction(RuntimeError):
    """`record` was called outside a transaction: act and record would not stand or fall together. A defect."""


class AuditDamaged(RuntimeError):
    """The log does not fit its own state or its witness: nothing is added until somebody has looked at it."""

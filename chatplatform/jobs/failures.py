"""What went wrong, in a form that is safe to keep and to show: never a word of anybody's content."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_noop, override

from chatplatform.common.errors import InvalidInput, NotAllowed, NotFound, PlatformError


@dataclass(frozen=True, slots=True)
class Failure:
    """`message` is a source string (translated when shown), `last_message` what is said instead when the job is given
    up; `permanent` means that another attempt won't help."""

    code: str
    message: str
    last_message: str = ""
    error_type: str = ""
    permanent: bool = False
    retry_after_s: float = 0.0


TIMED_OUT = Failure(
    "timed_out",
    gettext_noop("It took longer than it may. It is stopped and tried again."),
    gettext_noop("It took longer than it may, time and again. It is not tried again by itself."),
)
WORKER_LOST = Failure(
    "worker_lost",
    gettext_noop("The worker stopped before this was done. It is started again."),
    gettext_noop("The worker stopped before this was done, time and again. It is not tried again by itself."),
)
UNKNOWN_KIND = Failure(
    "unknown_kind",
    gettext_noop("This version cannot do this kind of job. Update every worker, then retry."),
)
_UNEXPECTED = gettext_noop("Something unexpected went wrong. The worker's log says more.")


def failure_of(error: Exception) -> Failure:
    """Describe an exception that a handler raised. Of an unexpected one only the class name is kept."""
    if isinstance(error, PlatformError):
        return Failure(
            error.code[:64],
            source_text(error.message)[:500],
            permanent=isinstance(error, InvalidInput | NotAllowed | NotFound),
            retry_after_s=error.retry_after_s or 0.0,
        )
    return Failure("unexpected", _UNEXPECTED, error_type=type(error).__name__[:100])


def source_text(text: str | Promise) -> str:
    """The untranslated string, to be stored: every reader then sees it in their own language."""
    with override(None):
        return str(text)

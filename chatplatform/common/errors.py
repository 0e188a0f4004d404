"""The errors that users may meet: one family for each way to react.

Every error carries a stable `code` for programs, an HTTP-like `status`, and a `message` for people in the
reader's language that says what to do and holds no content. Anything else that escapes is a defect.
"""

from __future__ import annotations

from typing import ClassVar

from django.utils.functional import Promise


class PlatformError(Exception):
    """Base of every expected error. `message` is safe to show and to log."""

    status: ClassVar[int] = 500

    def __init__(self, code: str, message: str | Promise, *, retry_after_s: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s


class InvalidInput(PlatformError):
    """What was sent cannot be understood or is too large; sending it again will not help."""

    status = 400


class NotAllowed(PlatformError):
    """The actor is known and lacks the right."""

    status = 403


class NotFound(PlatformError):
    """There is no such object, or it is not this actor's: the two look the same."""

    status = 404


class Conflict(PlatformError):
    """The object's state does not permit this now."""

    status = 409


class TooMany(PlatformError):
    """A limit of rate, count or size was reached; `retry_after_s` says when to try again."""

    status = 429


class Unavailable(PlatformError):
    """A part of the platform is down or starting; the same request may succeed later."""

    status = 503

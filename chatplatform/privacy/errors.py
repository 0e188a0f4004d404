"""What may go wrong between a person's words and whoever wants to use them."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chatplatform.common.errors import InvalidInput, NotAllowed, NotFound, PlatformError, Unavailable


class KeysUnavailable(Unavailable):
    """Nothing can be encrypted or read: the master key or the key store is missing, wrong or down."""

    def __init__(self, code: str, message: str | Promise) -> None:
        super().__init__(code, message, retry_after_s=30)


class ContentErased(NotFound):
    """The key of this content was destroyed: nobody can read it any more."""

    def __init__(self) -> None:
        super().__init__("content_erased", _("This was erased and cannot be read any more."))


class ContentUnreadable(PlatformError):
    """The bytes are damaged, or belong to another place or person."""

    def __init__(self) -> None:
        super().__init__("content_unreadable", _("This cannot be read: what is stored is damaged."))


class PrivacyRefused(NotAllowed):
    """A prompt may not be sent where it was to be sent."""


class EgressRefused(NotAllowed):
    """An outbound request would leave the hosts or networks that it may reach."""


class EgressFailed(Unavailable):
    """The other side did not answer, or not in time."""


class EgressTooLarge(InvalidInput):
    """The answer is larger than the caller's limit."""

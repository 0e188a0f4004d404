"""What can go wrong between the platform and its vector store."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chatplatform.common.errors import PlatformError, Unavailable

MISSING = "vectors_missing"


class VectorStoreUnavailable(Unavailable):
    """The store is down or starting, or lacks what is asked for (code `vectors_missing`): it may be there later."""

    def __init__(self, code: str = "vector_store_unavailable", message: str | Promise = "") -> None:
        super().__init__(
            code,
            message or _("The vector store does not answer. It is tried again in a moment."),
            retry_after_s=1,
        )


class VectorStoreRefused(PlatformError):
    """The store will not do this, however often it is asked: vectors of another length, or a host not permitted."""

    status = 502

    def __init__(self, code: str = "vector_store_refused", message: str | Promise = "") -> None:
        super().__init__(
            code, message or _("The vector store refused this request. An administrator has to look.")
        )


def vectors_missing() -> VectorStoreUnavailable:
    """The error for a name that the store does not know."""
    return VectorStoreUnavailable(
        MISSING, _("These vectors are not in the store. They have to be made anew.")
    )

"""Where a list goes on: the place after the last item, opaque to clients."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from chatplatform.common.errors import InvalidInput

_CHARS = 400
# what fits into every database's integers
_LARGEST = 2**63 - 1


class InvalidCursor(InvalidInput):
    """The cursor was not made by us, or for another list."""

    def __init__(self) -> None:
        super().__init__("invalid_cursor", _("`after` is not a cursor of this list. Begin again without it."))


def cursor(*place: datetime | UUID | int | str) -> str:
    """A cursor for the item at this place."""
    parts = [part.isoformat() if isinstance(part, datetime) else part for part in place]
    text = json.dumps([part if isinstance(part, int) else str(part) for part in parts])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def at_moment(after: str | None) -> tuple[datetime, UUID] | None:
    """Time and id of the last item seen. Raises InvalidCursor."""
    if after is None:
        return None
    try:
        moment, item_id = _parts(after)
        found = datetime.fromisoformat(str(moment)), UUID(str(item_id))
    except ValueError:
        raise InvalidCursor from None
    if found[0].tzinfo is None:
        raise InvalidCursor
    return found


def at_number(after: str | None) -> int | None:
    """Number of the last item seen. Raises InvalidCursor."""
    if after is None:
        return None
    try:
        (number,) = _parts(after)
    except ValueError:
        raise InvalidCursor from None
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= _LARGEST:
        raise InvalidCursor
    return number


def at_text(after: str | None) -> str | None:
    """The word that the last item seen is known by. Raises InvalidCursor."""
    if after is None:
        return None
    try:
        (text,) = _parts(after)
    except ValueError:
        raise InvalidCursor from None
    return str(text)


def at_id(after: str | None) -> UUID | None:
    """Id of the last item seen. Raises InvalidCursor."""
    text = at_text(after)
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise InvalidCursor from None


def _parts(after: str) -> list[object]:
    if len(after) > _CHARS:
        raise InvalidCursor
    try:
        parsed = json.loads(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise InvalidCursor from None
    if not isinstance(parsed, list):
        raise InvalidCursor
    return parsed

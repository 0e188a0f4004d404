"""Time, in one place so that tests can move it."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils import timezone
from django.utils.dateparse import parse_datetime


def now() -> datetime:
    """The current moment, aware, in UTC."""
    return timezone.now()


def moment_of(text: str) -> datetime | None:
    """The moment that ISO 8601 text with an offset says, in UTC; None for anything else, whoever sent it."""
    try:
        moment = parse_datetime(text)
        return moment.astimezone(UTC) if moment is not None and moment.tzinfo is not None else None
    except (ValueError, OverflowError):  # no such day, or one before the calendar begins or after it ends
        return None

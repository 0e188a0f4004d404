"""Calendar windows in UTC: where one begins and when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chatplatform.usage.models import Window


def window_start(window: Window, moment: datetime) -> datetime:
    """The beginning of the window that `moment` lies in."""
    start = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if window == Window.HOUR:
        return start
    start = start.replace(hour=0)
    return start if window == Window.DAY else start.replace(day=1)


def window_end(window: Window, moment: datetime) -> datetime:
    """The beginning of the next window: when what is left resets."""
    start = window_start(window, moment)
    if window == Window.HOUR:
        return start + timedelta(hours=1)
    if window == Window.DAY:
        return start + timedelta(days=1)
    return (start + timedelta(days=32)).replace(day=1)

"""Calendar windows in UTC, at the edges where calendars go wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from chatplatform.usage.models import Window
from chatplatform.usage.windows import window_end, window_start


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "moment", "start", "end"),
    [
        (Window.HOUR, "2026-03-01T23:59:59.999999", "2026-03-01T23:00", "2026-03-02T00:00"),
        (Window.HOUR, "2026-03-01T00:00", "2026-03-01T00:00", "2026-03-01T01:00"),
        (Window.DAY, "2028-02-29T12:00", "2028-02-29T00:00", "2028-03-01T00:00"),
        (Window.MONTH, "2026-01-31T23:59", "2026-01-01T00:00", "2026-02-01T00:00"),
        (Window.MONTH, "2026-12-31T23:59", "2026-12-01T00:00", "2027-01-01T00:00"),
        (Window.MONTH, "2026-02-01T00:00", "2026-02-01T00:00", "2026-03-01T00:00"),
    ],
)
def test_windows_begin_and_end_with_the_calendar(window: Window, moment: str, start: str, end: str) -> None:
    assert window_start(window, at(moment)) == at(start)
    assert window_end(window, at(moment)) == at(end)


def test_other_time_zones_are_turned_into_utc() -> None:
    new_year_in_shanghai = datetime(2027, 1, 1, 1, 0, tzinfo=timezone(timedelta(hours=8)))
    assert window_start(Window.MONTH, new_year_in_shanghai) == at("2026-12-01T00:00")
    assert window_end(Window.DAY, new_year_in_shanghai) == at("2027-01-01T00:00")

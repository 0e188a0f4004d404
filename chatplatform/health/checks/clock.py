"""The clock: sign-in links, sessions and the audit log depend on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from chatplatform.common.clock import now
from chatplatform.health.checks.findings import Finding, problem, right

# A clock that stands before this code was written is wrong.
WRITTEN_AT = datetime(2026, 1, 1, tzinfo=UTC)
TOLERANCE = timedelta(minutes=2)


def clock_goes_forward() -> Finding:
    """Not before this code, and not before the youngest file that the platform has written."""
    files = [settings.DATA_DIR / "run" / "status.json", settings.DATA_DIR / "db.sqlite3"]
    written = [datetime.fromtimestamp(file.stat().st_mtime, UTC) for file in files if file.exists()]
    if now() < max([WRITTEN_AT, *written]) - TOLERANCE:
        return problem(
            _("It says %(time)s, which is in the past.") % {"time": f"{now():%Y-%m-%d %H:%M} UTC"},
            _("Set the clock, best by a time service (NTP)."),
        )
    return right(f"{now():%Y-%m-%d %H:%M} UTC")

"""When the last backup was made: from the audit log, which a restored installation has too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chatplatform.audit.queries import EventFilter, platform_event_page
from chatplatform.backup.audit_events import BACKUP_MADE, BACKUP_RESTORED

LOOKED_AT = 20


@dataclass(frozen=True, slots=True)
class LastBackup:
    """The newest backup that was finished. `failed_since` counts later ones that were not (twenty at most)."""

    made_at: datetime
    covers_until: datetime
    bytes: int
    with_keys: bool
    failed_since: int


def last_backup() -> LastBackup | None:
    """None when none was ever made, or none since very long."""
    events = platform_event_page(matching=EventFilter(code=BACKUP_MADE.code), limit=LOOKED_AT)
    for failed_since, event in enumerate(events):
        if event.outcome == "ok":
            return LastBackup(
                made_at=event.at,
                covers_until=datetime.fromisoformat(str(event.details["covers_until"])),
                bytes=int(event.details["bytes"] or 0),
                with_keys=bool(event.details["with_keys"]),
                failed_since=failed_since,
            )
    return None


def last_restore() -> datetime | None:
    """When this installation was last restored from a backup."""
    matching = EventFilter(code=BACKUP_RESTORED.code, outcome="ok")
    events = platform_event_page(matching=matching, limit=1)
    return events[0].at if events else None

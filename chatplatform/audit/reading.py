"""That somebody read the log, or took a copy of it, is itself recorded; so is what a verification found."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.db import transaction

from chatplatform.audit.audit_events import AUDIT_EXPORTED, AUDIT_READ, AUDIT_VERIFIED
from chatplatform.audit.catalogue import AuditEventType
from chatplatform.audit.queries import EventFilter, EventView, find_events, newest_id
from chatplatform.audit.services import DETAIL_CHARS, Detail, record
from chatplatform.audit.verification import Report
from chatplatform.common.actors import Actor

EXPORT_BATCH = 500


def record_reading(matching: EventFilter, *, of_platform: bool, actor: Actor, workspace_id: UUID) -> None:
    """Write that `actor` reads the workspace's events (or those outside any) with this filter."""
    _record(AUDIT_READ, _details(matching, of_platform), actor, workspace_id)


def record_export(
    matching: EventFilter, *, of_platform: bool, format: str, actor: Actor, workspace_id: UUID
) -> int:
    """Write that `actor` exports these events; gives the id before which they are: the copy is of one moment."""
    with transaction.atomic():
        before = newest_id() + 1
        details = _details(matching, of_platform) | {"format": format, "before": before}
        _record(AUDIT_EXPORTED, details, actor, workspace_id)
    return before


def record_verification(report: Report, *, seconds: float, actor: Actor, workspace_id: UUID | None) -> None:
    """Write what the verifier found, in the caller's transaction."""
    first = report.findings[0].message if report.findings else ""
    record(
        AUDIT_VERIFIED,
        actor=actor,
        workspace_id=workspace_id,
        details={
            "events": report.events,
            "pending": report.pending,
            "erased": report.erased,
            "checkpoints": report.checkpoints,
            "witnessed": report.witnessed,
            "findings": report.counts.total(),
            "damage": ",".join(sorted(damage.name.lower() for damage in report.counts)),
            "first": "".join(letter for letter in first if letter.isprintable())[:DETAIL_CHARS],
            "seconds": round(seconds, 1),
        },
        outcome="ok" if report.intact else "failed",
    )


def exported_events(
    workspace_id: UUID | None, matching: EventFilter, before: int
) -> Iterator[list[EventView]]:
    """All matching events older than `before`, newest first, in batches."""
    go_on: int | None = before
    while go_on is not None:
        page = find_events(workspace_id, matching=matching, before=go_on, limit=EXPORT_BATCH)
        yield page.events
        go_on = page.go_on_before


def _details(matching: EventFilter, of_platform: bool) -> dict[str, Detail]:
    given: dict[str, Detail] = {
        "of": "platform" if of_platform else "workspace",
        "code": matching.code,
        "outcome": matching.outcome,
        "actor_id": matching.actor_id,
        "target_kind": matching.target_kind,
        "target_id": matching.target_id,
        "since": matching.since.isoformat() if matching.since else None,
        "until": matching.until.isoformat() if matching.until else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _record(event: AuditEventType, details: dict[str, Detail], actor: Actor, workspace_id: UUID) -> None:
    with transaction.atomic():
        record(event, actor=actor, workspace_id=workspace_id, details=details)

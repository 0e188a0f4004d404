"""Events as text for programs: one JSON object a line, or CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable

from chatplatform.audit.queries import EventView

CSV_COLUMNS = (
    "id",
    "index",
    "at",
    "code",
    "outcome",
    "actor_kind",
    "actor_id",
    "actor_ip",
    "workspace_id",
    "target_kind",
    "target_id",
    "details",
    "erased",
)


def event_fields(event: EventView) -> dict[str, object]:
    """An event for JSON."""
    return {
        "id": event.id,
        "index": event.index,
        "at": event.at.isoformat(timespec="microseconds"),
        "code": event.code,
        "outcome": event.outcome,
        "actor": {"kind": event.actor.kind.value, "id": event.actor.id, "ip": event.actor.ip},
        "workspace_id": str(event.workspace_id) if event.workspace_id else None,
        "target": {"kind": event.target_kind, "id": event.target_id} if event.target_kind else None,
        "details": dict(event.details),
        "erased": event.erased,
    }


def json_lines(events: Iterable[EventView]) -> str:
    return "".join(json.dumps(event_fields(event), ensure_ascii=False) + "\n" for event in events)


def csv_lines(events: Iterable[EventView], *, with_head: bool = False) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    if with_head:
        writer.writerow(CSV_COLUMNS)
    for event in events:
        row = (
            event.id,
            "" if event.index is None else event.index,
            event.at.isoformat(timespec="microseconds"),
            event.code,
            event.outcome,
            event.actor.kind.value,
            event.actor.id,
            event.actor.ip,
            event.workspace_id or "",
            event.target_kind,
            event.target_id,
            json.dumps(dict(event.details), ensure_ascii=False) if event.details else "",
            "yes" if event.erased else "",
        )
        writer.writerow([_harmless(str(cell)) for cell in row])
    return out.getvalue()


def _harmless(cell: str) -> str:
    """A spreadsheet takes what begins like this for a formula."""
    return f"'{cell}" if cell[:1] in "=+-@\t\r" and cell else cell

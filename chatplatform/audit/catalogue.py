"""The catalogue of event types: what may be recorded, under codes that never change their meaning.

Each app declares its types as constants of its `audit_events` module; AuditConfig loads these modules at start.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from django.utils import translation
from django.utils.functional import Promise

Level = Literal["info", "notice", "warning"]

_CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,3}")
_FIELD = re.compile(r"[a-z][a-z0-9_]*")
_declared: dict[str, AuditEventType] = {}


@dataclass(frozen=True, slots=True)
class AuditEventType:
    """A kind of act. `fields` names the only details that its records may carry."""

    code: str
    summary: str | Promise
    fields: frozenset[str]
    level: Level
    since: str


def declare(
    code: str,
    *,
    summary: str | Promise,
    fields: Iterable[str] = (),
    level: Level = "info",
    since: str = "0.1.0",
) -> AuditEventType:
    """Add a type to the catalogue and return it, to be kept as a module constant.

    `summary` is one sentence for whoever reads the log, lazily translated or English; `since` is the version
    that introduced the code.
    Raises ValueError for a malformed or repeated code, or a malformed field name.
    """
    if not _CODE.fullmatch(code) or len(code) > 80:
        raise ValueError(f"{code!r} is no event code: write it like `chat.turn.started`")
    if code in _declared:
        raise ValueError(f"the event code {code!r} is declared twice")
    names = frozenset(fields)
    for name in names:
        if not _FIELD.fullmatch(name):
            raise ValueError(f"{name!r} is no field name: lower-case letters, digits and _ only")
    event = AuditEventType(code, summary, names, level, since)
    _declared[code] = event
    return event


def catalogue() -> tuple[AuditEventType, ...]:
    """Every declared type, by code."""
    return tuple(_declared[code] for code in sorted(_declared))


def find(code: str) -> AuditEventType | None:
    """The type with this code, or None: rows outlive code."""
    return _declared.get(code)


def is_declared(event: AuditEventType) -> bool:
    """Whether `event` came from `declare`, rather than being built by hand."""
    return _declared.get(event.code) is event


def catalogue_markdown() -> str:
    """The catalogue as a page of documentation."""
    lines = [
        "# Audit events",
        "",
        "Made by `manage.py audit catalogue > docs/audit-events.md`. Codes keep their meaning for ever.",
        "",
        "| code | level | what it says | details | since |",
        "| --- | --- | --- | --- | --- |",
    ]
    with translation.override("en"):
        lines += [_table_row(event) for event in catalogue()]
    return "\n".join(lines) + "\n"


def _table_row(event: AuditEventType) -> str:
    fields = ", ".join(f"`{name}`" for name in sorted(event.fields)) or "none"
    return f"| `{event.code}` | {event.level} | {event.summary} | {fields} | {event.since} |"

"""Adding to counters: one statement, whatever the number of rows, and no update is ever lost.

The database adds (`amount = amount + new`), so concurrent transactions sum up on SQLite and PostgreSQL alike. The
rows of a statement come in a fixed order, and the statement comes last in its transaction: no two of them can wait
for each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from django.db import connection, transaction
from django.db.models import Field

from chatplatform.common.scope import current_workspace_id
from chatplatform.usage.models import UsageCounter, Window
from chatplatform.usage.windows import window_start

NOBODY = UUID(int=0)
Subject = UsageCounter.Subject
_COLUMNS = (
    "workspace_id",
    "subject_kind",
    "window",
    "starts_at",
    "subject_id",
    "label",
    "turns",
    "tokens_read",
    "tokens_written",
)
_KEY = _COLUMNS[:5]
_AMOUNTS = _COLUMNS[6:]
_RETURNED = ("subject_kind", "subject_id", "window", *_AMOUNTS)


@dataclass(frozen=True, slots=True)
class Amount:
    """What is added; negative when something is taken back."""

    turns: int = 0
    tokens_read: int = 0
    tokens_written: int = 0


@dataclass(frozen=True, slots=True)
class Addition:
    """`amount` for the counters of one subject: of all its windows, or of the day alone."""

    kind: UsageCounter.Subject
    subject_id: UUID
    amount: Amount
    label: str = ""

    @property
    def windows(self) -> tuple[Window, ...]:
        return tuple(Window) if self.kind in {Subject.PERSON, Subject.TOKEN} else (Window.DAY,)


@dataclass(frozen=True, slots=True)
class Count:
    """What a counter holds after an addition."""

    turns: int
    tokens: int


CounterKey = tuple[str, UUID, str]


def model_id(name: str) -> UUID:
    """The id under which a model of this name is counted."""
    return uuid5(NAMESPACE_OID, f"chatplatform.model:{name}")


def add_up(additions: Iterable[Addition], *, at: datetime) -> dict[CounterKey, Count]:
    """Add to the counters of the windows that `at` lies in, and give what they hold now, by kind, subject and window.

    Runs in the caller's transaction (RuntimeError without one) and in the open workspace scope.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("usage is counted in the transaction of what is counted")
    workspace_id = current_workspace_id()
    rows = sorted(
        (
            (each.kind.value, window.value, window_start(window, at), each.subject_id, each)
            for each in additions
            for window in each.windows
        ),
        key=lambda row: row[:4],
    )
    if not rows:
        return {}
    parameters: list[Any] = []
    for kind, window, starts_at, subject_id, each in rows:
        amount = each.amount
        values = (
            workspace_id,
            kind,
            window,
            starts_at,
            subject_id,
            each.label[:255],
            amount.turns,
            amount.tokens_read,
            amount.tokens_written,
        )
        parameters += [_prepared(name, value) for name, value in zip(_COLUMNS, values, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_statement(len(rows)), parameters)
        held = cursor.fetchall()
    # in any order; SQLite gives ids as text
    return {
        (kind, UUID(str(subject_id)), window): Count(turns, read + written)
        for kind, subject_id, window, turns, read, written in held
    }


def _prepared(name: str, value: object) -> Any:
    field = UsageCounter._meta.get_field(name)
    assert isinstance(field, Field)
    return field.get_db_prep_save(value, connection)


def _statement(rows: int) -> str:
    quote = connection.ops.quote_name
    table = quote(UsageCounter._meta.db_table)
    names = ", ".join(map(quote, _COLUMNS))
    row = f"({', '.join(['%s'] * len(_COLUMNS))})"
    sums = ", ".join(f"{quote(name)} = {table}.{quote(name)} + excluded.{quote(name)}" for name in _AMOUNTS)
    return (
        f"INSERT INTO {table} ({names}) VALUES {', '.join([row] * rows)} "
        f"ON CONFLICT ({', '.join(map(quote, _KEY))}) DO UPDATE SET {sums} "
        f"RETURNING {', '.join(map(quote, _RETURNED))}"
    )

"""Questions about limits and about what was used. All run inside a workspace scope.

Reports read the counters, whose rows are as many as people, assistants and models times days, however many messages
there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from chatplatform.accounts.models import ApiToken, Group, Membership
from chatplatform.common.clock import now
from chatplatform.common.errors import InvalidInput
from chatplatform.common.scope import current_workspace_id
from chatplatform.usage.counters import NOBODY
from chatplatform.usage.limits import LimitView, measured
from chatplatform.usage.models import QuotaRule, Unit, UsageCounter, Window
from chatplatform.usage.rules import current_rules, rules_for

__all__ = [
    "DayUse",
    "LimitView",
    "ModelUse",
    "PersonUse",
    "RuleView",
    "SubjectUse",
    "Totals",
    "by_assistant",
    "by_day",
    "by_model",
    "by_person",
    "by_token",
    "limits_of",
    "rules",
    "totals",
]

MOST_DAYS = 366
Subject = UsageCounter.Subject


@dataclass(frozen=True, slots=True)
class Totals:
    """What was used: answers, and tokens read and written by models."""

    turns: int
    tokens_read: int
    tokens_written: int

    @property
    def tokens(self) -> int:
        return self.tokens_read + self.tokens_written


@dataclass(frozen=True, slots=True)
class DayUse(Totals):
    """The use of one day in UTC."""

    day: date


@dataclass(frozen=True, slots=True)
class PersonUse(Totals):
    """The use of one person; `user_id` None is what nobody caused, such as indexing. The name may be empty for people
    who have left."""

    user_id: UUID | None
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class SubjectUse(Totals):
    """The use of one assistant or token; None is the default assistant."""

    subject_id: UUID | None


@dataclass(frozen=True, slots=True)
class ModelUse(Totals):
    """The use of one model, by its name. Tokens include calls outside of turns, such as titles."""

    model: str


@dataclass(frozen=True, slots=True)
class RuleView:
    """A limit for lists. `subject_name` is a person's name or address, a group's or a token's name; empty for everyone
    and for what is gone."""

    id: UUID
    subject_kind: QuotaRule.Subject
    subject_id: UUID
    subject_name: str
    together: bool
    unit: Unit
    window: Window
    limit: int
    created_at: datetime


def limits_of(user_id: UUID, token_id: UUID | None = None) -> list[LimitView]:
    """The limits that this person meets, with what is used and left; the closest to its end first."""
    views = measured(rules_for(current_rules(), user_id, token_id), user_id, token_id)
    group_ids = {view.group_id for view in views if view.group_id}
    if not group_ids:
        return views
    names = dict(Group.objects.filter(id__in=group_ids).values_list("id", "name"))
    return [
        replace(view, group_name=names.get(view.group_id, "")) if view.group_id else view for view in views
    ]


def rules() -> list[RuleView]:
    """Every limit of the workspace, those for everyone first, then groups, people and tokens by name."""
    rows = list(QuotaRule.objects.all())
    ids = {kind: [row.subject_id for row in rows if row.subject_kind == kind] for kind in QuotaRule.Subject}
    names: dict[UUID, str] = {}
    if people := ids[QuotaRule.Subject.PERSON]:
        names |= {user_id: name or email for user_id, name, email in _people(people)}
    if groups := ids[QuotaRule.Subject.GROUP]:
        names |= dict(Group.objects.filter(id__in=groups).values_list("id", "name"))
    if tokens := ids[QuotaRule.Subject.TOKEN]:
        names |= dict(ApiToken.objects.filter(id__in=tokens).values_list("id", "name"))
    order = ["everyone", "group", "person", "token"]
    views = [
        RuleView(
            id=row.id,
            subject_kind=QuotaRule.Subject(row.subject_kind),
            subject_id=row.subject_id,
            subject_name=names.get(row.subject_id, ""),
            together=row.together,
            unit=Unit(row.unit),
            window=Window(row.window),
            limit=row.limit,
            created_at=row.created_at,
        )
        for row in rows
    ]
    windows = list(Window)
    return sorted(
        views,
        key=lambda view: (
            order.index(view.subject_kind),
            view.subject_name.casefold(),
            view.subject_id,
            view.unit,
            windows.index(view.window),
        ),
    )


def totals(since: date, until: date) -> Totals:
    """What everybody used from `since` to `until`, both included."""
    found = _sums(_days(Subject.PERSON, since, until))
    return Totals(found["turns"] or 0, found["read"] or 0, found["written"] or 0)


def by_day(since: date, until: date) -> list[DayUse]:
    """The use of each day, the oldest first; days without use are in it. At most MOST_DAYS days."""
    rows = _grouped(_days(Subject.PERSON, since, until), "starts_at")
    found = {row["starts_at"].astimezone(UTC).date(): row for row in rows}
    days = (since + timedelta(days=n) for n in range((until - since).days + 1))
    return [DayUse(*_numbers(found.get(day)), day=day) for day in days]


def by_person(
    since: date,
    until: date,
    *,
    search: str = "",
    after: tuple[int, UUID] | None = None,
    limit: int = 50,
) -> list[PersonUse]:
    """People by tokens, the most first. `after` is the last one's (tokens, user_id or the id of zeros).

    `search` looks in names and addresses.
    """
    rows = _days(Subject.PERSON, since, until)
    if search:
        members = Membership.objects.filter(
            Q(user__display_name__icontains=search) | Q(user__email__icontains=search),
            workspace_id=current_workspace_id(),
        )
        rows = rows.filter(subject_id__in=members.values("user_id"))
    found = list(_ranked(rows, after)[:limit])
    people = {
        user_id: (name, email) for user_id, name, email in _people([row["subject_id"] for row in found])
    }
    return [
        PersonUse(
            *_numbers(row),
            None if row["subject_id"] == NOBODY else row["subject_id"],
            *people.get(row["subject_id"], ("", "")),
        )
        for row in found
    ]


def by_assistant(
    since: date, until: date, *, after: tuple[int, UUID] | None = None, limit: int = 50
) -> list[SubjectUse]:
    """Assistants by tokens of their answers, the most first. The layer of prompts knows their names."""
    rows = _ranked(_days(Subject.ASSISTANT, since, until), after)[:limit]
    return [
        SubjectUse(*_numbers(row), None if row["subject_id"] == NOBODY else row["subject_id"]) for row in rows
    ]


def by_token(
    since: date, until: date, *, after: tuple[int, UUID] | None = None, limit: int = 50
) -> list[SubjectUse]:
    """API tokens by tokens used, the most first."""
    rows = _ranked(_days(Subject.TOKEN, since, until), after)[:limit]
    return [SubjectUse(*_numbers(row), row["subject_id"]) for row in rows]


def by_model(since: date, until: date, *, limit: int = 50) -> list[ModelUse]:
    """Models by tokens, the most first."""
    rows = _grouped(_days(Subject.MODEL, since, until), "label").order_by("-tokens", "label")[:limit]
    return [ModelUse(*_numbers(row), row["label"]) for row in rows]


def today() -> date:
    """The day in UTC."""
    return now().astimezone(UTC).date()


# ---------------------------------------------------------------- parts of the questions


def _days(kind: UsageCounter.Subject, since: date, until: date) -> QuerySet[UsageCounter]:
    if not 0 <= (until - since).days < MOST_DAYS:
        raise InvalidInput(
            "usage.bad_range",
            _("Choose a time of at most %(n)d days, the first day first.") % {"n": MOST_DAYS},
        )
    return UsageCounter.objects.filter(
        subject_kind=kind,
        window=Window.DAY,
        starts_at__gte=datetime.combine(since, time(), UTC),
        starts_at__lte=datetime.combine(until, time(), UTC),
    )


def _sums(rows: QuerySet[Any]) -> dict[str, Any]:
    return rows.aggregate(turns=Sum("turns"), read=Sum("tokens_read"), written=Sum("tokens_written"))


def _grouped(rows: QuerySet[UsageCounter], *fields: str) -> QuerySet[Any, Any]:
    found: QuerySet[Any, Any] = (
        rows.order_by()
        .values(*fields)
        .annotate(
            sum_turns=Sum("turns"),
            read=Sum("tokens_read"),
            written=Sum("tokens_written"),
            tokens=Sum(F("tokens_read") + F("tokens_written")),
        )
    )
    return found


def _ranked(rows: QuerySet[UsageCounter], after: tuple[int, UUID] | None) -> QuerySet[Any, Any]:
    ranked = _grouped(rows, "subject_id").order_by("-tokens", "subject_id")
    if after is not None:
        tokens, subject_id = after
        ranked = ranked.filter(Q(tokens__lt=tokens) | Q(tokens=tokens, subject_id__gt=subject_id))
    return ranked


def _numbers(row: dict[str, Any] | None) -> tuple[int, int, int]:
    return (row["sum_turns"], row["read"], row["written"]) if row else (0, 0, 0)


def _people(user_ids: list[UUID]) -> Iterable[tuple[UUID, str, str]]:
    """Ids, names and addresses of members of the workspace; those who have left are not in it."""
    return Membership.objects.filter(workspace_id=current_workspace_id(), user_id__in=user_ids).values_list(
        "user_id", "user__display_name", "user__email"
    )

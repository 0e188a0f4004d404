"""How far somebody is within their limits: reading counters against rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, Q, Sum

from chatplatform.accounts.models import GroupMembership
from chatplatform.common.clock import now
from chatplatform.usage.counters import Count, CounterKey
from chatplatform.usage.models import QuotaRule, Unit, UsageCounter, Window
from chatplatform.usage.rules import Rule
from chatplatform.usage.windows import window_end, window_start

_NOTHING = Count(0, 0)


@dataclass(frozen=True, slots=True)
class LimitView:
    """One limit and how far it is used. `source` is person, group, token or everyone; with `together` the use of
    all its people counts. `group_id` tells which group. `resets_at` is in UTC."""

    rule_id: UUID
    unit: Unit
    window: Window
    limit: int
    used: int
    resets_at: datetime
    source: QuotaRule.Subject
    together: bool
    group_id: UUID | None = None
    group_name: str = ""

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def fraction(self) -> float:
        """How much of it is used, 0 to 1."""
        return min(1.0, self.used / self.limit) if self.limit else 1.0


def measured(
    rules: Iterable[Rule],
    user_id: UUID,
    token_id: UUID | None,
    *,
    known: Mapping[CounterKey, Count] | None = None,
) -> list[LimitView]:
    """The rules with what is used of them, the closest to its end first.

    `known` holds counters that were read already; of the others, those of the person and the token are one statement,
    and each sum over a group or the workspace is one.
    """
    moment = now()
    rules = list(rules)
    own = dict(known or {})
    if known is None and any(not rule.together for rule in rules):
        own = _own_counts(user_id, token_id, moment)
    views = [
        LimitView(
            rule_id=rule.id,
            unit=rule.unit,
            window=rule.window,
            limit=rule.limit,
            used=_in_unit(
                _sum(rule, moment) if rule.together else _own(rule, own, user_id, token_id), rule.unit
            ),
            resets_at=window_end(rule.window, moment),
            source=rule.subject_kind,
            together=rule.together,
            group_id=rule.subject_id if rule.subject_kind == QuotaRule.Subject.GROUP else None,
        )
        for rule in rules
    ]
    return sorted(views, key=lambda view: (-view.fraction, -view.resets_at.timestamp()))


def _own(rule: Rule, own: Mapping[CounterKey, Count], user_id: UUID, token_id: UUID | None) -> Count:
    if rule.subject_kind == QuotaRule.Subject.TOKEN and token_id is not None:
        return own.get((UsageCounter.Subject.TOKEN.value, token_id, rule.window.value), _NOTHING)
    return own.get((UsageCounter.Subject.PERSON.value, user_id, rule.window.value), _NOTHING)


def _own_counts(user_id: UUID, token_id: UUID | None, moment: datetime) -> dict[CounterKey, Count]:
    subjects = Q(subject_kind=UsageCounter.Subject.PERSON, subject_id=user_id)
    if token_id is not None:
        subjects |= Q(subject_kind=UsageCounter.Subject.TOKEN, subject_id=token_id)
    rows = UsageCounter.objects.filter(subjects, _windows(moment))
    return {
        (row.subject_kind, row.subject_id, row.window): Count(row.turns, row.tokens_read + row.tokens_written)
        for row in rows
    }


def _windows(moment: datetime) -> Q:
    wanted = Q()
    for window in Window:
        wanted |= Q(window=window, starts_at=window_start(window, moment))
    return wanted


def _sum(rule: Rule, moment: datetime) -> Count:
    """What all its people used together; people who have left a group take their use along."""
    rows = UsageCounter.objects.filter(
        subject_kind=UsageCounter.Subject.PERSON,
        window=rule.window,
        starts_at=window_start(rule.window, moment),
    )
    if rule.subject_kind == QuotaRule.Subject.GROUP:
        people = GroupMembership.objects.filter(group_id=rule.subject_id).values("membership__user_id")
        rows = rows.filter(subject_id__in=people)
    found = rows.aggregate(turns=Sum("turns"), tokens=Sum(F("tokens_read") + F("tokens_written")))
    return Count(found["turns"] or 0, found["tokens"] or 0)


def _in_unit(count: Count, unit: Unit) -> int:
    return max(0, count.turns if unit == Unit.TURNS else count.tokens)

"""The limits that hold, and for whom. Read for every turn, so each process keeps them for a moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from uuid import UUID

from chatplatform.accounts.models import GroupMembership
from chatplatform.common.scope import current_workspace_id
from chatplatform.usage.models import QuotaRule, Unit, Window

# What another process changed is seen after this; what this one changed, at once.
FRESH_S = 1.0

Subject = QuotaRule.Subject


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit as admission needs it."""

    id: UUID
    subject_kind: QuotaRule.Subject
    subject_id: UUID
    together: bool
    unit: Unit
    window: Window
    limit: int


_kept: dict[UUID, tuple[float, tuple[Rule, ...]]] = {}
_lock = Lock()


def current_rules() -> tuple[Rule, ...]:
    """The rules of the open workspace, at most FRESH_S old: usually no statement at all."""
    workspace_id = current_workspace_id()
    kept = _kept.get(workspace_id)
    if kept is not None and monotonic() - kept[0] < FRESH_S:
        return kept[1]
    asked_at = monotonic()
    rules = tuple(
        Rule(
            row.id,
            Subject(row.subject_kind),
            row.subject_id,
            row.together,
            Unit(row.unit),
            Window(row.window),
            row.limit,
        )
        for row in QuotaRule.objects.all()
    )
    with _lock:
        _kept[workspace_id] = (asked_at, rules)
    return rules


def forget_rules(workspace_id: UUID) -> None:
    """Read the rules anew the next time."""
    with _lock:
        _kept.pop(workspace_id, None)


def rules_for(rules: Iterable[Rule], user_id: UUID, token_id: UUID | None) -> list[Rule]:
    """Those that this person meets, coming with this token. Groups are read only where a group has a rule."""
    rules = list(rules)
    group_ids: set[UUID] = set()
    if any(rule.subject_kind == Subject.GROUP for rule in rules):
        group_ids = set(
            GroupMembership.objects.filter(membership__user_id=user_id).values_list("group_id", flat=True)
        )

    def concerns(rule: Rule) -> bool:
        match rule.subject_kind:
            case Subject.EVERYONE:
                return True
            case Subject.PERSON:
                return rule.subject_id == user_id
            case Subject.GROUP:
                return rule.subject_id in group_ids
            case Subject.TOKEN:
                return rule.subject_id == token_id

    return [rule for rule in rules if concerns(rule)]

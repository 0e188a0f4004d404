"""Counting what is used, and refusing what is beyond a limit.

Use is checked before a turn is accepted, and before a model is called outside a turn. What has begun is never cut: a
limit of tokens may be passed by what was running when it was reached, and no more is begun. All run inside a
workspace scope.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from datetime import datetime
from time import monotonic
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from chatplatform.accounts.models import ApiToken, Group, Membership
from chatplatform.audit.catalogue import AuditEventType
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor, ActorKind
from chatplatform.common.clock import now
from chatplatform.common.errors import InvalidInput, NotFound
from chatplatform.common.scope import current_workspace_id
from chatplatform.usage import audit_events
from chatplatform.usage.counters import NOBODY, Addition, Amount, Subject, add_up, model_id
from chatplatform.usage.errors import QuotaExceeded
from chatplatform.usage.limits import LimitView, measured
from chatplatform.usage.models import QuotaRule, Unit, Window
from chatplatform.usage.rules import current_rules, forget_rules, rules_for

__all__ = [
    "QuotaExceeded",
    "add",
    "add_answer",
    "add_call",
    "admit",
    "note_refusal",
    "person_of",
    "remove_rule",
    "set_rule",
    "take_back_turn",
]

MOST = 10**12
REFUSAL_EVERY_S = 60
_REFUSALS_KNOWN = 1000


def admit(*, user_id: UUID, token_id: UUID | None = None, turns: int = 0) -> bool:
    """Let the person go on, or raise QuotaExceeded (a TooMany) with what is left and when it resets.

    With `turns`, and where limits hold for this person, they are counted here, in the caller's transaction, which
    must roll back at the refusal: counting first and looking after admits no two at once for one place. Gives
    whether they were counted; if not, `add` them when they are over. Without limits it asks nothing. Call it last in
    the transaction.
    """
    rules = rules_for(current_rules(), user_id, token_id)
    if not rules:
        return False
    known = None
    if turns:
        _wait_for_pools([rule.id for rule in rules if rule.together and rule.unit == Unit.TURNS])
        known = add_up(_people(user_id, token_id, Amount(turns=turns)), at=now())
    for limit in sorted(measured(rules, user_id, token_id, known=known), key=_longest_closed):
        # turns were added already; a token more is always wanted
        over = limit.used > limit.limit if limit.unit == Unit.TURNS and turns else limit.used >= limit.limit
        if over and (turns or limit.unit == Unit.TOKENS):
            raise QuotaExceeded(_without(limit, turns))
    return bool(turns)


def add(
    *,
    user_id: UUID | None,
    token_id: UUID | None = None,
    turns: int = 0,
    tokens: int = 0,
    at: datetime | None = None,
) -> None:
    """Count in the caller's transaction, with one statement; `at` is when it was used, if not now."""
    amount = Amount(turns=turns, tokens_written=tokens)
    add_up(_people(user_id, token_id, amount), at=at or now())


def add_call(*, actor: Actor, model: str, tokens_read: int, tokens_written: int) -> None:
    """Count what a model read and wrote for somebody: for the person, the token and the model."""
    if not tokens_read and not tokens_written:
        return
    amount = Amount(0, tokens_read, tokens_written)
    additions = _people(person_of(actor), actor.token_id, amount)
    if model:
        additions.append(Addition(Subject.MODEL, model_id(model), amount, label=model))
    add_up(additions, at=now())


def add_answer(
    *,
    user_id: UUID,
    token_id: UUID | None,
    assistant_id: UUID | None,
    model: str,
    tokens_read: int,
    tokens_written: int,
    is_counted: bool,
    at: datetime,
) -> None:
    """Count a turn that is over: for its assistant and model and, unless `admit` did it, for its person.

    `at` is when the turn began. Its tokens were counted for the person call by call.
    """
    additions = [] if is_counted else _people(user_id, token_id, Amount(turns=1))
    spent = Amount(1, tokens_read, tokens_written)
    additions.append(Addition(Subject.ASSISTANT, assistant_id or NOBODY, spent))
    if model:
        additions.append(Addition(Subject.MODEL, model_id(model), Amount(turns=1), label=model))
    add_up(additions, at=at)


def take_back_turn(*, user_id: UUID, token_id: UUID | None, at: datetime) -> None:
    """Give back what `admit` counted at the moment `at`: the turn failed."""
    add_up(_people(user_id, token_id, Amount(turns=-1)), at=at)


def person_of(actor: Actor) -> UUID | None:
    """The person that an actor is, or None."""
    return UUID(actor.id) if actor.kind == ActorKind.PERSON else None


def set_rule(
    *,
    subject_kind: QuotaRule.Subject,
    subject_id: UUID | None,
    unit: Unit,
    window: Window,
    limit: int,
    together: bool = False,
    actor: Actor,
) -> UUID:
    """Set a limit, or change the one that is there for the same subject, unit and window; its id.

    `subject_id` is None for everyone. Raises InvalidInput for a limit below 0 or above MOST, NotFound for a subject
    that is not of this workspace.
    """
    if not 0 <= limit <= MOST:
        raise InvalidInput(
            "usage.bad_limit", _("A limit is a whole number from 0 to %(most)d.") % {"most": MOST}
        )
    workspace_id = current_workspace_id()
    subject_id = _checked_subject(subject_kind, subject_id)
    together = together and subject_kind in {QuotaRule.Subject.GROUP, QuotaRule.Subject.EVERYONE}
    with transaction.atomic():
        rule, _is_new = QuotaRule.objects.update_or_create(
            workspace_id=workspace_id,
            subject_kind=subject_kind,
            subject_id=subject_id,
            together=together,
            unit=unit,
            window=window,
            defaults={"limit": limit},
        )
        _record(audit_events.RULE_SET, rule, actor)
    forget_rules(workspace_id)
    return rule.id


def remove_rule(rule_id: UUID, *, actor: Actor) -> None:
    """Take a limit away. Raises NotFound."""
    with transaction.atomic():
        rule = QuotaRule.objects.select_for_update().filter(id=rule_id).first()
        if rule is None:
            raise NotFound("usage.rule_not_found", _("This limit does not exist (any more)."))
        _record(audit_events.RULE_REMOVED, rule, actor)
        rule.delete()
    forget_rules(rule.workspace_id)


_noted: OrderedDict[str, float] = OrderedDict()


def note_refusal(refusal: QuotaExceeded, *, actor: Actor) -> None:
    """Write a refusal into the audit log, outside the transaction that it ended; at most once a minute for each."""
    last = _noted.get(actor.id)
    if last is not None and monotonic() - last < REFUSAL_EVERY_S:
        return
    _noted[actor.id] = monotonic()
    _noted.move_to_end(actor.id)
    while len(_noted) > _REFUSALS_KNOWN:
        _noted.popitem(last=False)
    limit = refusal.limit
    with transaction.atomic():
        record(
            audit_events.QUOTA_REFUSED,
            actor=actor,
            workspace_id=current_workspace_id(),
            target=Target("quota_rule", str(limit.rule_id)),
            details={
                "source": limit.source.value,
                "unit": limit.unit.value,
                "window": limit.window.value,
                "limit": limit.limit,
                "used": limit.used,
            },
            outcome="refused",
        )


# ---------------------------------------------------------------- parts of the acts


def _people(user_id: UUID | None, token_id: UUID | None, amount: Amount) -> list[Addition]:
    additions = [Addition(Subject.PERSON, user_id or NOBODY, amount)]
    if token_id is not None:
        additions.append(Addition(Subject.TOKEN, token_id, amount))
    return additions


def _wait_for_pools(rule_ids: list[UUID]) -> None:
    """One after another past limits that people share: of two at once on PostgreSQL, each would miss the other."""
    if rule_ids:
        list(QuotaRule.objects.select_for_update().filter(id__in=rule_ids).order_by("id").values_list("id"))


def _longest_closed(limit: LimitView) -> float:
    return -limit.resets_at.timestamp()


def _without(limit: LimitView, turns: int) -> LimitView:
    """As it is once the refused turns are rolled back."""
    return replace(limit, used=limit.used - turns) if limit.unit == Unit.TURNS else limit


def _checked_subject(kind: QuotaRule.Subject, subject_id: UUID | None) -> UUID:
    workspace_id = current_workspace_id()
    if kind == QuotaRule.Subject.EVERYONE:
        return workspace_id
    found = subject_id is not None and (
        (
            kind == QuotaRule.Subject.PERSON
            and Membership.objects.filter(workspace_id=workspace_id, user_id=subject_id).exists()
        )
        or (kind == QuotaRule.Subject.GROUP and Group.objects.filter(id=subject_id).exists())
        or (kind == QuotaRule.Subject.TOKEN and ApiToken.objects.filter(id=subject_id).exists())
    )
    if subject_id is None or not found:
        raise NotFound(
            "usage.no_subject", _("There is no such person, group or token here. Choose one from the list.")
        )
    return subject_id


def _record(event: AuditEventType, rule: QuotaRule, actor: Actor) -> None:
    record(
        event,
        actor=actor,
        workspace_id=rule.workspace_id,
        target=Target("quota_rule", str(rule.id)),
        details={
            "subject_kind": str(rule.subject_kind),
            "subject_id": str(rule.subject_id),
            "together": rule.together,
            "unit": str(rule.unit),
            "window": str(rule.window),
            "limit": rule.limit,
        },
    )

"""What was said of answers: by oneself, and, for staff, by everybody. Inside a workspace scope."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils.translation import gettext as _

from chatplatform.audit.services import record
from chatplatform.chat.models import Conversation, Turn
from chatplatform.common.actors import Actor
from chatplatform.common.errors import InvalidInput, NotFound
from chatplatform.common.scope import current_workspace_id
from chatplatform.feedback import audit_events as events
from chatplatform.feedback.content import comment_of
from chatplatform.feedback.models import Feedback, Verdict
from chatplatform.prompts.models import PromptVersion

MOST_EXPORTED = 20_000
MOST_DAYS = 366
LAST_YEAR = 9999  # the calendar's last: there is no day after it
_BATCH = 500


@dataclass(frozen=True, slots=True)
class FeedbackView:
    """What somebody said of an answer. `comment` is empty where there is none, or its author was erased."""

    id: UUID
    turn_id: UUID
    author_id: UUID
    verdict: str
    reasons: tuple[str, ...]
    comment: str = field(repr=False)
    assistant_id: UUID | None
    prompt_version_id: UUID | None
    model: str
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class FeedbackFilter:
    """What is looked for; None and the empty string stand for anything. Days are UTC's; `until` is included."""

    verdict: str = ""
    reason: str = ""
    assistant_id: UUID | None = None
    prompt_version_id: UUID | None = None
    model: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class DayShare:
    """How the answers of one day were judged."""

    day: date
    good: int
    bad: int

    @property
    def share(self) -> float | None:
        """Of all judged ones, the good; None where none was judged."""
        judged = self.good + self.bad
        return self.good / judged if judged else None


def own_feedback(person_id: UUID, turn_id: UUID) -> FeedbackView | None:
    """What the person said of this answer, if anything. Raises NotFound for a turn that is not theirs."""
    if not Turn.objects.filter(id=turn_id, owner_id=person_id).exists():
        raise NotFound("turn_not_found", _("This answer does not exist, or it is not yours."))
    row = Feedback.objects.filter(turn_id=turn_id, author_id=person_id).first()
    return _view(row) if row else None


def feedback_in(person_id: UUID, conversation_id: UUID) -> list[FeedbackView]:
    """What the person said of answers in a conversation of theirs. Raises NotFound."""
    if not Conversation.objects.filter(id=conversation_id, owner_id=person_id).exists():
        raise NotFound("conversation_not_found", _("This conversation does not exist, or it is not yours."))
    rows = Feedback.objects.filter(turn__conversation_id=conversation_id, author_id=person_id)
    return [_view(row) for row in rows.order_by("created_at")]


def read_feedback(
    matching: FeedbackFilter, *, after: tuple[datetime, UUID] | None = None, limit: int, actor: Actor
) -> list[FeedbackView]:
    """Everybody's, newest first, past the one that came then. That comments were read is recorded."""
    rows = _matching(matching).order_by("-created_at", "-id")
    if after is not None:
        moment, last_id = after
        rows = rows.filter(created_at__lte=moment).exclude(created_at=moment, id__gte=last_id)
    views = [_view(row) for row in rows[:limit]]
    comments = sum(bool(view.comment) for view in views)
    if comments:
        with transaction.atomic():
            record(
                events.FEEDBACK_READ,
                actor=actor,
                workspace_id=current_workspace_id(),
                details={"items": len(views), "comments": comments},
            )
    return views


def exported_feedback(matching: FeedbackFilter, *, actor: Actor) -> Iterator[FeedbackView]:
    """The newest of everybody's, for a file; that it was taken is recorded first. Keep the scope open meanwhile."""
    rows = _matching(matching).order_by("-created_at", "-id")[:MOST_EXPORTED]
    ids = list(rows.values_list("id", flat=True))
    with_comment = _matching(matching).exclude(comment=b"").count()
    with transaction.atomic():
        record(
            events.FEEDBACK_EXPORTED,
            actor=actor,
            workspace_id=current_workspace_id(),
            details={"items": len(ids), "comments": min(with_comment, len(ids))},
        )
    for start in range(0, len(ids), _BATCH):
        part = ids[start : start + _BATCH]
        found = {row.id: row for row in Feedback.objects.filter(id__in=part)}
        for each in part:
            if each in found:
                yield _view(found[each])


def shares_by_day(matching: FeedbackFilter, since: date, until: date) -> list[DayShare]:
    """Each day from the first to the last, those without a verdict too; at most MOST_DAYS. Raises InvalidInput."""
    if not 0 <= (until - since).days < MOST_DAYS or until.year >= LAST_YEAR:
        raise InvalidInput(
            "feedback.bad_range",
            _("Ask for at most %(n)d days, from an earlier to a later one.") % {"n": MOST_DAYS},
        )
    rows = (
        _matching(matching)
        .filter(created_at__gte=_begin(since), created_at__lt=_begin(until + timedelta(days=1)))
        .annotate(day=TruncDate("created_at", tzinfo=UTC))
        .values("day")
        .annotate(
            good=Count("id", filter=Q(verdict=Verdict.GOOD)), bad=Count("id", filter=Q(verdict=Verdict.BAD))
        )
    )
    found = {row["day"]: row for row in rows}
    days = (since + timedelta(days=number) for number in range((until - since).days + 1))
    return [
        DayShare(day, found[day]["good"], found[day]["bad"]) if day in found else DayShare(day, 0, 0)
        for day in days
    ]


def models_judged() -> list[str]:
    """The names of models that somebody judged an answer of."""
    return list(
        Feedback.objects.exclude(model="").order_by("model").values_list("model", flat=True).distinct()
    )


def versions_judged() -> dict[UUID, str]:
    """The prompt versions that somebody judged an answer of, by what people call them: prompt and number."""
    rows = Feedback.objects.filter(prompt_version_id__isnull=False).order_by("prompt_version_id")
    ids = [found for found in rows.values_list("prompt_version_id", flat=True).distinct() if found]
    found_rows = PromptVersion.objects.filter(id__in=ids).order_by("prompt__name", "-number")
    return {
        version_id: f"{name} · {number}"
        for version_id, name, number in found_rows.values_list("id", "prompt__name", "number")
    }


def _matching(matching: FeedbackFilter) -> QuerySet[Feedback]:
    rows = Feedback.objects.all()
    if matching.verdict:
        rows = rows.filter(verdict=matching.verdict)
    if matching.reason:
        rows = rows.filter(reasons__contains=f",{matching.reason},")
    if matching.assistant_id:
        rows = rows.filter(assistant_id=matching.assistant_id)
    if matching.prompt_version_id:
        rows = rows.filter(prompt_version_id=matching.prompt_version_id)
    if matching.model:
        rows = rows.filter(model=matching.model)
    if matching.since:
        rows = rows.filter(created_at__gte=_begin(matching.since))
    if matching.until and matching.until.year < LAST_YEAR:
        rows = rows.filter(created_at__lt=_begin(matching.until + timedelta(days=1)))
    return rows


def _begin(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _view(row: Feedback) -> FeedbackView:
    return FeedbackView(
        id=row.id,
        turn_id=row.turn_id,
        author_id=row.author_id,
        verdict=row.verdict,
        reasons=tuple(reason for reason in row.reasons.split(",") if reason),
        comment=comment_of(row),
        assistant_id=row.assistant_id,
        prompt_version_id=row.prompt_version_id,
        model=row.model,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )

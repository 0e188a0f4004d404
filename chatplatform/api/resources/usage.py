"""What was used, and what is left of one's own limits."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Literal, cast
from uuid import UUID

from ninja import Field, Query, Router, Schema

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.cursors import InvalidCursor, at_text, cursor
from chatplatform.api.documentation import answers
from chatplatform.api.schemas import Moment, NextCursor, Page
from chatplatform.usage import queries
from chatplatform.usage.queries import MOST_DAYS, Totals

router = Router(tags=["Usage"])
ANYBODY = Access()
READ = Access(Permission.USAGE_READ)
NOBODY = UUID(int=0)


class LimitOut(Schema):
    """A limit that you meet. With `together`, what all its people use counts."""

    unit: Literal["tokens", "turns"]
    window: Literal["hour", "day", "month"]
    limit: int
    used: int
    left: int
    resets_at: Moment
    source: Literal["everyone", "group", "person", "token"]
    together: bool


class LimitList(Schema):
    items: list[LimitOut]


class Use(Schema):
    turns: int
    tokens_read: int
    tokens_written: int


class DayOut(Use):
    day: date


class UsageOut(Schema):
    """What everybody used; days are in UTC."""

    since: date
    until: date
    total: Use
    days: list[DayOut]


class PersonOut(Use):
    user_id: UUID | None
    name: str
    email: str


class PersonList(Schema):
    items: list[PersonOut]
    next: NextCursor


class AssistantUseOut(Use):
    """`assistant_id` null is the default assistant."""

    assistant_id: UUID | None


class AssistantUseList(Schema):
    items: list[AssistantUseOut]
    next: NextCursor


class Period(Schema):
    since: date | None = Field(None, description="First day, in UTC; 30 days ago when left out.")
    until: date | None = Field(None, description="Last day, in UTC; today when left out.")


class PeriodPage(Page, Period):
    pass


@router.get("me/limits", response=answers(LimitList), auth=ANYBODY, summary="My limits")
def my_limits(request: ApiRequest) -> dict[str, Any]:
    """The limits that this token meets, with what is left; the closest to its end first."""
    caller = request.caller
    return {
        "items": [
            LimitOut(
                unit=cast(Any, view.unit.value),
                window=cast(Any, view.window.value),
                limit=view.limit,
                used=view.used,
                left=view.left,
                resets_at=view.resets_at,
                source=cast(Any, view.source.value),
                together=view.together,
            )
            for view in queries.limits_of(caller.id, caller.token_id)
        ]
    }


@router.get("usage", response=answers(UsageOut), auth=READ, summary="Usage by day")
def usage(request: ApiRequest, period: Query[Period]) -> UsageOut:
    since, until = _days(period)
    return UsageOut(
        since=since,
        until=until,
        total=Use(**_numbers(queries.totals(since, until))),
        days=[DayOut(day=row.day, **_numbers(row)) for row in queries.by_day(since, until)],
    )


@router.get("usage/people", response=answers(PersonList), auth=READ, summary="Usage by person")
def usage_by_person(request: ApiRequest, wanted: Query[PeriodPage]) -> dict[str, Any]:
    """Who used most, first."""
    since, until = _days(wanted)
    found = queries.by_person(since, until, after=_place(wanted.after), limit=wanted.limit + 1)
    shown = found[: wanted.limit]
    return {
        "items": [
            PersonOut(user_id=row.user_id, name=row.name, email=row.email, **_numbers(row)) for row in shown
        ],
        "next": _next(shown[-1], shown[-1].user_id) if len(found) > len(shown) else None,
    }


@router.get("usage/assistants", response=answers(AssistantUseList), auth=READ, summary="Usage by assistant")
def usage_by_assistant(request: ApiRequest, wanted: Query[PeriodPage]) -> dict[str, Any]:
    """What was used most, first."""
    since, until = _days(wanted)
    found = queries.by_assistant(since, until, after=_place(wanted.after), limit=wanted.limit + 1)
    shown = found[: wanted.limit]
    return {
        "items": [AssistantUseOut(assistant_id=row.subject_id, **_numbers(row)) for row in shown],
        "next": _next(shown[-1], shown[-1].subject_id) if len(found) > len(shown) else None,
    }


def _days(period: Period) -> tuple[date, date]:
    until = period.until or queries.today()
    earliest = date.min + timedelta(days=MOST_DAYS)
    since = period.since or max(until, earliest) - timedelta(days=29)
    return since, until


def _numbers(row: Totals) -> dict[str, int]:
    return {"turns": row.turns, "tokens_read": row.tokens_read, "tokens_written": row.tokens_written}


def _next(row: Totals, subject_id: UUID | None) -> str:
    return cursor(f"{row.tokens}/{subject_id or NOBODY}")


def _place(after: str | None) -> tuple[int, UUID] | None:
    text = at_text(after)
    if text is None:
        return None
    tokens, _slash, subject_id = text.partition("/")
    try:
        place = int(tokens), UUID(subject_id)
    except ValueError:
        raise InvalidCursor from None
    if not 0 <= place[0] < 2**63:
        raise InvalidCursor
    return place

"""What people say of answers: one's own, and, for staff, everybody's."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Literal, cast
from uuid import UUID

from ninja import Field, Query, Router, Schema, Status

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.cursors import at_moment, cursor
from chatplatform.api.documentation import CHANGES, FINDS, answers, example
from chatplatform.api.schemas import Body, Moment, NextCursor, Page, Text
from chatplatform.feedback import queries, services
from chatplatform.feedback.queries import FeedbackFilter, FeedbackView
from chatplatform.usage.queries import today

router = Router(tags=["Feedback"])
OWN = Access(Permission.CHAT)
READ = Access(Permission.FEEDBACK_READ)

VerdictWord = Literal["good", "bad"]
ReasonWord = Literal[
    "correct",
    "complete",
    "clear",
    "right_tone",
    "wrong",
    "incomplete",
    "unclear",
    "beside_the_point",
    "wrong_source",
    "harmful",
]


class FeedbackIn(Body):
    """The first four reasons go with `good`, the others with `bad`. Who runs the workspace reads the comment.

    With `shows_question`, those who look after the assistant's documents see the question, without a name, until the
    verdict is taken back.
    """

    verdict: VerdictWord
    reasons: list[ReasonWord] = Field([], max_length=10)
    comment: Text = Field("", max_length=services.COMMENT_CHARS)
    shows_question: bool = False


class FeedbackOut(Schema):
    """What you said of an answer of yours."""

    turn_id: UUID
    verdict: VerdictWord
    reasons: list[ReasonWord]
    comment: str
    created_at: Moment
    changed_at: Moment


class FeedbackList(Schema):
    items: list[FeedbackOut]


class JudgedOut(FeedbackOut):
    """What somebody said of an answer of theirs, and what had answered."""

    id: UUID
    author_id: UUID
    assistant_id: UUID | None
    prompt_version_id: UUID | None
    model: str


class JudgedList(Schema):
    items: list[JudgedOut]
    next: NextCursor


class DayShareOut(Schema):
    """How the answers of a day in UTC were judged; `share` is good ones of all judged, null where none was."""

    day: date
    good: int
    bad: int
    share: float | None


class DayShareList(Schema):
    items: list[DayShareOut]


class Judged(Schema):
    verdict: VerdictWord | None = None
    reason: ReasonWord | None = None
    assistant_id: UUID | None = None
    prompt_version_id: UUID | None = None
    model: str = Field("", max_length=255)
    since: date | None = Field(None, description="First day, in UTC.")
    until: date | None = Field(None, description="Last day, in UTC.")


class JudgedPage(Page, Judged):
    pass


@router.get(
    "turns/{uuid:turn_id}/feedback",
    response=answers(FeedbackOut, also={204: None}, errors=FINDS),
    auth=OWN,
    summary="Get my feedback",
)
def get_feedback(request: ApiRequest, turn_id: UUID) -> Any:
    """What you said of this answer; 204 where you said nothing."""
    found = queries.own_feedback(request.caller.id, turn_id)
    return Status(200, _own(found)) if found else Status(204, None)


@router.put(
    "turns/{uuid:turn_id}/feedback",
    response=answers(FeedbackOut, errors=CHANGES),
    auth=OWN,
    summary="Judge an answer",
    openapi_extra=example({"verdict": "bad", "reasons": ["incomplete"], "comment": "The weight is missing."}),
)
def put_feedback(request: ApiRequest, turn_id: UUID, body: FeedbackIn) -> FeedbackOut:
    """Replaces what you said before."""
    services.give_feedback(
        turn_id,
        verdict=body.verdict,
        reasons=body.reasons,
        comment=body.comment,
        shows_question=body.shows_question,
        actor=request.caller.actor,
    )
    found = queries.own_feedback(request.caller.id, turn_id)
    assert found is not None
    return _own(found)


@router.delete(
    "turns/{uuid:turn_id}/feedback",
    response=answers(None, status=204, errors=CHANGES),
    auth=OWN,
    summary="Take feedback back",
)
def delete_feedback(request: ApiRequest, turn_id: UUID) -> Status[None]:
    """With its comment. Where there is none, nothing changes."""
    services.withdraw_feedback(turn_id, actor=request.caller.actor)
    return Status(204, None)


@router.get(
    "conversations/{uuid:conversation_id}/feedback",
    response=answers(FeedbackList, errors=FINDS),
    auth=OWN,
    summary="List my feedback in a conversation",
)
def list_own_feedback(request: ApiRequest, conversation_id: UUID) -> dict[str, Any]:
    return {"items": [_own(row) for row in queries.feedback_in(request.caller.id, conversation_id)]}


@router.get("feedback", response=answers(JudgedList), auth=READ, summary="List everybody's feedback")
def list_feedback(request: ApiRequest, wanted: Query[JudgedPage]) -> dict[str, Any]:
    """Newest first. That comments were read is recorded in the audit log."""
    found = queries.read_feedback(
        _filter(wanted), after=at_moment(wanted.after), limit=wanted.limit + 1, actor=request.caller.actor
    )
    shown = found[: wanted.limit]
    more = cursor(shown[-1].created_at, shown[-1].id) if len(found) > len(shown) else None
    return {"items": [_judged(row) for row in shown], "next": more}


@router.get(
    "feedback/days", response=answers(DayShareList), auth=READ, summary="Share of good answers by day"
)
def feedback_by_day(request: ApiRequest, wanted: Query[Judged]) -> dict[str, Any]:
    """The last thirty days, or those from `since` to `until`, of which there may be 366."""
    until = wanted.until or today()
    since = wanted.since or max(until, date.min + timedelta(days=30)) - timedelta(days=29)
    rows = queries.shares_by_day(_filter(wanted), since, until)
    return {"items": [DayShareOut(day=row.day, good=row.good, bad=row.bad, share=row.share) for row in rows]}


def _filter(wanted: Judged) -> FeedbackFilter:
    return FeedbackFilter(
        verdict=wanted.verdict or "",
        reason=wanted.reason or "",
        assistant_id=wanted.assistant_id,
        prompt_version_id=wanted.prompt_version_id,
        model=wanted.model,
        since=wanted.since,
        until=wanted.until,
    )


def _own(row: FeedbackView) -> FeedbackOut:
    return FeedbackOut(**_fields(row))


def _judged(row: FeedbackView) -> JudgedOut:
    return JudgedOut(
        **_fields(row),
        id=row.id,
        author_id=row.author_id,
        assistant_id=row.assistant_id,
        prompt_version_id=row.prompt_version_id,
        model=row.model,
    )


def _fields(row: FeedbackView) -> dict[str, Any]:
    return {
        "turn_id": row.turn_id,
        "verdict": cast(VerdictWord, row.verdict),
        "reasons": cast(list[ReasonWord], list(row.reasons)),
        "comment": row.comment,
        "created_at": row.created_at,
        "changed_at": row.changed_at,
    }

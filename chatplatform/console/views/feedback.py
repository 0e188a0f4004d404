"""What people say of answers: the share of good ones over time, the list with its comments, and a copy as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.clock import moment_of, now
from chatplatform.console.identifiers import uuid_of
from chatplatform.console.people import names_for
from chatplatform.console.plots import share_plot
from chatplatform.feedback import queries
from chatplatform.feedback.models import Reason, Verdict
from chatplatform.feedback.queries import FeedbackFilter, FeedbackView
from chatplatform.prompts.assistant_queries import assistant_list
from chatplatform.usage.queries import today
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors

PAGE_ITEMS = 50
RANGES = (7, 30, 90, 365)
USUAL_DAYS = 30
# a spreadsheet takes a cell that begins so for a formula
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class _Asked:
    """The page's filter: what was typed, and what it means."""

    words: dict[str, str]
    matching: FeedbackFilter
    days: int
    since: date
    until: date

    def address(self, **more: str) -> str:
        return "?" + urlencode({name: value for name, value in {**self.words, **more}.items() if value})


@require_safe
@requires(Permission.FEEDBACK_READ)
@expected_errors
def feedback(request: PersonRequest) -> HttpResponseBase:
    """Newest first; `?before=` pages on. That comments were read is recorded with each page."""
    asked = _asked(request)
    found = queries.read_feedback(
        asked.matching, after=_place(request), limit=PAGE_ITEMS + 1, actor=request.person.actor
    )
    shown = found[:PAGE_ITEMS]
    shares = queries.shares_by_day(asked.matching, asked.since, asked.until)
    labels = [date_format(day.day, "SHORT_DATE_FORMAT") for day in shares]
    good, bad = sum(day.good for day in shares), sum(day.bad for day in shares)
    assistants, versions = _assistant_names(), queries.versions_judged()
    context = {
        "rows": [_row(view, assistants, versions) for view in shown],
        "names": names_for(request.person, {str(view.author_id) for view in shown}),
        "older": _older(asked, shown) if len(found) > len(shown) else "",
        "words": asked.words,
        "days": asked.days,
        "ranges": [(days, asked.address(days=str(days))) for days in RANGES],
        "good": good,
        "bad": bad,
        "share": round(100 * good / (good + bad)) if good + bad else None,
        "by_day": [pair for pair in zip(labels, shares, strict=True) if pair[1].share is not None],
        "plot": share_plot([(label, day.share) for label, day in zip(labels, shares, strict=True)]),
        "verdicts": Verdict.choices,
        "reasons": Reason.choices,
        "assistants": sorted(assistants.items(), key=lambda pair: pair[1].casefold()),
        "versions": list(versions.items()),
        "models": queries.models_judged(),
        "copy": asked.address(),
        "data": {"strings": STRINGS},
    }
    return render(request, "console/feedback/feedback.html", context)


@require_safe
@requires(Permission.FEEDBACK_READ)
@expected_errors
def export(request: PersonRequest) -> HttpResponseBase:
    """What the filter finds as CSV, comments included; that it was taken is recorded first."""
    asked = _asked(request)
    assistants, versions = _assistant_names(), queries.versions_judged()
    views = queries.exported_feedback(asked.matching, actor=request.person.actor)
    response = HttpResponse(
        "".join(_csv(views, assistants, versions)), content_type="text/csv; charset=utf-8"
    )
    response.headers["Content-Disposition"] = f'attachment; filename="feedback-{now():%Y-%m-%d}.csv"'
    return response


class _Echo:
    """A file that hands each line back."""

    def write(self, line: str) -> str:
        return line


def _csv(
    views: Iterator[FeedbackView], assistants: dict[UUID, str], versions: dict[UUID, str]
) -> Iterator[str]:
    """UTF-8 with a byte order mark, which spreadsheets need for it."""
    writer = csv.writer(_Echo())
    heading = [
        "at",
        "verdict",
        "reasons",
        "comment",
        "person_id",
        "assistant",
        "prompt_version",
        "model",
        "turn_id",
    ]
    yield "\ufeff" + writer.writerow(heading)
    for view in views:
        texts = [
            view.comment,
            str(view.author_id),
            assistants.get(view.assistant_id, str(view.assistant_id)) if view.assistant_id else "",
            versions.get(view.prompt_version_id, str(view.prompt_version_id))
            if view.prompt_version_id
            else "",
            view.model,
            str(view.turn_id),
        ]
        yield writer.writerow(
            [
                view.created_at.astimezone(UTC).isoformat(),
                view.verdict,
                " ".join(view.reasons),
                *map(_plain, texts),
            ]
        )


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _asked(request: PersonRequest) -> _Asked:
    """What is not understood is not asked for."""
    given = request.GET
    names = ("verdict", "reason", "assistant", "version", "model", "from", "to", "days")
    words = {name: "".join(filter(str.isprintable, given.get(name, "")))[:255].strip() for name in names}
    words["verdict"] = words["verdict"] if words["verdict"] in Verdict.values else ""
    words["reason"] = words["reason"] if words["reason"] in Reason.values else ""
    words["days"] = words["days"] if words["days"] in {str(each) for each in RANGES} else ""
    days = int(words["days"] or USUAL_DAYS)
    since, until = _day(words, "from"), _day(words, "to")
    shown_until = min(until or today(), today())
    shown_since = since or shown_until - timedelta(days=days - 1)
    shown_since = min(max(shown_since, shown_until - timedelta(days=queries.MOST_DAYS - 1)), shown_until)
    matching = FeedbackFilter(
        verdict=words["verdict"],
        reason=words["reason"],
        assistant_id=uuid_of(words["assistant"]),
        prompt_version_id=uuid_of(words["version"]),
        model=words["model"],
        since=since,
        until=until,
    )
    return _Asked(words, matching, days, shown_since, shown_until)


def _day(words: dict[str, str], name: str) -> date | None:
    try:
        day = parse_date(words[name]) if words[name] else None
    except ValueError:
        day = None
    if day is None or not 1970 <= day.year < 9999:
        words[name] = ""
        return None
    return day


def _place(request: PersonRequest) -> tuple[datetime, UUID] | None:
    moment, _comma, row_id = request.GET.get("before", "").partition(",")
    found, last = moment_of(moment), uuid_of(row_id)
    return (found, last) if found is not None and last is not None else None


def _older(asked: _Asked, shown: list[FeedbackView]) -> str:
    last = shown[-1]
    return asked.address(before=f"{last.created_at.astimezone(UTC).isoformat()},{last.id}")


def _row(view: FeedbackView, assistants: dict[UUID, str], versions: dict[UUID, str]) -> dict[str, object]:
    return {
        "view": view,
        "verdict": Verdict(view.verdict).label,
        "reasons": [Reason(reason).label for reason in view.reasons if reason in Reason.values],
        "assistant": (assistants.get(view.assistant_id, "") or _("One that is gone"))
        if view.assistant_id
        else "",
        "version": versions.get(view.prompt_version_id, "") if view.prompt_version_id else "",
    }


def _assistant_names() -> dict[UUID, str]:
    return {each.id: each.name for each in assistant_list(archived=None)}

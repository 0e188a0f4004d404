"""What was used, by day, person, assistant and model; and how much anybody may use."""

from __future__ import annotations

from datetime import date, timedelta
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.names import people_named, places_of
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.accounts.queries import groups
from chatplatform.accounts.token_queries import workspace_tokens
from chatplatform.common.errors import InvalidInput, PlatformError
from chatplatform.console.identifiers import uuid_of
from chatplatform.console.plots import bar_plot
from chatplatform.prompts.assistant_queries import assistant_list
from chatplatform.usage import queries, services
from chatplatform.usage.export import By, usage_csv
from chatplatform.usage.models import QuotaRule, Unit, Window
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors

RANGES = (7, 30, 90, 365)
USUAL_DAYS = 30
ROWS = 20
REPORTS = ("day", "person", "assistant", "model")
LIMIT_DIGITS = 15


@require_safe
@requires(Permission.USAGE_READ)
@expected_errors
def usage(request: PersonRequest) -> HttpResponseBase:
    """`?days=` chooses how far back, today included; days are UTC's."""
    days, since, until = _range(request)
    by_day = queries.by_day(since, until)
    names = _assistant_names()
    labels = [date_format(use.day, "SHORT_DATE_FORMAT") for use in by_day]
    people = queries.by_person(since, until, limit=ROWS)
    places = places_of([use.user_id for use in people if use.user_id], request.person.workspace_id)
    context = {
        "days": days,
        "ranges": RANGES,
        "totals": queries.Totals(
            sum(use.turns for use in by_day),
            sum(use.tokens_read for use in by_day),
            sum(use.tokens_written for use in by_day),
        ),
        "by_day": list(zip(labels, by_day, strict=True)),
        "answers_plot": bar_plot([(label, use.turns) for label, use in zip(labels, by_day, strict=True)]),
        "tokens_plot": bar_plot([(label, use.tokens) for label, use in zip(labels, by_day, strict=True)]),
        "people": [(use, places.get(use.user_id) if use.user_id else None) for use in people],
        "assistants": [
            (use, names.get(use.subject_id, "") if use.subject_id else "")
            for use in queries.by_assistant(since, until, limit=ROWS)
        ],
        "models": queries.by_model(since, until, limit=ROWS),
        "rows": ROWS,
        "may_see_people": request.person.may(Permission.MEMBERS_READ),
        "may_limit": request.person.may(Permission.QUOTAS_MANAGE),
        "data": {"strings": STRINGS},
    }
    return render(request, "console/usage/usage.html", context)


@require_safe
@requires(Permission.USAGE_READ)
@expected_errors
def export(request: PersonRequest) -> HttpResponseBase:
    """A report as CSV. Its lines are read here, while the workspace is open; it has one for each subject at most."""
    days, since, until = _range(request)
    by = request.GET.get("by", "day")
    by = by if by in REPORTS else "day"
    lines = usage_csv(cast(By, by), since, until, assistant_names=_assistant_names())
    response = HttpResponse("".join(lines), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="usage-by-{by}-{days}-days.csv"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.QUOTAS_MANAGE)
@expected_errors
def limits(request: PersonRequest) -> HttpResponseBase:
    """The limits that hold, and a form for a new one, or for another number of one that is there."""
    problem: PlatformError | None = None
    if request.method == "POST":
        try:
            _set_limit(request)
        except PlatformError as error:
            problem = error
        else:
            messages.success(request, _("The limit holds from now on."))
            return redirect("console:limits")
    context = {
        "rules": queries.rules(),
        "groups": groups(),
        "tokens": workspace_tokens(),
        "units": Unit.choices,
        "windows": Window.choices,
        "typed": request.POST if problem else {"subject": "everyone", "unit": "turns", "window": "day"},
        "problem": problem.message if problem else "",
        "data": {"strings": STRINGS},
    }
    return render(request, "console/usage/limits.html", context, status=problem.status if problem else 200)


@require_POST
@requires(Permission.QUOTAS_MANAGE)
@expected_errors
def remove_limit(request: PersonRequest, rule_id: UUID) -> HttpResponseBase:
    services.remove_rule(rule_id, actor=request.person.actor)
    messages.success(request, _("The limit is taken away."))
    return redirect("console:limits")


def _set_limit(request: PersonRequest) -> None:
    kind, subject_id = _subject(request)
    unit, window = request.POST.get("unit", ""), request.POST.get("window", "")
    number = "".join(request.POST.get("limit", "").split())
    if unit not in Unit.values or window not in Window.values:
        raise InvalidInput("usage.bad_limit", _("Choose what is counted, and for how long."))
    if not (number.isascii() and number.isdecimal() and len(number) <= LIMIT_DIGITS):
        raise InvalidInput("usage.bad_limit", _("Write the limit as a whole number."))
    services.set_rule(
        subject_kind=kind,
        subject_id=subject_id,
        unit=Unit(unit),
        window=Window(window),
        limit=int(number),
        together=request.POST.get("together") == "on",
        actor=request.person.actor,
    )


def _subject(request: PersonRequest) -> tuple[QuotaRule.Subject, UUID | None]:
    """`everyone`, `group:ID`, `token:ID`, or `person` with a name or address beside it."""
    kind, _colon, text = request.POST.get("subject", "").partition(":")
    if kind == "everyone":
        return QuotaRule.Subject.EVERYONE, None
    if kind == "person":
        return QuotaRule.Subject.PERSON, _person(request)
    subject_id = uuid_of(text)
    if kind not in ("group", "token") or subject_id is None:
        raise InvalidInput("usage.no_subject", _("Choose whom the limit is for."))
    return QuotaRule.Subject(kind), subject_id


def _person(request: PersonRequest) -> UUID:
    words = request.POST.get("person", "").replace("\x00", "").strip()[:254]
    found = people_named(words, request.person.workspace_id, limit=2) if words else []
    if len(found) > 1:
        raise InvalidInput(
            "usage.several_people",
            _("Several people are called that. Write more of the name, or the e-mail address."),
        )
    if not found:
        raise InvalidInput("usage.no_person", _("Nobody is called that. Write a name or an e-mail address."))
    return found[0]


def _range(request: PersonRequest) -> tuple[int, date, date]:
    wanted = request.GET.get("days", "")
    days = int(wanted) if wanted in {str(each) for each in RANGES} else USUAL_DAYS
    until = queries.today()
    return days, until - timedelta(days=days - 1), until


def _assistant_names() -> dict[UUID, str]:
    return {each.id: each.name for each in assistant_list(archived=None)}

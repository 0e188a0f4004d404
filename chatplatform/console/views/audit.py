"""The audit log: who did what, the proof of it, its verification, and copies to take away."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.audit.audit_events import AUDIT_VERIFIED
from chatplatform.audit.catalogue import find
from chatplatform.audit.formats import csv_lines, json_lines
from chatplatform.audit.proof_check import check_event
from chatplatform.audit.queries import EventFilter, EventView, event, find_events
from chatplatform.audit.reading import exported_events, record_export, record_reading
from chatplatform.common.clock import now
from chatplatform.console.audit_filter import OUTCOMES, code_groups, parse_filter
from chatplatform.console.parts import wants_part
from chatplatform.console.people import names_for
from chatplatform.jobs.jobs import VERIFY_AUDIT
from chatplatform.jobs.queries import unfinished_job
from chatplatform.jobs.services import enqueue
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.downloads import as_file, streamed
from chatplatform.web.error_pages import expected_errors

PAGE_EVENTS = 50
SESSION_KEY = "audit_readings"
REMEMBERED = 20
AGAIN_AFTER_S = 3600
FORMATS = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}


@require_safe
@requires(Permission.AUDIT_READ)
@expected_errors
def event_list(request: PersonRequest) -> HttpResponseBase:
    """Newest first; `?before=` pages on. `?of=platform` shows what belongs to no workspace."""
    of_platform = _of_platform(request)
    workspace_id = None if of_platform else request.person.workspace_id
    query = parse_filter(request.GET, request.person)
    _note_reading(request, query.matching, of_platform)
    before = request.GET.get("before", "")
    page = find_events(
        workspace_id,
        matching=query.matching,
        before=int(before) if before.isascii() and before.isdecimal() and len(before) < 19 else None,
        limit=PAGE_EVENTS,
    )
    kept = {"of": "platform" if of_platform else ""}
    further = str(page.go_on_before) if page.go_on_before is not None else ""
    context = {
        "events": [_row(each) for each in page.events],
        "names": names_for(request.person, _people_in(page.events)),
        "older": query.address(**kept, before=further) if further else "",
        "is_partly_searched": page.is_partly_searched,
        "query": query,
        "words": query.words,
        "code_groups": code_groups(),
        "outcomes": [(outcome, _outcome_label(outcome)) for outcome in OUTCOMES],
        "of_platform": of_platform,
        "may_see_platform": request.person.may(Permission.SYSTEM_MANAGE),
        "copies": {name: query.address(**kept, format=name) for name in FORMATS},
        "data": {"strings": STRINGS},
    }
    return render(request, "console/audit/list.html", context | _verification(request))


@require_safe
@requires(Permission.AUDIT_READ)
@expected_errors
def one_event(request: PersonRequest, event_id: int) -> HttpResponseBase:
    """An event with its proof, checked here and now. Raises NotFound."""
    of_platform = _of_platform(request)
    shown = event(event_id, None if of_platform else request.person.workspace_id)
    _note_reading(request, EventFilter(), of_platform)
    context = {
        "event": _row(shown),
        "names": names_for(request.person, _people_in([shown])),
        "evidence": check_event(event_id),
        "of_platform": of_platform,
        "data": {"strings": STRINGS},
    }
    return render(request, "console/audit/event.html", context)


@require_safe
@requires(Permission.AUDIT_READ)
@expected_errors
def export(request: PersonRequest) -> HttpResponseBase:
    """All events of the filter as a file, streamed; that it was taken is recorded first."""
    format = request.GET.get("format", "jsonl")
    format = format if format in FORMATS else "jsonl"
    of_platform = _of_platform(request)
    query = parse_filter(request.GET, request.person)
    before = record_export(
        query.matching,
        of_platform=of_platform,
        format=format,
        actor=request.person.actor,
        workspace_id=request.person.workspace_id,
    )
    batches = exported_events(None if of_platform else request.person.workspace_id, query.matching, before)
    parts = streamed(
        _lines(batches, format), request.person.id, request.person.workspace_id, Permission.AUDIT_READ
    )
    return as_file(parts, f"audit-{now():%Y-%m-%d}.{format}", FORMATS[format])


@require_POST
@requires(Permission.AUDIT_READ)
@expected_errors
def verify(request: PersonRequest) -> HttpResponseBase:
    """Have the whole log verified in the background; asking while that runs changes nothing."""
    enqueue(
        VERIFY_AUDIT,
        args={},
        actor=request.person.actor,
        workspace_id=request.person.workspace_id,
        dedupe_key="verify",
    )
    if wants_part(request):
        return render(request, "console/audit/verification.html", _verification(request))
    messages.success(request, _("The verification has begun."))
    return redirect("console:audit")


@require_safe
@requires(Permission.AUDIT_READ)
@expected_errors
def verification(request: PersonRequest) -> HttpResponseBase:
    """How the verification stands, alone, for a live refresh."""
    return render(request, "console/audit/verification.html", _verification(request))


def _verification(request: PersonRequest) -> dict[str, object]:
    """The running verification, and what the last one found."""
    workspace_id = request.person.workspace_id
    found = find_events(workspace_id, matching=EventFilter(code=AUDIT_VERIFIED.code), limit=1).events
    return {"verifying": unfinished_job(workspace_id, VERIFY_AUDIT), "verified": found[0] if found else None}


def _of_platform(request: PersonRequest) -> bool:
    """Whether events outside any workspace are meant; raises PermissionDenied for who may not see them."""
    if request.GET.get("of") != "platform":
        return False
    if not request.person.may(Permission.SYSTEM_MANAGE):
        raise PermissionDenied
    return True


def _note_reading(request: PersonRequest, matching: EventFilter, of_platform: bool) -> None:
    """Record each filter once an hour and session, not once a page."""
    mark = json.dumps([of_platform, str(request.person.workspace_id), str(matching)])
    moment = int(time.time())
    noted: dict[str, int] = request.session.get(SESSION_KEY, {})
    if moment - noted.get(mark, 0) < AGAIN_AFTER_S:
        return
    record_reading(
        matching,
        of_platform=of_platform,
        actor=request.person.actor,
        workspace_id=request.person.workspace_id,
    )
    newest = sorted({**noted, mark: moment}.items(), key=lambda pair: pair[1])[-REMEMBERED:]
    request.session[SESSION_KEY] = dict(newest)


def _row(shown: EventView) -> dict[str, object]:
    known = find(shown.code)
    return {
        "view": shown,
        "summary": str(known.summary) if known else shown.code,
        "outcome": "" if shown.outcome == "ok" else _outcome_label(shown.outcome),
        "details": dict(shown.details),
    }


def _people_in(events: list[EventView]) -> set[str]:
    ids = {each.actor.id for each in events}
    return ids | {each.target_id for each in events if each.target_kind == "person"}


def _outcome_label(outcome: str) -> str:
    return {"ok": _("Done"), "refused": _("Refused"), "failed": _("Failed")}[outcome]


def _lines(batches: Iterator[list[EventView]], format: str) -> Iterator[str]:
    if format == "csv":
        yield csv_lines([], with_head=True)
    for batch in batches:
        yield csv_lines(batch) if format == "csv" else json_lines(batch)

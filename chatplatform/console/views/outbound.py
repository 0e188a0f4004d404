"""What left this machine: where to, why, when and for whom; never what was said."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.clock import now
from chatplatform.console.people import names_for
from chatplatform.privacy.outbound import queries
from chatplatform.privacy.outbound.purposes import purpose_label
from chatplatform.web.browser_strings import STRINGS
from chatplatform.web.error_pages import expected_errors

PAGE_ITEMS = 50
DAYS = 30
NUMBER_CHARS = 18


@require_safe
@requires(Permission.AUDIT_READ)
@expected_errors
def outbound(request: PersonRequest) -> HttpResponseBase:
    """Newest first; `?before=` pages on."""
    before = request.GET.get("before", "")
    is_number = before.isascii() and before.isdecimal() and len(before) <= NUMBER_CHARS
    found = queries.outbound_page(before=int(before) if is_number else None, limit=PAGE_ITEMS + 1)
    shown = found[:PAGE_ITEMS]
    context = {
        "count": queries.outbound_count(),
        "hosts": queries.by_host(since=now() - timedelta(days=DAYS)),
        "days": DAYS,
        "rows": [(row, purpose_label(row.purpose)) for row in shown],
        "names": names_for(request.person, {str(row.person_id) for row in shown if row.person_id}),
        "older": f"?before={shown[-1].id}" if len(found) > len(shown) else "",
        "data": {"strings": STRINGS},
    }
    return render(request, "console/outbound/outbound.html", context)

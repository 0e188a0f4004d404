"""What a link shows: rendered here, without any script, to whoever holds it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest, person_of
from chatplatform.sharing.links import LinkClosed, copy_link, open_link
from chatplatform.sign_in.limits import Limit, count
from chatplatform.web.error_pages import expected_errors

# looking at pages of links; a token has 256 random bits, so this is for the machine's sake
OPENINGS = Limit("link_openings", 120, 60)
COPIES = Limit("link_copies", 20, 60)
MOST_PAGES_DIGITS = 6
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)


@require_safe
@expected_errors
def shared_page(request: HttpRequest, token: str) -> HttpResponseBase:
    """A page of a shared conversation; `?page=` turns them. Whatever opens nothing looks the same."""
    attempt = count(OPENINGS, request.META.get("REMOTE_ADDR", ""))
    if attempt.is_over:
        raise attempt.too_many()
    person = person_of(request)
    asked = request.GET.get("page", "1")
    is_number = asked.isascii() and asked.isdecimal() and len(asked) <= MOST_PAGES_DIGITS
    try:
        page = open_link(
            token, reader_id=person.id if person else None, number=int(asked) if is_number else 0
        )
    except LinkClosed:
        return _confined(render(request, "sharing/closed.html", status=404))
    context = {
        "page": page,
        "token": token,
        "page_title": page.title,
        "may_copy": person is not None and person.may(Permission.CHAT),
        "is_first": page.number == 1,
    }
    # the form of a page without any referrer comes from nowhere, and is refused; other sites are told nothing anyway
    referrer = "same-origin" if context["may_copy"] else "no-referrer"
    return _confined(render(request, "sharing/shared.html", context), referrer=referrer)


@require_POST
@requires(Permission.CHAT)
@expected_errors
def copy(request: PersonRequest, token: str) -> HttpResponseBase:
    """What the link shows becomes a conversation of the reader's own."""
    attempt = count(COPIES, str(request.person.id))
    if attempt.is_over:
        raise attempt.too_many()
    try:
        conversation = copy_link(token, actor=request.person.actor)
    except LinkClosed:
        return _confined(render(request, "sharing/closed.html", {"page_title": _("Closed link")}, status=404))
    return redirect("conversation", conversation.id)


def _confined(response: HttpResponse, *, referrer: str = "no-referrer") -> HttpResponse:
    """No script, no trace for search engines, no address for whoever is linked to."""
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["Referrer-Policy"] = referrer
    response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive, nosnippet"
    return response

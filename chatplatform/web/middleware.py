"""What every request passes: headers that confine the page, and the person with their workspace."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.db import OperationalError, ProgrammingError
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation

from chatplatform.accounts.models import User
from chatplatform.accounts.person import Person, workspace_of_session
from chatplatform.accounts.presence import note_seen
from chatplatform.accounts.queries import membership_of
from chatplatform.common import measured
from chatplatform.common.scope import workspace_scope
from chatplatform.web.error_pages import too_early

# No inline script or style anywhere, nothing from other hosts, and HTML enters the page by one policy only.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        # the frame that diagrams are drawn in, which is sandboxed and has a policy of its own
        "frame-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types sanitised-by-server",
    ]
)
PERMISSIONS_POLICY = ", ".join(
    [
        "camera=()",
        "display-capture=()",
        "geolocation=()",
        "microphone=()",
        "payment=()",
        "usb=()",
        "browsing-topics=()",
        "clipboard-write=(self)",
    ]
)

# Needs no database: it tells how far the database is.
_SHOWS_SET_UP = "/setup/"

_OF_OPERATIONS = {"healthz", "readyz", "metrics"}
_BY_PREFIX = {"console/": "console", "api/": "api", "v1/": "openai"}

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class MeasureMiddleware:
    """Counts requests and their time, by class of route and of status: nothing of who, what or where exactly."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        began = monotonic()
        if self.is_async:
            return self._later(request, began)
        return self._measured(request, self.get_response(request), began)

    async def _later(self, request: HttpRequest, began: float) -> HttpResponseBase:
        return self._measured(request, await self.get_response(request), began)

    def _measured(self, request: HttpRequest, response: HttpResponseBase, began: float) -> HttpResponseBase:
        route = _route_class(request)
        measured.REQUESTS.add(route=route, status=f"{response.status_code // 100}xx")
        measured.REQUEST_SECONDS.observe(monotonic() - began, route=route)
        return response


def _route_class(request: HttpRequest) -> str:
    match = request.resolver_match
    if match is None:
        return "none"
    if match.url_name in _OF_OPERATIONS:
        return "operations"
    if match.url_name == "static_file":
        return "static"
    return next((kind for prefix, kind in _BY_PREFIX.items() if match.route.startswith(prefix)), "page")


class SecurityHeadersMiddleware:
    """Confines every page, and keeps what people read out of the browser's cache."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if self.is_async:
            return self._later(request)
        return self._with_headers(self.get_response(request))

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        return self._with_headers(await self.get_response(request))

    def _with_headers(self, response: HttpResponseBase) -> HttpResponseBase:
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("X-Frame-Options", "DENY")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class PersonMiddleware:
    """Sets `request.person` and opens the person's workspace for the request.

    Who was suspended, or lost their place in the workspace, is signed out. Before the database is there,
    everybody gets a page that says so and tries again by itself.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.person = None  # type: ignore[attr-defined]
        if request.path.startswith(settings.STATIC_URL):
            return self.get_response(request)
        try:
            person = _person(request)
        except (OperationalError, ProgrammingError):
            if not request.path.startswith(_SHOWS_SET_UP):
                return too_early(request)
            person = None
        if person is None:
            return self.get_response(request)
        request.person = person  # type: ignore[attr-defined]
        if person.user.language:
            translation.activate(person.user.language)
            request.LANGUAGE_CODE = translation.get_language()
        with workspace_scope(person.workspace_id):
            return self.get_response(request)


def _person(request: HttpRequest) -> Person | None:
    if SESSION_KEY not in request.session:
        return None
    user = request.user
    if not isinstance(user, User):
        logout(request)
        return None
    # the workspace that the person chose, else, once they have left it, their first one
    chosen = workspace_of_session(request.session)
    place = (membership_of(user.id, chosen) if chosen else None) or membership_of(user.id)
    if place is None or not place.is_active:
        logout(request)
        return None
    note_seen(place)
    return Person(
        user=user,
        workspace_id=place.workspace_id,
        role=place.role,
        ip=request.META.get("REMOTE_ADDR", ""),
    )

"""What every request of the API passes before its route, and every answer after it.

The caller is known here once, from a token or the browser's session, and the workspace stays open for the whole
request. Bodies that stream run later than this: they enter the scope again themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from chatplatform.accounts.api_tokens import authenticate
from chatplatform.accounts.person import Person, person_of
from chatplatform.api import errors, rates, repetition
from chatplatform.api.callers import Caller
from chatplatform.api.errors import (
    MethodNotAllowed,
    NotJson,
    TooLarge,
    Unauthorized,
    error_response,
    is_openai,
)
from chatplatform.api.limits import MAX_BODY_BYTES
from chatplatform.api.rates import Allowance, TooManyRequests
from chatplatform.common.errors import InvalidInput, NotAllowed, PlatformError
from chatplatform.common.scope import workspace_scope

View = Callable[..., HttpResponseBase]

_SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}


def gated(view: View) -> View:
    """`view` behind the gate."""

    @csrf_exempt  # sessions are checked below; a token cannot be sent by another site's page
    @wraps(view)
    def through(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        allowance: list[Allowance] = []
        try:
            response = _answer(request, lambda: view(request, *args, **kwargs), allowance)
        except PlatformError as error:
            response = error_response(request, error)
        except DatabaseError:
            response = error_response(request, errors.storage_unavailable())
        except Exception as error:  # noqa: BLE001 - a program gets its form of an error, whatever broke
            response = errors.on_defect(request, error)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            response = method_not_allowed(request, response.headers.get("Allow", ""))
        for spent in allowance:
            for name, value in (spent.headers | (spent.openai_headers if is_openai(request) else {})).items():
                response.headers[name] = value
        return response

    return through


def _answer(
    request: HttpRequest, act: Callable[[], HttpResponseBase], allowance: list[Allowance]
) -> HttpResponseBase:
    _check_body(request)
    caller = _caller(request)
    if caller is None:
        return act()  # the route itself says who may call it
    request.caller = caller  # type: ignore[attr-defined]
    language = caller.person.user.language
    with (
        workspace_scope(caller.workspace_id),
        translation.override(language) if language else nullcontext(),
    ):
        try:
            allowance.append(rates.spend(caller.token_id or caller.id))
            # the OpenAI protocol keeps nothing, so there is nothing to repeat
            if repetition.HEADER in request.headers and request.method == "POST" and not is_openai(request):
                return repetition.once(request, caller, act)
            return act()
        except TooManyRequests as error:
            allowance.append(error.allowance)
            return error_response(request, error)
        except PlatformError as error:
            return error_response(request, error)


def _check_body(request: HttpRequest) -> None:
    try:
        size = len(request.body)
    except RequestDataTooBig:
        size = MAX_BODY_BYTES + 1
    except UnreadablePostError:
        raise InvalidInput("body_unreadable", _("The body broke off. Send the request again.")) from None
    if size > MAX_BODY_BYTES:
        raise TooLarge(
            "body_too_large",
            _("The request is larger than %(n)d KiB. Send less at once.") % {"n": MAX_BODY_BYTES // 1024},
        )
    if size and request.content_type not in {"application/json", ""}:
        raise NotJson("not_json", _("Send the body as JSON, with “Content-Type: application/json”."))


def _caller(request: HttpRequest) -> Caller | None:
    """Who calls, or None without credentials. Raises Unauthorized for credentials that are none."""
    authorization = request.headers.get("Authorization")
    ip = request.META.get("REMOTE_ADDR", "")
    if authorization is not None:
        kind, _space, secret = authorization.partition(" ")
        holder = authenticate(secret.strip(), ip=ip) if kind.lower() == "bearer" else None
        if holder is None:
            raise Unauthorized
        person = Person(holder.user, holder.workspace_id, holder.role, ip)
        return Caller(person, holder)
    session_person = person_of(request)
    if session_person is None or is_openai(request):
        return None
    if request.method not in _SAFE:
        _check_csrf(request)
    return Caller(session_person, None)


class _Csrf(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def _check_csrf(request: HttpRequest) -> None:
    """Raises NotAllowed for a request that the browser was made to send by another site."""

    def no_response(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    if _Csrf(no_response).process_view(request, no_response, (), {}) is not None:
        raise NotAllowed(
            "csrf_failed",
            _("A browser's session also needs the X-CSRFToken header. Programs send a token instead."),
        )


def method_not_allowed(request: HttpRequest, allowed: str) -> HttpResponse:
    """The address is there, and takes other methods."""
    response = error_response(
        request,
        MethodNotAllowed(
            "method_not_allowed", _("This address takes %(methods)s only.") % {"methods": allowed}
        ),
    )
    response["Allow"] = allowed
    return response


def no_such_address(request: HttpRequest) -> HttpResponseBase:
    """Whatever else lies under our roots."""
    raise errors.nothing_here()

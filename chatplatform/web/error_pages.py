"""Pages for what goes wrong. They need neither database nor session, so they work when those do not."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Concatenate, ParamSpec, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from chatplatform.accounts.person import person_of
from chatplatform.common.errors import PlatformError

P = ParamSpec("P")
RequestT = TypeVar("RequestT", bound=HttpRequest)
TOO_EARLY_RETRY_S = 2


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(
        request,
        HTTPStatus.BAD_REQUEST,
        _("That request made no sense to us"),
        _("Go back and try again. If you typed the address, check it."),
    )


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(
        request,
        HTTPStatus.FORBIDDEN,
        _("This page is not for you"),
        _("Your role does not include it. Ask an administrator if you need it."),
    )


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(
        request,
        HTTPStatus.NOT_FOUND,
        _("There is nothing here"),
        _("The address may be wrong, or what was here has been deleted."),
    )


def server_error(request: HttpRequest) -> HttpResponse:
    return error_page(
        request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        _("Something broke on our side"),
        _("Nothing you wrote is lost. Try again; if it happens once more, tell an administrator the time."),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return error_page(
        request,
        HTTPStatus.FORBIDDEN,
        _("This form is too old"),
        _(
            "It was opened before you signed in, or cookies are off. Go back, reload the page and send it again."
        ),
    )


def too_early(request: HttpRequest) -> HttpResponse:
    """The database is not ready: shown while the platform starts, and reloads itself."""
    response = error_page(
        request,
        HTTPStatus.SERVICE_UNAVAILABLE,
        _("Just a moment"),
        _("The platform is starting. This page goes on by itself."),
        reload_s=TOO_EARLY_RETRY_S,
    )
    response["Retry-After"] = str(TOO_EARLY_RETRY_S)
    return response


def error_page(
    request: HttpRequest, status: int, title: str, text: str, *, reload_s: int | None = None
) -> HttpResponse:
    """A page of its own for browsers, JSON for scripts, and for programs the form of the API that they speak."""
    if request.path.startswith("/v1/"):
        error = {"message": text, "type": "server_error", "param": None, "code": f"http.{int(status)}"}
        return JsonResponse({"error": error}, status=status)
    if request.path.startswith("/api/") or not request.accepts("text/html"):
        return JsonResponse({"code": f"http.{int(status)}", "message": text}, status=status)
    person = person_of(request)
    context = {
        "status": int(status),
        "title": title,
        "text": text,
        "reload_s": reload_s,
        "language": get_language() or "en",
        "theme": person.user.theme if person else "system",
    }
    return HttpResponse(render_to_string("errors/error.html", context), status=status)


def expected_errors(
    view: Callable[Concatenate[RequestT, P], HttpResponseBase],
) -> Callable[Concatenate[RequestT, P], HttpResponseBase]:
    """Turns the platform's own errors into answers: their status, code and message."""

    @wraps(view)
    def guarded(request: RequestT, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except PlatformError as error:
            if request.accepts("text/html"):
                return error_page(request, error.status, _("That did not work"), str(error.message))
            return JsonResponse({"code": error.code, "message": str(error.message)}, status=error.status)

    return guarded

"""Errors as clients get them: ours under /api/, OpenAI's form under /v1/. Nothing of a request is quoted."""

from __future__ import annotations

import logging
import math
from http import HTTPStatus
from typing import Any, ClassVar

from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from chatplatform.common.errors import InvalidInput, NotFound, PlatformError, Unavailable

logger = logging.getLogger(__name__)

OPENAI_ROOT = "/v1/"

# OpenAI's names for what its clients tell apart
_OPENAI_TYPES = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}
_OPENAI_CODES = {
    "context_overflow": "context_length_exceeded",
    "question_too_long": "context_length_exceeded",
    "unauthorized": "invalid_api_key",
}
DETAILS_SHOWN = 20


class Unauthorized(PlatformError):
    """Nobody is signed in, or the token is none of ours (any more)."""

    status = 401

    def __init__(self) -> None:
        super().__init__(
            "unauthorized",
            _("Send a valid token as “Authorization: Bearer cp_…”. It may be revoked, expired or mistyped."),
        )


class TooLarge(PlatformError):
    """The body is larger than the API takes."""

    status = 413


class NotJson(PlatformError):
    """The body is of a kind that the API does not read."""

    status = 415


class MethodNotAllowed(PlatformError):
    """The address exists and does not take this method."""

    status = 405


class Unreadable(PlatformError):
    """What was sent is understood as a message and not as this request: `param` names the field."""

    status: ClassVar[int] = 422

    def __init__(self, details: list[dict[str, str]]) -> None:
        first = details[0] if details else {"where": "", "problem": ""}
        super().__init__(
            "invalid_request",
            _("The request is not as the API describes it: %(where)s: %(problem)s") % first,
        )
        self.details = details


class BadField(InvalidInput):
    """One field cannot be taken as it is; `param` is its name, for clients of the OpenAI form."""

    def __init__(self, param: str, message: str, *, code: str = "invalid_value") -> None:
        super().__init__(code, message)
        self.param = param


def is_openai(request: HttpRequest) -> bool:
    return request.path.startswith(OPENAI_ROOT)


def error_response(request: HttpRequest, error: PlatformError) -> HttpResponse:
    """The error in the form that belongs to the address."""
    if is_openai(request):
        body, status = openai_error(error), 400 if isinstance(error, Unreadable) else error.status
    else:
        body, status = rest_error(error), error.status
    response = JsonResponse(body, status=status)
    if error.retry_after_s is not None:
        response["Retry-After"] = str(math.ceil(error.retry_after_s))
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer realm="chatplatform"'
    return response


def rest_error(error: PlatformError) -> dict[str, Any]:
    body: dict[str, Any] = {"code": error.code, "message": str(error.message)}
    if isinstance(error, Unreadable):
        body["details"] = error.details
    return body


def openai_error(error: PlatformError) -> dict[str, Any]:
    kind = _OPENAI_TYPES.get(HTTPStatus(error.status))
    if kind is None:
        kind = "invalid_request_error" if error.status < HTTPStatus.INTERNAL_SERVER_ERROR else "server_error"
    param: str | None = getattr(error, "param", None)
    if isinstance(error, Unreadable) and error.details:
        param = error.details[0]["where"].removeprefix("body.")
    if error.code == "quota_exceeded":
        kind = "insufficient_quota"
    return {
        "error": {
            "message": str(error.message),
            "type": kind,
            "param": param,
            "code": _OPENAI_CODES.get(error.code, error.code),
        }
    }


def internal_error() -> PlatformError:
    return PlatformError(
        "internal",
        _("Something broke on our side. Try again; if it happens once more, tell an administrator the time."),
    )


def storage_unavailable() -> Unavailable:
    return Unavailable(
        "storage_unavailable",
        _("This could not be stored: the disk may be full, or the database down. Try again soon."),
        retry_after_s=5,
    )


def install(api: NinjaAPI) -> None:
    """Make every error of a route ours."""
    handle: Any = api.add_exception_handler  # its types want handlers that also take classes
    handle(PlatformError, error_response)
    handle(Http404, lambda request, _error: error_response(request, nothing_here()))
    handle(ValidationError, lambda request, error: error_response(request, _unreadable(error)))
    handle(HttpError, lambda request, error: error_response(request, _of_http(error)))
    handle(DatabaseError, _on_database_error)
    handle(Exception, on_defect)


def nothing_here() -> NotFound:
    return NotFound("not_found", _("There is nothing at this address."))


def _unreadable(error: ValidationError) -> Unreadable:
    return Unreadable(
        [
            # the first parts are the source (body, query, path) and, for a body, the parameter's own name
            {"where": _place(item["loc"]), "problem": str(item["msg"])}
            for item in error.errors[:DETAILS_SHOWN]
        ]
    )


def _place(location: tuple[Any, ...]) -> str:
    source, *rest = location
    if source == "body" and len(rest) > 1:
        rest = rest[1:]
    return ".".join(str(part) for part in (source, *rest))[:200]


def _of_http(error: HttpError) -> PlatformError:
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return InvalidInput("invalid_json", _("The body is not valid JSON."))
    return InvalidInput("bad_request", _("That request made no sense to us."))


def _on_database_error(request: HttpRequest, error: DatabaseError) -> HttpResponse:
    logger.error("the database refused a request: %s", type(error).__name__)
    return error_response(request, storage_unavailable())


def on_defect(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.error("a request broke", exc_info=error)
    return error_response(request, internal_error())

"""The OpenAPI description: what ninja knows of the routes, with what only the gate knows put in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from ninja.operation import Operation

from chatplatform.api.callers import Access
from chatplatform.api.gate import method_not_allowed
from chatplatform.api.limits import IDEMPOTENCY_KEY_CHARS
from chatplatform.api.site import api

_METHODS = ("get", "post", "put", "patch", "delete")
_RATE_HEADERS = {
    "X-RateLimit-Limit": "Requests of one minute.",
    "X-RateLimit-Remaining": "How many are left of them.",
    "X-RateLimit-Reset": "Seconds until the next minute begins.",
}


def openapi(request: HttpRequest) -> HttpResponseBase:
    """`GET /api/openapi.json`. For everybody: it says what could be done, never what there is."""
    if request.method != "GET":
        return method_not_allowed(request, "GET")
    return JsonResponse(description())


def operations() -> Iterator[tuple[str, str, Operation, Access]]:
    """Every route: method, path, operation and what it needs. Raises LookupError for one that does not say."""
    for router in api._get_bound_routers():
        for path, view in router.path_operations.items():
            for operation in view.operations:
                access = [callback for callback in operation.auth_callbacks if isinstance(callback, Access)]
                if len(access) != 1:
                    raise LookupError(f"{operation.methods} {path} does not say who may call it")
                for method in operation.methods:
                    plain = re.sub(r"{[^}:]+:", "{", f"{router.prefix}/{path}").replace("//", "/")
                    yield method.lower(), plain, operation, access[0]


@lru_cache(maxsize=1)
def description() -> dict[str, Any]:
    """The whole description. The same for everybody, in English, made once."""
    found: dict[str, Any] = dict(api.get_openapi_schema(path_prefix=""))
    access = {operation.view_func.__name__: needs for _m, _p, operation, needs in operations()}
    names = {
        operation.operation_id or api.get_openapi_operation_id(operation): operation
        for _m, _p, operation, _a in operations()
    }
    for path, methods in found["paths"].items():
        for method in _METHODS:
            if method in methods:
                entry = methods[method]
                operation = names[entry["operationId"]]
                _complete(path, method, entry, access[operation.view_func.__name__])
    found["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "An API token: cp_…"},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "A signed-in browser; changes also need the X-CSRFToken header. Not under /v1/.",
        },
    }
    return found


def _complete(path: str, method: str, entry: dict[str, Any], access: Access) -> None:
    is_openai = path.startswith("/v1/")
    entry["security"] = [{"token": []}] if is_openai else [{"token": []}, {"session": []}]
    entry["x-scopes"] = [scope.value for scope in access.scopes]
    needs = " or ".join(f"`{scope.value}`" for scope in access.scopes)
    note = f"Scope: {needs}." if needs else "Any token."
    entry["description"] = "\n\n".join(part for part in (entry.get("description", "").strip(), note) if part)
    if method == "post" and not is_openai:
        entry.setdefault("parameters", []).append(
            {
                "in": "header",
                "name": "Idempotency-Key",
                "required": False,
                "description": "Sent again with the same key, the request is not done twice.",
                "schema": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": IDEMPOTENCY_KEY_CHARS,
                    "pattern": "^[ -~]+$",
                },
            }
        )
    if method in {"post", "put", "patch"} and 409 not in entry["responses"] and not is_openai:
        raise LookupError(f"{method} {path} may conflict, and does not say so")
    for status, answer in entry["responses"].items():
        if int(status) < 500 and int(status) != 401:
            answer["headers"] = {
                name: {"description": words, "schema": {"type": "integer"}}
                for name, words in _RATE_HEADERS.items()
            }

"""Addresses of the API. Every route, and every address under the two roots that is none, passes the gate."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from chatplatform.api.description import openapi
from chatplatform.api.gate import gated, no_such_address
from chatplatform.api.reference import reference
from chatplatform.api.site import api

app_name = "api"


def _behind_the_gate(route: URLPattern) -> URLPattern:
    return path(str(route.pattern), gated(route.callback), name=route.name)


urlpatterns = [
    *(
        _behind_the_gate(route)
        for route in api.urls[0]
        if isinstance(route, URLPattern) and route.name != "api-root"
    ),
    path("api/openapi.json", gated(openapi), name="openapi"),
    path("api/docs", reference, name="reference"),
    re_path(r"^(?:api|v1)(?:/.*)?$", gated(no_such_address), name="nothing"),
]

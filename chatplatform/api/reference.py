"""`/api/docs`: the description as a page of ours. It needs no script, and has the same policy as every page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chatplatform.accounts.person import person_of
from chatplatform.api.description import description
from chatplatform.api.site import VERSION


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    kind: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Route:
    """One route as it is shown; `anchor` is its address within the page."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    answer: tuple[Field, ...]
    errors: tuple[str, ...]
    example: str


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    anchor: str
    routes: tuple[Route, ...]


@require_safe
def reference(request: HttpRequest) -> HttpResponse:
    """The reference of both APIs. For everybody, like the description."""
    person = person_of(request)
    context = {
        "sections": sections(),
        "version": VERSION,
        "page_title": _("API reference"),
        "language": get_language() or "en",
        "theme": person.user.theme if person else "system",
        "address": settings.PUBLIC_URL,
    }
    return render(request, "api/reference.html", context)


@lru_cache(maxsize=1)
def sections() -> tuple[Section, ...]:
    """Routes by subject, in the order in which the site has their first ones."""
    spec = description()
    routes = [
        (entry["tags"][0], _route(path, method, entry, spec["components"]["schemas"]))
        for path, methods in spec["paths"].items()
        for method, entry in methods.items()
    ]
    subjects: dict[str, list[Route]] = {}
    for tag, route in routes:
        subjects.setdefault(tag, []).append(route)
    return tuple(Section(name, _anchor(name), tuple(found)) for name, found in subjects.items())


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")


def _route(path: str, method: str, entry: dict[str, Any], schemas: dict[str, Any]) -> Route:
    content = entry.get("requestBody", {}).get("content", {}).get("application/json", {})
    success: dict[str, Any] = next(
        (answer for status, answer in entry["responses"].items() if 200 <= int(status) < 300), {}
    )
    shape = success.get("content", {}).get("application/json", {}).get("schema", {})
    return Route(
        anchor=entry["operationId"].rpartition("resources_")[2].replace("_", "-"),
        method=method.upper(),
        path=path,
        summary=entry["summary"],
        description=entry.get("description", "").replace("`", ""),
        parameters=tuple(
            Field(
                item["name"], _kind(item["schema"]), item.get("required", False), item.get("description", "")
            )
            for item in entry.get("parameters", [])
        ),
        body=_fields(content.get("schema", {}), schemas),
        answer=_fields(shape, schemas),
        errors=tuple(str(status) for status in entry["responses"] if int(status) >= 400),
        example=_example(path, method, content.get("example")),
    )


def _fields(schema: dict[str, Any], schemas: dict[str, Any]) -> tuple[Field, ...]:
    shape = schemas.get(schema["$ref"].rpartition("/")[2], {}) if "$ref" in schema else schema
    required = set(shape.get("required", []))
    return tuple(
        Field(name, _kind(details), name in required, details.get("description", ""))
        for name, details in shape.get("properties", {}).items()
    )


def _kind(schema: dict[str, Any]) -> str:
    """The type in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_kind(option) for option in schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(f"“{value}”" for value in schema["enum"])
    if "const" in schema:
        return f"“{schema['const']}”"
    if schema.get("type") == "array":
        return f"[{_kind(schema.get('items', {}))}]"
    return str(schema.get("format") or schema.get("type") or "object")


def _example(path: str, method: str, body: object) -> str:
    lines = [f"curl {settings.PUBLIC_URL}{path}", '  -H "Authorization: Bearer $CHATPLATFORM_TOKEN"']
    if method != "get":
        lines[0] = f"curl -X {method.upper()} {settings.PUBLIC_URL}{path}"
    if body is not None:
        lines += ['  -H "Content-Type: application/json"', f"  -d '{json.dumps(body, ensure_ascii=False)}'"]
    return " \\\n".join(lines)

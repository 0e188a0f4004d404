"""What every route has in common: who may call it, how errors look, how often, and what it says of itself."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from chatplatform.accounts.api_tokens import SCOPE_PERMISSIONS, Scope
from chatplatform.accounts.models import Role
from chatplatform.accounts.permissions import ROLE_PERMISSIONS
from chatplatform.api.description import description, operations
from tests.integration.api.conftest import ApiClient, MakeProgram

pytestmark = pytest.mark.django_db(databases=["default", "keys"])


def _filled(path: str) -> str:
    """The path with an id that nothing has."""
    return re.sub(r"\{\w+\}", str(uuid4()), re.sub(r"\{(?:number|event_id)\}", "7", path))


def test_every_route_says_what_it_needs() -> None:
    routes = list(operations())  # raises for one that does not
    assert len(routes) > 50
    everybody = {(method, path) for method, path, _operation, access in routes if not access.permissions}
    own = {("get", "/api/me"), ("get", "/api/me/limits")}
    own |= {("get", "/api/me/preferences"), ("put", "/api/me/preferences")}
    assert everybody == own | {("get", "/api/health")}
    for method, path, _operation, access in routes:
        assert not access.permissions or access.scopes, f"no scope opens {method} {path}"


def test_the_description_is_complete() -> None:
    spec = description()
    assert spec["openapi"].startswith("3.1")
    found = [(m, path) for path, methods in spec["paths"].items() for m in methods]
    assert len(found) == len(list(operations()))
    ids = Counter(entry["operationId"] for methods in spec["paths"].values() for entry in methods.values())
    assert max(ids.values()) == 1
    for path, methods in spec["paths"].items():
        for method, entry in methods.items():
            assert entry["summary"], (method, path)
            assert {401, 403, 429} <= {int(status) for status in entry["responses"]}, (method, path)


@pytest.mark.parametrize("role", list(Role))
def test_a_route_opens_to_scope_and_role_together(role: Role, make_program: MakeProgram) -> None:
    program = make_program(role)
    client = ApiClient(program.secret)
    for method, path, _operation, access in operations():
        may = not access.permissions or any(p in ROLE_PERMISSIONS[role] for p in access.permissions)
        response = client.send(method, _filled(path), {} if method in {"post", "put", "patch"} else None)
        assert (response.status_code == 403) is not may, (role, method, path, response.content)
        assert response.status_code < 500 or "/models" in path or "/health" in path


@pytest.mark.parametrize("scope", list(Scope))
def test_a_token_does_only_what_its_scope_names(scope: Scope, make_program: MakeProgram) -> None:
    client = ApiClient(make_program(Role.OWNER, scopes={scope}).secret)
    for method, path, _operation, access in operations():
        may = not access.permissions or bool(SCOPE_PERMISSIONS[scope] & frozenset(access.permissions))
        response = client.send(method, _filled(path), {} if method in {"post", "put", "patch"} else None)
        assert (response.status_code == 403) is not may, (scope, method, path, response.content)


def test_nobody_gets_in_without_a_token(make_program: MakeProgram) -> None:
    for client in (ApiClient(), ApiClient("cp_nothing"), ApiClient("")):
        for method, path, _operation, _access in operations():
            response = client.send(method, _filled(path), {} if method in {"post", "put", "patch"} else None)
            assert response.status_code == 401, (method, path)
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
            _is_error(path, response)


def _is_error(path: str, response: Any) -> None:
    body = json.loads(response.content)
    if path.startswith("/v1/"):
        assert set(body) == {"error"}
        assert set(body["error"]) == {"message", "type", "param", "code"}
    else:
        assert {"code", "message"} <= set(body) <= {"code", "message", "details"}


def test_errors_have_one_form_whatever_the_address_and_the_trouble(make_program: MakeProgram) -> None:
    client = ApiClient(make_program().secret)
    headers = {"accept": "text/html"}
    for path, method, body, status in (
        ("/api/nothing", "get", None, 404),
        ("/v1/nothing", "get", None, 404),
        ("/api", "get", None, 404),
        ("/api/me", "delete", None, 405),
        ("/v1/models", "post", "{}", 405),
        ("/api/conversations", "post", "{", 400),
        ("/api/conversations", "post", '{"text": 7}', 422),
        ("/api/conversations", "post", '{"text": "Hi", "colour": "red"}', 422),
        ("/api/conversations", "post", '{"text": "\\ud800"}', 422),
        ("/api/conversations", "post", '{"text": "a\\u0000b"}', 422),
        ("/api/conversations", "post", "[" * 5000, 400),
        ("/api/conversations?limit=0", "get", None, 422),
        ("/api/conversations?after=nonsense", "get", None, 400),
        ("/api/conversations/not-an-id", "get", None, 404),
        (f"/api/conversations/{uuid4()}", "get", None, 404),
        ("/v1/chat/completions", "post", "{", 400),
        ("/v1/chat/completions", "post", '{"model": "default"}', 400),
        ("/api/conversations", "post", json.dumps({"text": "x" * 2_000_000}), 413),
        ("/v1/chat/completions", "post", json.dumps({"x": "x" * 2_000_000}), 413),
    ):
        content = {"data": body, "content_type": "application/json"} if body is not None else {}
        response = getattr(client, method)(path, headers=headers, **content)
        assert response.status_code == status, (path, response.content[:300])
        _is_error(path, response)
    form = client.post("/api/conversations", {"text": "Hi"})
    assert (form.status_code, form.json()["code"]) == (415, "not_json")
    allowed = client.delete("/api/conversations")
    assert set(re.findall(r"\w+", allowed.headers["Allow"])) == {"GET", "POST"}


def test_a_session_needs_its_csrf_token(make_program: MakeProgram) -> None:
    program = make_program()
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(program.user)
    assert browser.get("/api/me").json()["token_id"] is None
    refused = browser.post("/api/groups", {"name": "Support"}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    browser.get("/")
    token = browser.cookies["csrftoken"].value
    made = browser.post(
        "/api/groups", {"name": "Support"}, content_type="application/json", headers={"X-CSRFToken": token}
    )
    assert made.status_code == 201
    assert browser.get("/v1/models").status_code == 401


def test_requests_are_counted_for_each_token(make_program: MakeProgram, settings: Settings) -> None:
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"api_requests_a_minute": 3})
    one, other = make_program(), make_program()
    client = ApiClient(one.secret)
    left = [int(client.get("/api/me").headers["X-RateLimit-Remaining"]) for _ in range(3)]
    assert left == [2, 1, 0]
    refused = client.get("/api/me")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert client.get("/v1/models").headers["x-ratelimit-remaining-requests"] == "0"
    assert ApiClient(other.secret).get("/api/me").status_code == 200


def test_a_repeated_request_is_done_once(make_program: MakeProgram) -> None:
    client = ApiClient(make_program().secret)
    key = {"Idempotency_Key": "group-1"}
    first = client.send("post", "/api/groups", {"name": "Support"}, **key)
    again = client.send("post", "/api/groups", {"name": "Support"}, **key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    other = client.send("post", "/api/groups", {"name": "Sales"}, **key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    taken = client.send("post", "/api/groups", {"name": "Support"}, Idempotency_Key="group-2")
    assert (taken.status_code, taken.json()["code"]) == (409, "accounts.group_name_taken")
    bad = client.send("post", "/api/groups", {"name": "Support"}, Idempotency_Key="x" * 300)
    assert bad.json()["code"] == "invalid_idempotency_key"
    elsewhere = ApiClient(make_program(Role.ADMINISTRATOR).secret)
    mine = elsewhere.send("post", "/api/groups", {"name": "Sales"}, **key)
    assert mine.status_code == 201


def test_the_reference_and_the_description_are_for_everybody() -> None:
    browser = Client()
    spec = browser.get("/api/openapi.json")
    assert spec.status_code == 200
    assert spec.json()["info"]["title"] == "Chatplatform"
    page = browser.get("/api/docs")
    assert page.status_code == 200
    text = page.content.decode()
    assert "<script" not in text
    assert "style=" not in text
    for path in spec.json()["paths"]:
        assert path in text
    assert browser.get("/api/docs", headers={"accept-language": "zh-hans"}).status_code == 200

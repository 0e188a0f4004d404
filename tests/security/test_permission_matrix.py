"""Holds the platform to the permission matrix: every address and method, for every kind of person."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpResponseBase, StreamingHttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from chatplatform.accounts.api_tokens import SCOPE_PERMISSIONS, Scope, make_token
from chatplatform.accounts.models import Role
from chatplatform.accounts.permissions import ROLE_PERMISSIONS, Permission
from chatplatform.common.scope import workspace_scope
from chatplatform.jobs.registry import job_kinds
from chatplatform.jobs.services import enqueue
from tests.security.conftest import rolled_back
from tests.security.permission_matrix import (
    EVERYBODY,
    JOB_KINDS,
    LINES,
    NAMED_HERE,
    SAME,
    SIGNED_IN,
    Line,
    Owner,
)
from tests.security.world import ENGINE_ID, MISSING, NOTHING, PERSONAL, Ids, Place, World, dead_secrets

pytestmark = pytest.mark.django_db(databases=["default", "keys"])

METHODS = ("get", "post", "put", "patch", "delete")
ROLES = list(Role)
FIXED = {
    "path": "css/tokens.css",
    "check_id": "disk",
    "model_id": "qwen2.5-coder-0.5b",
    "engine_id": ENGINE_ID,
    "link": "never-made",
    "number": "1",
    "diagram_script": "draw",
}
# Answer every method alike: what moved elsewhere, and what is nowhere.
ANY_METHOD = {"jobs/", "language/"}
NO_ADDRESS = "^(?:api|v1)(?:/.*)?$"


def named(line: Line) -> list[str]:
    """The objects that a request names, in its address and its body."""
    text = line.address + json.dumps([line.body, line.known_body]) + line.query
    return [name for name in dict.fromkeys(re.findall(r"<(\w+)>", text)) if name not in FIXED]


def filled(value: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return re.sub(r"<(\w+)>", lambda found: ids[found[1]], value)
    if isinstance(value, Mapping):
        return {key: filled(one, ids) for key, one in value.items()}
    return [filled(one, ids) for one in value] if isinstance(value, list) else value


def ask(
    line: Line,
    browser: Client,
    ids: Ids,
    *,
    body: Mapping[str, Any] | None = None,
    method: str = "",
    **headers: str,
) -> HttpResponseBase:
    """Send the line's request, and roll back what it did."""
    known = {**FIXED, **ids}
    content = filled(line.body if body is None else body, known)
    address = f"/{filled(line.address, known)}{filled(line.query, known)}"
    method = method or line.method
    given: dict[str, Any] = {"headers": headers}
    if line.sends_json and method not in ("get", "delete"):
        given |= {"data": json.dumps(content), "content_type": "application/json"}
    elif method == "post":
        given["data"] = content
    with rolled_back():
        response: HttpResponseBase = getattr(browser, method)(address, **given)
    return response


def told(response: HttpResponseBase, *secret: str) -> tuple[int, str, str]:
    """What an answer tells: its status, where it leads, and its words without what is new in every answer."""
    text = (
        "(a stream)" if isinstance(response, StreamingHttpResponse) else response.content.decode()  # type: ignore[attr-defined]
    )
    for one in secret:
        text = re.sub(rf"(?<=/){one}(?=/)", "ID", text) if one.isdigit() else text.replace(one, "ID")
    text = re.sub(r'(name="csrfmiddlewaretoken" value="|"csrf[^"]*": ?")[^"]*', r"\1", text)
    text = re.sub(r'(data-csrf[^=]*="|name="csrf-token" content=")[^"]*', r"\1", text)
    text = re.sub(r'<time datetime="[^"]*">[^<]*', "", text)
    return response.status_code, response.headers.get("Location", ""), text


def is_shut_out(line: Line, response: HttpResponseBase) -> bool:
    """Sent to the sign-in page, or told 401; pages for browsers, JSON for programs."""
    if line.is_api:
        return response.status_code == 401
    return response.status_code == 302 and response.headers["Location"].startswith("/sign-in/")


def may(line: Line, role: Role) -> bool:
    if line.who in (EVERYBODY, SIGNED_IN):
        return True
    wanted = line.who if isinstance(line.who, tuple) else (line.who,)
    return any(right in ROLE_PERMISSIONS[role] for right in wanted if isinstance(right, Permission))


def assert_let_in(line: Line, response: HttpResponseBase) -> None:
    status = response.status_code
    if line.who is EVERYBODY:
        # wrong passwords and links that were never made are refused by what they are, not by who comes
        assert status < 500 or status == line.answers, told(response)
        return
    assert not is_shut_out(line, response), told(response)
    if line.answers is None:
        assert status < 400, told(response)
    else:
        assert status == line.answers, told(response)


# ------------------------------------------------------------------ every kind of person


# what one of them sees on one kind of database, the others do on another
@pytest.mark.parametrize(
    "role",
    [role if role == Role.OWNER else pytest.param(role, marks=pytest.mark.any_database) for role in ROLES],
)
@pytest.mark.parametrize("line", [line for line in LINES if line.who is not EVERYBODY], ids=str)
def test_a_role_gets_what_its_rights_say(world: World, line: Line, role: Role) -> None:
    someone, ids = world.here.people[role], world.here.ids(role)
    ways: list[tuple[Client, dict[str, str]]] = [(someone.browser(), {})]
    if line.is_api:
        by_token = (Client(raise_request_exception=False), {"Authorization": f"Bearer {someone.secret}"})
        # the OpenAI protocol takes tokens alone
        ways = [by_token] if line.address.startswith("v1/") else [*ways, by_token]
    for browser, headers in ways:
        response = ask(line, browser, ids, **headers)
        if may(line, role):
            assert_let_in(line, response)
        else:
            assert response.status_code in (403, 404), told(response)
            if named(line):  # before anything was looked up: ids of nothing get the same
                assert told(ask(line, browser, missing(ids), **headers))[0] == response.status_code


@pytest.mark.any_database
@pytest.mark.parametrize("line", LINES, ids=str)
def test_who_is_not_signed_in_or_suspended_is_shut_out(world: World, line: Line) -> None:
    ids = world.here.ids("target")
    suspended = world.here.people["suspended"]
    asking: list[tuple[Client, dict[str, str]]] = [
        (Client(raise_request_exception=False), {}),
        (suspended.browser(), {}),
    ]
    if line.is_api:
        asking.append(
            (Client(raise_request_exception=False), {"Authorization": f"Bearer {suspended.secret}"})
        )
    for browser, headers in asking:
        response = ask(line, browser, ids, **headers)
        if line.who is EVERYBODY:
            assert_let_in(line, response)
            continue
        if line.address == "components/":
            assert response.status_code == 403
            continue
        assert is_shut_out(line, response), told(response)
        assert told(response) == told(ask(line, browser, missing(ids), **headers))
        if not line.is_api:
            as_program = ask(line, browser, ids, accept="application/json")
            assert as_program.status_code == 401, told(as_program)


# ------------------------------------------------------------------ other people's objects


def missing(ids: Ids) -> Ids:
    return {name: MISSING.get(name, NOTHING) for name in ids}


NAMING = [line for line in LINES if named(line)]


@pytest.mark.parametrize("line", NAMING, ids=str)
def test_another_workspaces_objects_look_missing(world: World, line: Line) -> None:
    """An owner of another workspace names one object of this one among their own: as if it were not there."""
    stranger, theirs = world.elsewhere.people[Role.OWNER], world.elsewhere.ids(Role.OWNER)
    _compare(line, stranger, theirs, world.here.ids("target"), named(line))


@pytest.mark.parametrize(
    "line", [line for line in NAMING if any(name in PERSONAL for name in named(line))], ids=str
)
def test_a_colleagues_own_objects_look_missing(world: World, line: Line) -> None:
    owner, own = world.here.people[Role.OWNER], world.here.ids(Role.OWNER)
    _compare(
        line,
        owner,
        own,
        world.here.ids("target"),
        [name for name in named(line) if name in PERSONAL],
    )


def _compare(line: Line, someone: Any, own: Ids, of_others: Ids, names: list[str]) -> None:
    browser = someone.browser()
    headers = {"Authorization": f"Bearer {someone.secret}"} if line.is_api else {}
    body = line.known_body
    for name in names:
        known, nothing = of_others[name], MISSING.get(name, NOTHING)
        answers = []
        for one in (known, nothing):
            response = ask(line, browser, {**own, name: one}, body=body, **headers)
            answers.append(told(response, one))
        assert answers[0] == answers[1], name
        assert answers[0][0] < 500, name
        if f"<{name}>" in line.address and not needs_to_be_confirmed(answers[0]):
            assert answers[0][0] == 404, (name, answers[0])


def needs_to_be_confirmed(answer: tuple[int, str, str]) -> bool:
    return answer[1].startswith("/settings/security/confirm/")


# ------------------------------------------------------------------ tokens

WITH_RIGHTS = [line for line in LINES if line.is_api and line.who not in (EVERYBODY, SIGNED_IN)]


@pytest.mark.any_database
@pytest.mark.parametrize("line", WITH_RIGHTS, ids=str)
def test_a_token_opens_what_its_scopes_name(world: World, line: Line) -> None:
    owner, ids = world.here.people[Role.OWNER], world.here.ids(Role.OWNER)
    rights = set(line.who) if isinstance(line.who, tuple) else {line.who}
    opening = {scope for scope in Scope if SCOPE_PERMISSIONS[scope] & rights}
    assert opening, "no scope opens this route: a token could never use it"
    for scopes, opens in [({one}, True) for one in opening] + [(set(Scope) - opening, False)]:
        with rolled_back():
            with workspace_scope(world.here.workspace.id):
                made = make_token("test", scopes, expires_at=None, actor=owner.actor)
            response = ask(line, Client(), ids, Authorization=f"Bearer {made.secret}")
        if opens:
            assert_let_in(line, response)
        else:
            assert response.status_code == 403, told(response)
            assert "scope_missing" in told(response)[2]


def test_dead_tokens_are_refused_alike(world: World) -> None:
    """One form of refusal for each of the two APIs, whatever was wrong and whatever was asked for."""
    refusals: dict[bool, set[tuple[int, str, str]]] = {True: set(), False: set()}
    with rolled_back():
        secrets = dead_secrets(world)
        for line in LINES:
            if not line.is_api or line.who is EVERYBODY:
                continue
            for why, secret in secrets.items():
                response = ask(line, Client(), world.here.ids("target"), Authorization=f"Bearer {secret}")
                assert response.status_code == 401, (why, told(response))
                refusals[line.address.startswith("v1/")].add(told(response))
    assert [len(found) for found in refusals.values()] == [1, 1]


@pytest.mark.parametrize(
    "spelling",
    [
        {"Authorization": "{secret}"},
        {"Authorization": "Basic {secret}"},
        {"Authorization": "Token {secret}"},
        {"X-Api-Key": "{secret}"},
        {"Api-Key": "{secret}"},
        {"X-Auth-Token": "{secret}"},
        {"Cookie": "token={secret}"},
    ],
    ids=str,
)
def test_a_token_counts_in_one_place_only(world: World, spelling: dict[str, str]) -> None:
    """Where a token is read in several ways, its limits tend to hold in one of them."""
    secret = world.here.people[Role.OWNER].secret
    headers = {name: value.format(secret=secret) for name, value in spelling.items()}
    with rolled_back():
        assert Client().get("/api/me", headers=headers).status_code == 401
        assert Client().get(f"/api/me?token={secret}&api_key={secret}").status_code == 401


# ------------------------------------------------------------------ jobs

KINDS = sorted(JOB_KINDS.items())


@pytest.mark.parametrize(("kind", "owner"), KINDS)
def test_a_job_is_seen_by_its_owner(world: World, kind: str, owner: Owner) -> None:
    here = world.here
    with rolled_back():
        with workspace_scope(here.workspace.id):
            job_id = enqueue(
                kind,
                args={},
                actor=here.people["target"].actor,
                workspace_id=here.workspace.id if owner is Owner.WORKSPACE else None,
            )
        for place in (here, world.elsewhere):
            for someone in place.people.values():
                if someone is place.people["suspended"]:
                    continue
                _check_job(str(job_id), owner, someone, place, is_here=place is here)


def _check_job(job_id: str, owner: Owner, someone: Any, place: Place, *, is_here: bool) -> None:
    rights = ROLE_PERMISSIONS[someone.role]
    of_workspace = Permission.JOBS_READ in rights and is_here and owner is Owner.WORKSPACE
    of_platform = Permission.SYSTEM_MANAGE in rights and owner is Owner.PLATFORM
    hidden = 404 if Permission.JOBS_READ in rights else 403
    browser = someone.browser()
    page = f"/console/jobs/{job_id}/"
    assert browser.get(page).status_code == (200 if of_workspace else hidden)
    platform = browser.get(f"{page}?of=platform").status_code
    assert platform == (200 if of_platform else 404 if Permission.SYSTEM_MANAGE in rights else 403)
    headers = {"Authorization": f"Bearer {someone.secret}"}
    assert Client().get(f"/api/jobs/{job_id}", headers=headers).status_code == (
        200 if of_workspace else hidden
    )
    for act in ("cancel", "retry"):
        with rolled_back():
            address = f"/api/jobs/{job_id}/{act}"
            answer = Client().post(address, content_type="application/json", headers=headers)
        done = {"cancel": 200, "retry": 409}[act]
        assert answer.status_code == (done if of_workspace else hidden)


def test_every_kind_of_job_is_in_the_matrix() -> None:
    assert {kind.kind for kind in job_kinds() if not kind.kind.startswith("test")} == set(JOB_KINDS)


# ------------------------------------------------------------------ nothing is left out


def routes(resolver: URLResolver, before: str = "") -> Iterator[str]:
    """Every address of the URLconf, with the names of its parameters."""
    for each in resolver.url_patterns:
        here = before + str(each.pattern)
        if isinstance(each, URLPattern):
            yield re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", here)
        else:
            yield from routes(each, here)


def in_matrix(address: str) -> str:
    """The address as the matrix names its parameters."""
    names = {**SAME, **NAMED_HERE.get(address, {})}
    return re.sub(r"<(\w+)>", lambda found: f"<{names.get(found[1], found[1])}>", address)


ADDRESSES = sorted(set(routes(get_resolver())) - {NO_ADDRESS})


def test_every_address_is_in_the_matrix() -> None:
    # django's own resolver writes the parameters of a pattern without the slash that begins every address
    assert {in_matrix(address) for address in ADDRESSES} == {line.address for line in LINES}
    assert len({(line.method, line.address) for line in LINES}) == len(LINES)


@pytest.mark.any_database
@pytest.mark.parametrize("address", sorted({line.address for line in LINES} - ANY_METHOD))
def test_every_method_is_in_the_matrix(world: World, address: str) -> None:
    lines = {line.method: line for line in LINES if line.address == address}
    owner = world.here.people[Role.OWNER]
    for method in METHODS:
        if method in lines:
            continue
        line = next(iter(lines.values()))
        headers = {"Authorization": f"Bearer {owner.secret}"} if line.is_api else {}
        response = ask(line, owner.browser(), world.here.ids(Role.OWNER), method=method, **headers)
        assert response.status_code == 405, f"{method} /{address} is not in the matrix"


@pytest.mark.parametrize("method", METHODS)
def test_what_is_nowhere_looks_alike_to_all(world: World, method: str) -> None:
    owner = world.here.people[Role.OWNER]
    for address in ("/api/nothing", f"/v1/{uuid4()}", "/nothing/"):
        given = {} if method == "get" else {"content_type": "application/json"}
        answers = {
            told(getattr(browser, method)(address, **given), address)
            for browser in (Client(), owner.browser(), world.here.people["suspended"].browser())
        }
        assert {status for status, *_rest in answers} == {404}, address

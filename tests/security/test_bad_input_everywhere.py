"""Every page and route with what nobody should send: a clear answer, nothing beyond the form, and never a defect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import pytest
from django.conf import settings
from django.http import HttpResponseBase
from django.test import Client

from chatplatform.accounts.groups import create_group
from chatplatform.accounts.invitations import invite
from chatplatform.accounts.models import Group, Membership, Role, User, Workspace
from chatplatform.accounts.queries import groups_of
from chatplatform.accounts.sign_in_links import make_sign_in_link
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.prompts.models import Assistant, Prompt
from tests.security.conftest import rolled_back
from tests.security.permission_matrix import EVERYBODY, LINES, Line
from tests.security.test_permission_matrix import FIXED, filled, told
from tests.security.world import Someone, World

pytestmark = pytest.mark.django_db(databases=["default", "keys"])

MARKUP = "<img src=x onerror=alert(1)>"
NAMES = {
    "chinese": "中文名字與繁體",
    "arabic": "مرحبا بالعالم",
    "hebrew and latin": "שלום abc 123",
    "devanagari": "नमस्ते दुनिया",
    "thai": "สวัสดีชาวโลก",
    "a family": "👩‍👩‍👧‍👦 and 🏳️‍🌈",
    "flags and tones": "🇩🇪👍🏽",
    "combining": "Z" + "\u0351\u0300\u0312" * 20,
    "zero width": "ab\u200b\u200d\ufeffcd",
    "turned around": "\u202eevil\u202c \u2066x\u2069",
    "markup": MARKUP,
    "template": "{{ 7|add:7 }} {% debug %} ${7*7}",
    "quotes": 'O\'Brien "Bob" `x` --; DROP TABLE accounts_user',
    "line breaks": "one\r\nSet-Cookie: a=b\n\ntwo",
    "nul": "a\x00b",
    "controls": "a\x07\x1b[31mb\x7f\x85",
    "noncharacters": "\uffff\U0010ffff\ufdd0",
    "long": "x" * 10_000,
    "long and wide": "漢" * 10_000,
    "only spaces": " \u3000\u2003\t",
    "nothing": "",
    "a path": "../../../etc/passwd",
}
SURROGATE = "\\ud800"  # as JSON may say it: half of a character
# What is typed, where it is typed, and where it is read.
FIELDS = [
    ("settings/workspaces/rename/", {"name": "<typed>"}, "settings/workspaces/"),
    ("settings/workspaces/create/", {"name": "<typed>"}, "settings/workspaces/"),
    ("settings/", {"display_name": "<typed>", "email": "<email>", "theme": "system"}, ""),
    ("settings/tokens/", {"name": "<typed>", "lifetime": "30", "scopes": ["chat"]}, "settings/tokens/"),
    ("console/groups/", {"name": "<typed>", "description": "<typed>"}, "console/groups/"),
    (
        "console/assistants/new/",
        {"name": "<typed>", "description": "<typed>", "prompt": "<prompt_id>", "audience": "everybody"},
        "",
    ),
    ("console/prompts/new/", {"name": "<typed>", "text": "<typed>"}, "console/prompts/"),
    (
        "console/prompts/<prompt_id>/rename/",
        {"name": "<typed>"},
        "console/prompts/<prompt_id>/export/",
    ),
    ("c/<conversation_id>/rename/", {"title": "<typed>"}, "c/<conversation_id>/"),
    (
        "console/invitations/",
        {"role": "member", "days": "7", "email": "<typed>@example.org"},
        "console/invitations/",
    ),
    ("api/groups", {"name": "<typed>", "description": "<typed>"}, "api/groups"),
    ("api/prompts", {"name": "<typed>", "text": "<typed>"}, "api/prompts"),
    ("api/assistants", {"name": "<typed>", "prompt_id": "<prompt_id>"}, "api/assistants"),
]


def send(line: Line, someone: Someone, ids: dict[str, str], **more: Any) -> HttpResponseBase:
    """The line's request, not rolled back."""
    headers = {"Authorization": f"Bearer {someone.secret}"} if line.is_api else {}
    browser = Client(raise_request_exception=False) if line.is_api else someone.browser()
    address = "/" + filled(line.address, {**FIXED, **ids}) + line.query
    body = more.get("body", line.body)
    if line.method == "get":
        return browser.get(address, headers=headers)  # type: ignore[return-value]
    if line.sends_json:
        raw = more.get("raw") or json.dumps(body)
        return browser.generic(  # type: ignore[return-value]
            line.method.upper(), address, raw, content_type="application/json", headers=headers
        )
    return browser.post(address, body, headers=headers)  # type: ignore[return-value]


@pytest.mark.parametrize(("address", "body", "shown_at"), FIELDS, ids=[field[0] for field in FIELDS])
def test_names_of_every_kind(world: World, address: str, body: dict[str, Any], shown_at: str) -> None:
    owner, ids = world.here.people[Role.OWNER], world.here.ids(Role.OWNER)
    line = Line("post", address, EVERYBODY)
    for kind, name in NAMES.items():
        typed = filled(body, {**ids, "typed": name, "email": owner.user.email})
        with rolled_back():
            response = send(line, owner, ids, body=typed)
            assert response.status_code < 500, (kind, told(response))
            if kind.startswith("long") or (kind in {"nothing", "only spaces"} and "name" in typed):
                assert 400 <= response.status_code < 500, (kind, told(response))
            shown = send(Line("get", shown_at, EVERYBODY), owner, ids)
        assert shown.status_code == 200, kind
        for page in (response, shown):
            assert not any("\n" in f"{key}{value}" or "\r" in value for key, value in page.items()), kind
            assert "Set-Cookie: a=b" not in str(page.headers.get("Set-Cookie", ""))
            if "html" in page["Content-Type"]:
                text = told(page)[2]
                assert MARKUP not in text, kind
                # what was refused may be shown again as it was typed; nothing such is kept
                assert "\x00" not in text or page.status_code >= 400, kind


@pytest.mark.parametrize("field", [field for field in FIELDS if field[0].startswith("api/")], ids=str)
def test_half_a_character(world: World, field: tuple[str, dict[str, Any], str]) -> None:
    address, body, _shown = field
    owner, ids = world.here.people[Role.OWNER], world.here.ids(Role.OWNER)
    raw = json.dumps(filled(body, {**ids, "typed": "TYPED"})).replace("TYPED", f"a{SURROGATE}b")
    with rolled_back():
        response = send(Line("post", address, EVERYBODY), owner, ids, raw=raw)
    assert 400 <= response.status_code < 500, told(response)


# ------------------------------------------------------------------ nonsense in every place

JUNK = [
    "",
    "\x00",
    "2026-01-01T00:00:00",
    "-1",
    "9" * 30,
    "NaN",
    "1e999",
    "²",
    "٣",
    "2026-13-45T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "' OR 1=1 --",
    "%ff%00",
    "x" * 5000,
    "\U0001f600",
    "00000000-0000-4000-8000-000000000000",
    "{}",
]
PARAMETERS = [
    "after",
    "before",
    "search",
    "find",
    "role",
    "state",
    "days",
    "version",
    "from",
    "to",
    "of",
    "kind",
    "limit",
    "format",
    "code",
    "actor",
    "actor_id",
    "since",
    "until",
    "page",
    "number",
    "by",
    "part",
    "archived",
    "outcome",
    "target",
    "target_kind",
    "target_id",
    "order",
    "group_id",
    "suspended",
    "model",
    "cursor",
    "person",
    "from_day",
    "to_day",
    "next",
    "token",
    "error",
]


@pytest.mark.parametrize("line", [line for line in LINES if line.method == "get"], ids=str)
def test_nonsense_in_the_query(world: World, line: Line) -> None:
    owner, ids = world.here.people[Role.OWNER], world.here.ids(Role.OWNER)
    for junk in JUNK:
        query = "?" + urlencode(dict.fromkeys(PARAMETERS, junk))
        odd = Line("get", line.address, line.who, query=query)
        with rolled_back():
            response = send(odd, owner, ids)
        # readiness says 503 here, and only it
        assert response.status_code < 500 or line.answers == 503, (junk, told(response))


@pytest.mark.parametrize("line", [line for line in LINES if line.body], ids=str)
def test_nonsense_in_the_body(world: World, line: Line) -> None:
    owner, ids = world.here.people[Role.OWNER], world.here.ids(Role.OWNER)
    known = filled(line.known_body or line.body, {**FIXED, **ids})
    bodies: list[Any] = [
        {**known, name: junk} for name in known for junk in (JUNK[:6] if not line.sends_json else JUNK)
    ]
    if line.sends_json:
        bodies += [{**known, name: odd} for name in known for odd in (None, [], {}, -1, 1e308, True, [[[]]])]
        bodies += [None, [], "x", 7, [known], {"": known}]
    with rolled_back():
        for body in bodies:
            if line.address.endswith("/test/") or (line.known_body and _is_whole(body, line)):
                continue  # that would be answered by a model
            with rolled_back():
                response = send(line, owner, ids, body=body)
            assert response.status_code < 500, (body, told(response))


def _is_whole(body: Any, line: Line) -> bool:
    """Whether a turn might begin: these tests run without a chat."""
    return isinstance(body, dict) and line.known_body is not None


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff\xfe", b"[" * 10_000, b'{"a":' * 5000, b'"\\ud800"', b"NaN", b"9" * 10_000, b"\x00"],
    ids=lambda raw: repr(raw[:8]),
)
def test_bodies_that_are_no_json(world: World, raw: bytes) -> None:
    owner, ids = world.here.people[Role.OWNER], world.here.ids(Role.OWNER)
    for line in LINES:
        if not line.sends_json or not line.body:
            continue
        with rolled_back():
            response = send(line, owner, ids, raw=raw)
        assert response.status_code < 500, (str(line), told(response))


# ------------------------------------------------------------------ more than the form has

EXTRA = {
    "role": "owner",
    "is_staff": "on",
    "is_superuser": "1",
    "is_active": "1",
    "user": "<stranger>",
    "user_id": "<stranger>",
    "owner": "<stranger>",
    "owner_id": "<stranger>",
    "workspace": "<other_workspace>",
    "workspace_id": "<other_workspace>",
    "suspended_at": "",
    "created_by": "<stranger>",
    "scopes": "audit.read",
    "is_default": "1",
    "password": "owned by somebody else",
    "last_login": "2030-01-01",
    "email_verified": "1",
}


def state() -> list[Any]:
    """Who may what, and whose everything is."""
    with all_workspaces("the test looks at everything"):
        return [
            sorted(map(str, rows))
            for rows in (
                User.objects.values_list("id", "is_staff", "is_superuser", "is_active", "password"),
                Membership.objects.values_list("user_id", "workspace_id", "role"),
                Workspace.objects.values_list("name"),
                Group.objects.values_list("name", "workspace_id"),
                Prompt.objects.values_list("name", "workspace_id"),
                Assistant.objects.values_list("name", "workspace_id", "is_default"),
            )
        ]


FORMS = [
    line for line in LINES if line.method != "get" and line.who is not EVERYBODY and line.known_body is None
]


@pytest.mark.parametrize("line", FORMS, ids=str)
def test_fields_that_a_form_does_not_have_do_nothing(world: World, line: Line) -> None:
    someone = world.here.people[Role.ADMINISTRATOR]
    ids = world.here.ids(Role.ADMINISTRATOR)
    stranger = world.elsewhere.people[Role.OWNER]
    extra = filled(
        EXTRA, {"stranger": str(stranger.user.id), "other_workspace": str(world.elsewhere.workspace.id)}
    )
    plain = filled(line.body, {**FIXED, **ids})
    after: list[tuple[int, list[Any]]] = []
    for body in (plain, {**extra, **plain}):
        with rolled_back():
            status = send(line, someone, ids, body=body).status_code
            after.append((status, state()))
    (plain_status, plain_state), (status, found) = after
    if line.is_api and plain_status < 300 and line.body and not line.address.startswith("v1/"):
        assert status == 422, "fields that are unknown are refused, not ignored"
    elif not line.is_api:
        assert found == plain_state
    assert status < 500


def test_what_is_refused_half_way_leaves_nothing(world: World) -> None:
    """Groups that are there, and among them one that is not."""
    owner, target = world.here.people[Role.OWNER], world.here.people["target"]

    def groups() -> frozenset[Any]:
        with workspace_scope(world.here.workspace.id):
            return groups_of(target.user.id, world.here.workspace.id)

    with rolled_back():
        with workspace_scope(world.here.workspace.id):
            made = [str(create_group(f"Group {n}", actor=owner.actor).id) for n in range(8)]
        before = groups()
        page = owner.browser().post(
            f"/console/members/{target.membership_id}/groups/", {"groups": [*made, str(uuid4())]}
        )
        assert page.status_code == 404
        assert groups() == before


# ------------------------------------------------------------------ where it goes next

EVIL = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "https:evil.example",
    "https://evil.example/",
    "http:///evil.example",
    "HTTPS:/evil.example",
    "javascript:alert(1)",
    " javascript:alert(1)",
    "data:text/html,x",
    "//testserver@evil.example",
    "https://testserver@evil.example/",
    "/%0d%0aSet-Cookie:a=b",
    "/a\r\nSet-Cookie: a=b",
    "\x00//evil.example",
    "/" * 3000,
]


def goes_on(world: World, target: str) -> Iterator[HttpResponseBase]:
    owner = world.here.people[Role.OWNER]
    query = "?" + urlencode({"next": target})
    yield owner.browser().get(f"/sign-in/{query}")  # type: ignore[misc]
    yield owner.browser().get(f"/settings/security/confirm/{query}")  # type: ignore[misc]
    yield Client().post("/language/", {"language": "en", "next": target})  # type: ignore[misc]
    yield Client().post(f"/language/{query}", {"language": "en"}, headers={"referer": target})  # type: ignore[misc]
    yield owner.browser().post("/sign-out/", {"next": target})  # type: ignore[misc]
    link = urlsplit(make_sign_in_link(owner.user, actor=owner.actor)).path
    yield Client().post(f"{link}{query}")  # type: ignore[misc]
    link = urlsplit(make_sign_in_link(owner.user, actor=owner.actor)).path
    yield Client().post(link, {"next": target})  # type: ignore[misc]


@pytest.mark.parametrize("target", EVIL)
def test_nobody_is_sent_elsewhere(world: World, target: str) -> None:
    with rolled_back():
        for response in goes_on(world, target):
            assert response.status_code < 500
            location = response.headers.get("Location", "/")
            parts = urlsplit(location)
            assert not parts.netloc, location
            assert not parts.scheme, location
            assert location.startswith("/"), location
            assert location[1:2] not in {"/", "\\"}, location
            assert "Set-Cookie:" not in location.replace("%20", " ") or "%0" in location
            assert "a" not in response.cookies  # type: ignore[attr-defined]


# ------------------------------------------------------------------ keys at the wrong door


def test_a_key_opens_its_own_door_only(world: World) -> None:
    """Links and tokens of one kind at the doors of the others, twice, cut, and after their use."""
    here, owner = world.here, world.here.people[Role.OWNER]
    with rolled_back():
        with workspace_scope(here.workspace.id):
            invitation = urlsplit(invite(role=Role.OWNER, actor=owner.actor).url).path.split("/")[2]
        sign_in = urlsplit(make_sign_in_link(owner.user, actor=owner.actor)).path.split("/")[2]
        keys = [invitation, sign_in, owner.secret, owner.session_key, settings.SECRET_KEY[:20], "0", "null"]
        doors = {
            "/sign-in/{}/": {sign_in},
            "/sign-in/mail/{}/": set(),
            "/invitation/{}/": {invitation},
        }
        for door, opens in doors.items():
            for key in keys:
                for tried in (key, key[:-1], key + "x", key.swapcase(), f"{key}%00"):
                    if tried in opens:
                        continue
                    browser = Client(raise_request_exception=False)
                    answer = browser.post(
                        door.format(tried), {"email": "new@example.org", "display_name": "x"}
                    )
                    assert 400 <= answer.status_code < 500, (door, tried)
                    assert browser.get("/settings/").status_code == 302
        for key in keys:
            answer = Client().get("/api/me", headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == (200 if key == owner.secret else 401)
        # and its own door once
        assert Client().post(f"/sign-in/{sign_in}/").status_code == 302
        assert Client().post(f"/sign-in/{sign_in}/").status_code == 400

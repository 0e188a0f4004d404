"""Shortcuts and notifications, as each person likes them: the page, the API, and docs/chat.md."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from chatplatform.audit.models import AuditEvent
from chatplatform.preferences.services import preferences_of, warnings_for
from chatplatform.preferences.shortcuts import SHORTCUTS, TAKEN, parse_keys, shown_keys
from tests.integration.web.conftest import MakePerson, Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"])

DEFAULTS = {shortcut.id: shortcut.keys for shortcut in SHORTCUTS}


def put(someone: Someone, **body: Any) -> tuple[int, dict[str, Any]]:
    reply = someone.browser.put("/api/me/preferences", json.dumps(body), content_type="application/json")
    return reply.status_code, reply.json()


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("Ctrl+Shift+K", "mod+shift+k"),
        (" ⌘ + k ", "mod+k"),
        ("Shift+Ctrl+K", "mod+shift+k"),
        ("Option+↑", "alt+arrowup"),
        ("?", "?"),
        ("+", "+"),
        ("Ctrl++", "mod++"),
        ("Esc", "escape"),
        ("", ""),
        ("a+b", None),
        ("Ctrl+Ctrl+k", None),
        ("Hyper+k", None),
        ("Ctrl+", "mod++"),
        ("two words", None),
        ("x" * 50, None),
        ("Ctrl+\x07", None),
    ],
)
def test_keys_are_understood_as_people_type_them(typed: str, keys: str | None) -> None:
    assert parse_keys(typed) == keys


def test_what_is_shown_is_understood_again() -> None:
    for shortcut in SHORTCUTS:
        assert parse_keys(shown_keys(shortcut.keys)) == shortcut.keys == parse_keys(shortcut.keys)


def test_the_defaults_take_nothing_from_anybody_and_differ() -> None:
    assert set(DEFAULTS.values()) & TAKEN == set()
    assert len(set(DEFAULTS.values())) == len(DEFAULTS)


def test_they_are_kept_for_each_person_alone(member: Someone, make_person: MakePerson) -> None:
    status, kept = put(member, shortcuts={"new-chat": "Alt+N", "search": ""}, notify=True)
    assert status == 200
    assert (kept["shortcuts"]["new-chat"], kept["shortcuts"]["search"], kept["notify"]) == ("alt+n", "", True)
    assert kept["shortcuts"]["palette"] == DEFAULTS["palette"]
    assert preferences_of(make_person().user.id).shortcuts == DEFAULTS
    page = member.browser.get("/").content.decode()
    given = json.loads(re.search(r'id="shortcut-data" type="application/json">(.*?)</script>', page, re.S)[1])  # type: ignore[index]
    assert {item["id"]: item["keys"] for item in given["items"]} == kept["shortcuts"]
    put(member, shortcuts_on=False)
    assert '"on": false' in member.browser.get("/settings/").content.decode()
    changed = [json.loads(row.details) for row in AuditEvent.objects.filter(code="preferences.chat.changed")]
    assert [each["changed"] for each in changed] == ["shortcuts,notify", "shortcuts,shortcuts_on,notify"]


@pytest.mark.parametrize(
    "shortcuts",
    [
        {"nothing": "mod+k"},
        {"new-chat": "no keys"},
        {"new-chat": "mod+k"},  # the palette has them
        {"new-chat": "alt+1", "search": "Alt+1"},
    ],
)
def test_what_cannot_be_is_refused_in_words(member: Someone, shortcuts: dict[str, str]) -> None:
    status, said = put(member, shortcuts=shortcuts)
    assert status == 400
    assert said["message"]
    assert preferences_of(member.user.id).shortcuts == DEFAULTS


def test_keys_that_browsers_use_are_named() -> None:
    assert set(warnings_for({"new-chat": "mod+t", "search": "alt+shift+q"})) == {"new-chat"}


def test_the_page_keeps_and_refuses(member: Someone) -> None:
    typed = {each.id: shown_keys(each.keys) for each in SHORTCUTS} | {"shortcuts_on": "on"}
    reply = member.browser.post("/settings/chat/", typed | {"new-chat": "Alt+Shift+N", "notify": "on"})
    assert reply.status_code == 302
    kept = preferences_of(member.user.id)
    assert (kept.shortcuts["new-chat"], kept.notify, kept.shortcuts_on) == ("alt+shift+n", True, True)
    page = member.browser.post("/settings/chat/", typed | {"search": 'Ctrl+K"><b>'})
    assert page.status_code == 400
    assert "Ctrl+K&quot;&gt;&lt;b&gt;" in page.content.decode()
    assert member.browser.post("/settings/chat/", {"act": "reset", "shortcuts_on": "on"}).status_code == 302
    assert preferences_of(member.user.id).shortcuts == DEFAULTS


def test_the_guide_names_every_shortcut_with_its_keys() -> None:
    page = Path("docs/chat.md").read_text()
    rows = dict(re.findall(r"^\| (.+?) \| `(.+?)` \|$", page.split("## Shortcuts")[1], re.MULTILINE))
    with translation.override("en"):
        assert rows == {str(shortcut.label): shown_keys(shortcut.keys) for shortcut in SHORTCUTS}

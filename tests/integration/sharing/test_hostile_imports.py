"""Import files that somebody made to do harm, or that a broken program wrote: what can be taken is, nothing else
happens, and the report says why."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from chatplatform.chat.models import Message
from chatplatform.common.scope import workspace_scope
from chatplatform.sharing import limits
from tests.integration.sharing.conftest import Someone, conversations
from tests.integration.sharing.test_files import counts, imported, own

pytestmark = pytest.mark.django_db(databases=["default", "keys"], transaction=True)


def good(name: str) -> bytes:
    return json.dumps(own(id=name)).encode()


def archive(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in entries:
            made.writestr(name, data)
    return out.getvalue()


def symlink(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


def test_paths_and_links_in_a_zip_lead_nowhere(
    member: Someone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "a" / "b"
    place.mkdir(parents=True)
    secret = tmp_path / "secret.json"
    secret.write_bytes(good("secret"))
    monkeypatch.chdir(place)
    data = archive(
        ("../../up.json", good("up")),
        (str(tmp_path / "absolute.json"), good("absolute")),
        ("..\\..\\windows.json", good("windows")),
        (symlink("link.json"), str(secret).encode()),
        (symlink("up-link.json"), b"../../secret.json"),
        ("inside.zip", archive(("c.json", good("nested")))),
    )
    report = imported(member, data)
    assert counts(report) == (5, 3, 0, 2), report
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["secret.json"]
    assert conversations(member) == 3


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (good("a").decode().replace('"x"', '"é"').encode("latin-1"), "not_text"),
        (b"\xef\xbb\xbf" + good("a"), ""),
        (good("a").replace(b'"x"', b'"\\ud83d"'), ""),
        (good("a").replace(b'"x"', b'"a\\u0000b\\u202e"'), ""),
        (good("a").replace(b'"version": 1', b'"version": ' + b"9" * 5000), "not_json"),
        (good("a").replace(b'"version": 1', b'"version": NaN'), "not_json"),
        (good("a").replace(b'"version": 1', b'"version": 1e999'), "wrong_type"),
        (good("a").replace(b'"version": 1', b'"version": true'), "wrong_type"),
        (good("a").replace(b'"id": "c"', b'"id": "' + b"c" * 300 + b'"'), ""),
        (good("a").replace(b'"text": "x"', b'"text": ["x"]'), "wrong_type"),
        (good("a").replace(b'"id": "a"', b'"id": {"a": 1}'), "wrong_type"),
        (json.dumps(own(messages={"a": 1})).encode(), "wrong_type"),
        (json.dumps(own(messages=[[]])).encode(), "wrong_type"),
        (json.dumps(own(messages=[None] * 50)).encode(), "wrong_type"),
        (json.dumps(own(created_at="9999-12-31T23:59:59-23:59", title=" \u200b ")).encode(), ""),
        (json.dumps(own(title="\u202e<img src=x>" * 5000)).encode(), ""),
    ],
)
def test_documents_that_a_broken_program_wrote(member: Someone, document: bytes, code: str) -> None:
    report = imported(member, archive(("bad.json", document), ("good.json", good("good"))))
    problems = [each["code"] for each in report["problems"]]
    assert problems == ([code] if code else []), report
    assert conversations(member) == 2 - len(problems)
    assert member.browser.get("/api/conversations").status_code == 200
    assert member.browser.get("/settings/sharing/").status_code == 200


def test_a_file_in_another_encoding_says_so(member: Someone) -> None:
    report = imported(member, good("a").decode().encode("utf-16"), states=("dead",))
    assert "neither JSON nor a zip" in report["message"]


def chain(number: int) -> list[dict[str, Any]]:
    return [
        {"id": f"{n}", "parent_id": f"{n - 1}" if n else None, "role": "user", "text": "."}
        for n in range(number)
    ]


def test_very_many_tiny_messages(member: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatplatform.sharing.importing.parsed.CONVERSATION_MESSAGES", 2_000)
    most = json.dumps(own(messages=chain(2_000), id="most")).encode()
    over = json.dumps(own(messages=chain(2_001), id="over")).encode()
    # more lists and objects than may be made of it, in 2 MB
    parts = b'{"messages": [' + b",".join([b"{}"] * (limits.STRUCTURES + 1)) + b"]}"
    report = imported(member, b"[" + b",".join([most, over, parts]) + b"]")
    assert counts(report) == (3, 1, 0, 2)
    assert [each["code"] for each in report["problems"]] == ["too_many_messages", "too_many_parts"]
    with workspace_scope(member.workspace.id):
        assert Message.objects.count() == 2_000

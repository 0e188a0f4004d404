"""Conversations as files: out and in again the same, and hostile files harm nothing."""

from __future__ import annotations

import base64
import io
import json
import struct
import zipfile
import zlib
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from asgiref.sync import async_to_sync
from django.core.management import CommandError, call_command
from django.http import HttpResponseBase

from chatplatform.accounts.models import Membership
from chatplatform.audit.models import AuditEvent
from chatplatform.chat.attachments.models import Attachment
from chatplatform.chat.models import Conversation, Message, Turn
from chatplatform.common.clock import now
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.files.content import sealed_name
from chatplatform.files.models import StoredFile
from chatplatform.privacy.subjects import Subject
from chatplatform.sharing import limits
from chatplatform.sharing.chores import forget_files
from chatplatform.sharing.importing import opening
from chatplatform.sharing.models import ExportFile, ExportPiece, ImportFile, ImportPiece
from chatplatform.web import downloads
from tests.integration.sharing.conftest import MakePerson, Someone, conversations, run_jobs

pytestmark = pytest.mark.django_db(databases=["default", "keys"], transaction=True)

HOSTILE = "<script>alert(1)</script> <img src=x onerror=alert(1)>\n\n```\nnever closed"
TALK = (("What is <b>this</b>?", HOSTILE), ("中文可以吗？", "可以。"))


def body(response: HttpResponseBase) -> bytes:
    assert response.status_code == 200, getattr(response, "content", b"")

    async def read() -> bytes:
        return b"".join([part async for part in response])  # type: ignore[attr-defined]

    return async_to_sync(read)()


def exported(someone: Someone, format: str, ids: list[UUID] | None = None) -> zipfile.ZipFile:
    wish = {"format": format, "conversation_ids": [str(each) for each in ids] if ids else None}
    begun = someone.browser.post("/api/exports", wish, content_type="application/json")
    assert begun.status_code == 202, begun.content
    assert run_jobs() == ["succeeded"]
    state = someone.browser.get(f"/api/exports/{begun.json()['id']}").json()
    assert state["state"] == "done", state
    data = body(someone.browser.get(f"/api/exports/{begun.json()['id']}/file"))
    assert len(data) == state["size_bytes"]
    return zipfile.ZipFile(io.BytesIO(data))


def imported(someone: Someone, data: bytes, *, states: tuple[str, ...] = ("succeeded",)) -> dict[str, Any]:
    begun = someone.browser.post("/api/imports", {"size_bytes": len(data)}, content_type="application/json")
    assert begun.status_code == 201, begun.content
    address = f"/api/imports/{begun.json()['id']}"
    for number in range(begun.json()["pieces"]):
        piece = data[number * limits.PIECE_BYTES : (number + 1) * limits.PIECE_BYTES]
        sent = {"number": number, "data": base64.b64encode(piece).decode()}
        for _ in range(2):  # sent twice, kept once
            answer = someone.browser.post(f"{address}/pieces", sent, content_type="application/json")
            assert answer.status_code == 200, answer.content
    started = someone.browser.post(f"{address}/start", {}, content_type="application/json")
    assert started.status_code == 202, started.content
    assert tuple(run_jobs()) == states
    report: dict[str, Any] = someone.browser.get(address).json()
    return report


def counts(report: dict[str, Any]) -> tuple[int, int, int, int]:
    return report["found"], report["imported"], report["repeated"], report["refused"]


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "."), data)
    return out.getvalue()


def own(text: str = "x", **more: Any) -> dict[str, Any]:
    message = {"id": "a", "parent_id": None, "role": "user", "text": text}
    return {"format": "chatplatform.conversation", "version": 1, "id": "c", "messages": [message]} | more


# ------------------------------------------------------------------ out


def test_one_conversation_in_every_format(make_person: MakePerson, member: Someone) -> None:
    conversation_id = member.talks(*TALK, again="另一个。")
    address = f"/c/{conversation_id}/export/?format="
    answer = member.browser.get(address + "html")
    page = body(answer).decode()
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "<script>" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "http://" not in page
    assert "https://" not in page
    assert "default-src 'none'" in page
    assert "另一个。" in page
    assert "可以。" not in page

    text = body(member.browser.get(address + "markdown")).decode()
    assert text.count("\n```") % 2 == 0  # what was left open is closed
    assert "另一个。" in text

    document = json.loads(body(member.browser.get(address + "json")))
    assert [document["format"], document["version"]] == ["chatplatform.conversation", 1]
    assert [each["shown"] for each in document["messages"]] == [True, True, True, False, True]
    assert document["messages"][1]["answer"]["model"] == "scripted"
    assert document["messages"][4]["parent_id"] == document["messages"][2]["id"]
    assert "feedback" not in json.dumps(document)

    assert member.browser.get(address + "exe").status_code == 400
    assert make_person().browser.get(address + "json").status_code == 404
    assert AuditEvent.objects.filter(code="sharing.conversation.exported").count() == 3


@pytest.mark.parametrize("path", ["/c/{id}/export/?format=json", "/api/conversations/{id}/export"])
def test_whoever_is_suspended_gets_no_more_of_a_file(
    member: Someone, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "ASK_AGAIN_S", 0.0)
    address = path.format(id=member.talks(*TALK))
    assert "可以。" in body(member.browser.get(address)).decode()
    answer = member.browser.get(address)
    Membership.objects.filter(user=member.user).update(suspended_at=now())
    with pytest.raises(downloads.DownloadEnded):
        body(answer)


def test_attached_files_are_named_and_not_shown_by_a_link(member: Someone, open_policy: None) -> None:
    conversation_id = member.talks(("What is in it?", "A tent."))
    file_id = uuid4()
    with workspace_scope(member.workspace.id):
        file = StoredFile.objects.create(
            id=file_id,
            workspace_id=member.workspace.id,
            owner=member.user,
            name=sealed_name(Subject.person(member.user.id), file_id, "salaries <b>.pdf"),
            kind="pdf",
            size=7,
        )
        question = Message.objects.get(conversation_id=conversation_id, role="user")
        Attachment.objects.create(workspace_id=member.workspace.id, message=question, file=file, position=0)
    address = f"/c/{conversation_id}/export/?format="
    document = json.loads(body(member.browser.get(address + "json")))
    assert document["messages"][0]["files"] == [{"name": "salaries <b>.pdf", "kind": "pdf", "size_bytes": 7}]
    assert "salaries <b>.pdf" in body(member.browser.get(address + "markdown")).decode()
    assert "salaries &lt;b&gt;.pdf" in body(member.browser.get(address + "html")).decode()
    made = member.browser.post(
        f"/api/conversations/{conversation_id}/links", {"audience": "public"}, content_type="application/json"
    )
    shown = member.browser.get(urlsplit(made.json()["url"]).path).content.decode()
    assert "A tent." in shown
    assert "salaries" not in shown
    assert "Attached files are left out" in shown


def test_everything_in_a_zip_that_lies_encrypted_and_expires(
    make_person: MakePerson, member: Someone
) -> None:
    for number in range(3):
        member.talks((f"Question {number} / ../..\\ \u202e", "Answer."))
    archive = exported(member, "markdown")
    assert archive.testzip() is None
    names = archive.namelist()
    assert len(names) == len(set(names)) == 3
    assert not any(mark in name for name in names for mark in ("/", "\\", "\u202e"))
    with workspace_scope(member.workspace.id):
        file = ExportFile.objects.get()
        assert all(b"Question" not in bytes(piece.content) for piece in ExportPiece.objects.all())
    assert make_person().browser.get(f"/api/exports/{file.id}/file").status_code == 404
    with workspace_scope(member.workspace.id):
        ExportFile.objects.update(expires_at=now() - timedelta(seconds=1))
    assert member.browser.get(f"/api/exports/{file.id}/file").status_code == 404
    forget_files()
    with all_workspaces("test"):
        assert not ExportPiece.objects.exists()


def test_some_are_chosen_and_one_file_is_made_at_a_time(make_person: MakePerson, member: Someone) -> None:
    first, _second = member.talks(("One?", "1")), member.talks(("Two?", "2"))
    assert len(exported(member, "json", [first]).namelist()) == 1
    begun = member.browser.post("/api/exports", {"format": "json"}, content_type="application/json")
    assert begun.status_code == 202
    again = member.browser.post("/api/exports", {"format": "json"}, content_type="application/json")
    assert again.status_code == 409
    assert member.browser.get(f"/api/exports/{begun.json()['id']}/file").status_code == 409
    foreign = make_person().talks(("Mine?", "Yes."))
    run_jobs()
    wish = {"format": "json", "conversation_ids": [str(foreign)]}
    assert member.browser.post("/api/exports", wish, content_type="application/json").status_code == 404


# ------------------------------------------------------------------ and in again


def test_out_and_in_again_is_the_same_tree(make_person: MakePerson, member: Someone) -> None:
    conversation_id = member.talks(*TALK, again="Another.")
    data = exported(member, "json").read(exported(member, "json").namelist()[0])
    # here it is already
    assert counts(imported(member, data)) == (1, 0, 1, 0)

    other = make_person(elsewhere=True)
    report = imported(other, data)
    assert counts(report) == (1, 1, 0, 0)
    assert report["kind"] == "chatplatform"
    assert counts(imported(other, data)) == (1, 0, 1, 0)
    with workspace_scope(other.workspace.id):
        new = Conversation.objects.get()
        assert not ImportPiece.objects.exists()
        tree = list(
            Message.objects.filter(conversation=new)
            .order_by("number")
            .values_list("role", "on_path", "parent__number")
        )
    assert tree == [
        ("user", True, None),
        ("assistant", True, 1),
        ("user", True, 2),
        ("assistant", False, 3),
        ("assistant", True, 3),
    ]
    again = json.loads(body(other.browser.get(f"/c/{new.id}/export/?format=json")))
    before = json.loads(data)
    assert [each["text"] for each in again["messages"]] == [each["text"] for each in before["messages"]]
    assert again["title"] == before["title"]
    assert again["messages"][1]["answer"]["completion_tokens"] == 3
    assert new.id != conversation_id
    # what came in is a conversation like any other
    with workspace_scope(other.workspace.id):
        assert Turn.objects.filter(conversation=new).count() == 3
    assert other.browser.get(f"/c/{new.id}/").status_code == 200
    other.browser.delete(f"/api/conversations/{new.id}")
    assert counts(imported(other, data)) == (1, 1, 0, 0)  # gone, so it comes again


def test_chatgpt_and_open_webui(member: Someone) -> None:
    chatgpt = [
        {
            "title": "Tents",
            "create_time": 1700000000,
            "mapping": {
                "r": {"id": "r", "message": None, "parent": None, "children": ["q"]},
                "q": {
                    "id": "q",
                    "parent": "r",
                    "message": {
                        "author": {"role": "user"},
                        "content": {"content_type": "text", "parts": ["Hi"]},
                    },
                },
                "a": {
                    "id": "a",
                    "parent": "q",
                    "message": {
                        "author": {"role": "assistant"},
                        "content": {"content_type": "text", "parts": ["Yo"]},
                    },
                },
            },
            "current_node": "a",
        }
    ]
    report = imported(member, zipped(chat__html=b"<html>", conversations__json=json.dumps(chatgpt).encode()))
    assert (counts(report), report["kind"]) == ((1, 1, 0, 0), "chatgpt")
    webui = [{"id": "w", "title": "T", "chat": {"messages": [{"role": "user", "content": "Hi"}]}}]
    report = imported(member, json.dumps(webui).encode())
    assert (counts(report), report["kind"]) == ((1, 1, 0, 0), "open_webui")
    titles = {each["title"] for each in member.browser.get("/api/conversations").json()["items"]}
    assert titles == {"Tents", "T"}


def test_one_bad_conversation_leaves_the_others(member: Someone) -> None:
    good = [
        {"id": f"w{n}", "title": f"T{n}", "chat": {"messages": [{"role": "user", "content": "Hi"}]}}
        for n in (1, 2)
    ]
    bad = {
        "id": "w3",
        "title": "<b>B</b>",
        "chat": {"history": {"messages": {"a": {"parentId": "b", "role": "user"}}}},
    }
    report = imported(member, json.dumps([good[0], bad, {"x": 1}, good[1]]).encode())
    assert counts(report) == (4, 2, 0, 2)
    assert [(each["position"], each["code"]) for each in report["problems"]] == [
        (2, "parent_missing"),
        (3, "not_a_conversation"),
    ]
    page = member.browser.get("/settings/sharing/").content.decode()
    assert "2 conversations imported" in page
    assert "follows one that is not in the file" in page


def bomb() -> bytes:
    """Half a gigabyte of spaces in half a megabyte."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(b"[") + b"".join(packer.compress(b" " * 1024**2) for _ in range(300))
    packed += packer.flush()
    name, size = b"conversations.json", 300 * 1024**2 + 1
    head = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, 0, len(packed), size, len(name), 0) + name
    entry = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 0, 0, len(packed), size, len(name), 0, 0, 0, 0, 0, 0
    )
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(entry + name), len(head + packed), 0)
    return head + packed + entry + name + end


def directory_bomb() -> bytes:
    return b"PK\3\4" + b"\0" * 100 + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 9, 9, 2**31, 0, 0)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x89PNG\r\n", "neither JSON nor a zip"),
        (b"[", "ends in the middle"),
        (b"[" + json.dumps(own()).encode(), "ends in the middle"),
        (b"[" * 100_000, "something else than conversations"),
        (b"PK\3\4 and nothing else", "damaged"),
        (zipped(a__txt=b"x"), "no conversation"),
        (directory_bomb(), "more conversations"),
    ],
)
def test_a_file_that_is_none_says_so(member: Someone, data: bytes, words: str) -> None:
    report = imported(member, data, states=("dead",))
    assert report["state"] == "failed"
    assert words in report["message"]
    assert conversations(member) == (1 if b'"version"' in data else 0)
    # and another one may be tried at once
    assert counts(imported(member, json.dumps(own(id="n")).encode())) == (1, 1, 0, 0)


def test_bombs_and_damage_inside_a_zip_cost_little(member: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    report = imported(member, bomb())
    assert [each["code"] for each in report["problems"]] == ["packed_too_tight"]
    good = json.dumps(own(id="g")).encode()
    damaged = bytearray(zipped(a__json=good, b__json=json.dumps(own("y" * 500, id="b")).encode()))
    at = damaged.index(b"b.json") + 12
    damaged[at : at + 8] = b"\xff" * 8
    report = imported(member, bytes(damaged))
    assert counts(report)[1:] == (1, 0, 1)
    monkeypatch.setattr(opening, "IMPORT_UNPACKED_BYTES", 1000)
    report = imported(member, zipped(a__json=b" " * 5000 + good), states=("dead",))
    assert "too large" in report["message"]


def test_uploads_keep_to_their_limits(make_person: MakePerson, member: Someone) -> None:
    for size in (0, -1, limits.IMPORT_BYTES + 1):
        answer = member.browser.post("/api/imports", {"size_bytes": size}, content_type="application/json")
        assert answer.status_code in (400, 422)
    begun = member.browser.post("/api/imports", {"size_bytes": 10}, content_type="application/json").json()
    address = f"/api/imports/{begun['id']}"

    def send(number: int, data: str) -> int:
        sent = {"number": number, "data": data}
        return member.browser.post(f"{address}/pieces", sent, content_type="application/json").status_code

    assert send(1, "") == 409
    assert send(0, "AAAA") == 400
    assert send(0, "not base64!") == 400
    assert member.browser.post(f"{address}/start", {}, content_type="application/json").status_code == 409
    assert make_person().browser.get(address).status_code == 404
    with workspace_scope(member.workspace.id):
        ImportFile.objects.update(created_at=now() - timedelta(days=1))
    forget_files()
    assert member.browser.get(address).status_code == 404


def test_a_job_that_runs_again_doubles_nothing(member: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    from chatplatform.sharing import jobs

    def broken(*_: object) -> bytes:
        raise RuntimeError

    many = [{"id": f"w{n}", "chat": {"messages": [{"role": "user", "content": str(n)}]}} for n in range(5)]
    whole = jobs.imports.sealed_problems
    monkeypatch.setattr(jobs.imports, "sealed_problems", broken)
    report = imported(member, json.dumps(many).encode(), states=("waiting",))
    assert report["state"] == "waiting"
    assert conversations(member) == 5
    monkeypatch.setattr(jobs.imports, "sealed_problems", whole)
    assert run_jobs() == ["succeeded"]
    assert conversations(member) == 5
    assert counts(member.browser.get(f"/api/imports/{report['id']}").json()) == (5, 5, 0, 0)


def test_from_the_command_line(make_person: MakePerson, member: Someone, tmp_path: Path) -> None:
    member.talks(("Q?", "A."))
    out = tmp_path / "all.zip"
    order = [
        "export",
        "--person",
        member.user.email,
        "--out",
        str(out),
        "--workspace",
        str(member.workspace.id),
    ]
    call_command("conversations", *order, "--reason", "Request 17 of the person")
    assert out.stat().st_mode & 0o777 == 0o600
    event = AuditEvent.objects.get(code="sharing.export.taken")
    assert "Request 17 of the person" in event.details
    assert event.actor_id == "system:command"
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("conversations", *order, "--reason", "Request 17 of the person")

    other = make_person()
    order = ["import", str(out), "--person", other.user.email, "--workspace", str(other.workspace.id)]
    call_command("conversations", *order)
    assert conversations(other) == 1
    call_command("conversations", *order)
    assert conversations(other) == 1

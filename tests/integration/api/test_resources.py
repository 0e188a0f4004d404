"""Assistants, prompts, members, groups, jobs, audit and usage over the API: the same services as the pages."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from chatplatform.accounts.models import Role, Workspace
from chatplatform.audit.services import checkpoint, sequence_pending
from chatplatform.common.actors import Actor
from chatplatform.jobs.services import enqueue
from chatplatform.prompts.services import ensure_workspace_content
from chatplatform.testing.fixtures import ScriptedEngineProcess
from tests.integration.api.conftest import ApiClient, MakeProgram

pytestmark = pytest.mark.django_db(databases=["default", "keys"])


@pytest.fixture
def owner(make_program: MakeProgram) -> ApiClient:
    program = make_program()
    ensure_workspace_content(program.workspace.id, actor=Actor.system("test"))
    client = ApiClient(program.secret)
    client.program = program  # type: ignore[attr-defined]
    return client


def _ok(response: Any, status: int = 200) -> Any:
    assert response.status_code == status, response.content
    return response.json() if response.content else None


def test_a_prompt_from_first_version_to_rollback(owner: ApiClient) -> None:
    made = _ok(owner.send("post", "/api/prompts", {"name": "Shop", "text": "One."}), 201)
    address = f"/api/prompts/{made['prompt_id']}"
    second = _ok(owner.send("post", f"{address}/versions", {"text": "Two.", "note": "Better"}), 201)
    same = _ok(owner.send("post", f"{address}/versions", {"text": "Two."}))
    assert (same["created"], same["number"]) == (False, 2)
    assert _ok(owner.get(address))["labels"][0]["number"] == 1
    stale = owner.send(
        "post",
        f"{address}/release",
        {"version_id": second["version_id"], "expected_version_id": second["version_id"]},
    )
    assert stale.status_code == 409
    released = _ok(
        owner.send(
            "post",
            f"{address}/release",
            {"version_id": second["version_id"], "expected_version_id": made["version_id"]},
        )
    )
    assert (released["labels"][0]["number"], released["rollback_number"]) == (2, 1)
    assert _ok(owner.send("post", f"{address}/rollback", {}))["labels"][0]["number"] == 1
    assert _ok(owner.get(f"{address}/versions/2"))["text"] == "Two."
    first = _ok(owner.get(f"{address}/versions?limit=1"))
    rest = _ok(owner.get(f"{address}/versions", {"after": first["next"]}))
    assert [item["number"] for item in (*first["items"], *rest["items"])] == [2, 1]


def test_an_assistant_from_making_to_archive(owner: ApiClient) -> None:
    prompt = _ok(owner.send("post", "/api/prompts", {"name": "Desk", "text": "Help."}), 201)["prompt_id"]
    group = _ok(owner.send("post", "/api/groups", {"name": "Support"}), 201)["id"]
    body = {
        "name": "Help desk",
        "prompt_id": prompt,
        "starters": {"en": ["Hello?"], "zh-hans": ["您好？"]},
        "translations": {"zh-hans": {"name": "服务台"}},
        "sampling": {"temperature": 0.5},
    }
    made = _ok(owner.send("post", "/api/assistants", body), 201)
    address = f"/api/assistants/{made['id']}"
    assert _ok(owner.get(address, headers={"accept-language": "zh-hans"}))["name"] == "服务台"
    assert _ok(owner.get(address))["starters"] == ["Hello?"]
    _ok(owner.send("put", address, body | {"group_ids": [group]}))
    assert owner.get(address).status_code == 404  # the owner is not in the group
    assert made["id"] in [item["id"] for item in _ok(owner.get("/api/assistants/manage"))["items"]]
    _ok(owner.send("put", address, body))
    assert _ok(owner.send("post", f"{address}/default"))["is_default"]
    refused = owner.send("post", f"{address}/archive")
    assert (refused.status_code, refused.json()["code"]) == (409, "assistant_is_default")
    again = owner.send("post", "/api/assistants", body)
    assert again.status_code == 409


def test_members_groups_and_invitations(owner: ApiClient, make_program: MakeProgram) -> None:
    other = make_program(Role.MEMBER, email="kim@example.org")
    people = _ok(owner.get("/api/members?limit=1"))
    rest = _ok(owner.get("/api/members", {"after": people["next"]}))
    members = {item["email"]: item for item in (*people["items"], *rest["items"])}
    kim = members["kim@example.org"]
    address = f"/api/members/{kim['id']}"
    assert _ok(owner.send("put", f"{address}/role", {"role": "prompt_editor"}))["role"] == "prompt_editor"
    group = _ok(owner.send("post", "/api/groups", {"name": "Support"}), 201)["id"]
    assert _ok(owner.send("put", f"/api/groups/{group}/members", {"member_ids": [kim["id"]]}))["members"] == 1
    assert _ok(owner.get(address))["groups"] == ["Support"]
    wrong = owner.send("put", f"/api/groups/{group}/members", {"member_ids": [kim["id"], str(uuid4())]})
    assert wrong.status_code == 404
    assert _ok(owner.send("post", f"{address}/suspend"))["suspended_at"]
    assert ApiClient(other.secret).get("/api/me").status_code == 401
    _ok(owner.send("post", f"{address}/reinstate"))
    assert ApiClient(other.secret).get("/api/me").status_code == 200
    invited = _ok(owner.send("post", "/api/invitations", {"email": "new@example.org", "role": "member"}), 201)
    assert invited["url"].startswith("http")
    assert [item["email"] for item in _ok(owner.get("/api/invitations"))["items"]] == ["new@example.org"]
    _ok(owner.send("delete", f"/api/invitations/{invited['id']}"), 204)
    _ok(owner.send("delete", address), 204)
    assert owner.get(address).status_code == 404
    myself = next(item for email, item in members.items() if email != "kim@example.org")
    last = owner.send("put", f"/api/members/{myself['id']}/role", {"role": "member"})
    assert (last.status_code, last.json()["code"]) == (409, "accounts.last_owner")
    _ok(owner.send("delete", f"/api/groups/{group}"), 204)


def test_jobs_are_seen_and_called_off(owner: ApiClient) -> None:
    workspace_id = owner.program.workspace.id  # type: ignore[attr-defined]
    made = [
        str(
            enqueue(
                "chat.title",
                args={"conversation_id": str(uuid4())},
                actor=Actor.system("test"),
                workspace_id=workspace_id,
            )
        )
        for _ in range(3)
    ]
    first = _ok(owner.get("/api/jobs?limit=2&kind=chat.title"))
    rest = _ok(owner.get("/api/jobs", {"after": first["next"], "kind": "chat.title"}))
    assert [item["id"] for item in (*first["items"], *rest["items"])] == made[::-1]
    assert _ok(owner.send("post", f"/api/jobs/{made[0]}/cancel"))["state"] == "cancelled"
    assert owner.send("post", f"/api/jobs/{made[0]}/cancel").status_code == 409
    assert _ok(owner.send("post", f"/api/jobs/{made[0]}/retry"))["state"] == "waiting"
    assert len(_ok(owner.get("/api/jobs?state=waiting"))["items"]) >= 3


def test_the_audit_log_proves_an_event(owner: ApiClient) -> None:
    _ok(owner.send("post", "/api/groups", {"name": "Support"}), 201)
    found = _ok(owner.get("/api/audit/events?code=accounts.group&limit=1"))["items"]
    address = f"/api/audit/events/{found[0]['id']}"
    assert owner.get(f"{address}/proof").json()["code"] == "proof_not_ready"
    while sequence_pending(1000):
        pass
    checkpoint()
    proof = _ok(owner.get(f"{address}/proof"))
    assert proof["index"] == _ok(owner.get(address))["index"]
    assert len(proof["leaf_hash"]) == 64
    assert proof["checkpoint"]["size"] > proof["index"]


def test_what_lies_in_another_workspace_looks_missing(owner: ApiClient, make_program: MakeProgram) -> None:
    _ok(owner.send("post", "/api/groups", {"name": "Support"}), 201)
    mine = {
        "/api/prompts/{}": _ok(owner.get("/api/prompts"))["items"][0]["id"],
        "/api/prompts/{}/versions": _ok(owner.get("/api/prompts"))["items"][0]["id"],
        "/api/assistants/{}": _ok(owner.get("/api/assistants"))["items"][0]["id"],
        "/api/assistants/{}/manage": _ok(owner.get("/api/assistants"))["items"][0]["id"],
        "/api/members/{}": _ok(owner.get("/api/members"))["items"][0]["id"],
        "/api/groups/{}": _ok(owner.get("/api/groups"))["items"][0]["id"],
    }
    program = make_program(Role.OWNER, workspace=Workspace.objects.create(name="Elsewhere"))
    stranger = ApiClient(program.secret)
    for path, found in mine.items():
        foreign, missing = stranger.get(path.format(found)), stranger.get(path.format(uuid4()))
        assert (foreign.status_code, foreign.content) == (404, missing.content), path
    event = _ok(owner.get("/api/audit/events"))["items"][0]["id"]
    for path in (f"/api/audit/events/{event}", f"/api/audit/events/{event}/proof"):
        assert stranger.get(path).json() == stranger.get(path.replace(str(event), "999999999")).json()
    assert event not in [item["id"] for item in _ok(stranger.get("/api/audit/events"))["items"]]
    assert _ok(stranger.get("/api/members"))["items"][0]["email"] == program.user.email


def test_usage_limits_models_and_health(owner: ApiClient, scripted_engine: ScriptedEngineProcess) -> None:
    used = _ok(owner.get("/api/usage"))
    assert len(used["days"]) == 30
    assert _ok(owner.get("/api/usage/people"))["next"] is None
    assert _ok(owner.get("/api/usage/assistants"))["items"] == []
    assert owner.get("/api/usage?since=2000-01-01").status_code == 400
    assert _ok(owner.get("/api/me/limits"))["items"] == []
    assert "scripted" in [item["id"] for item in _ok(owner.get("/api/models"))["items"]]
    assert _ok(owner.get("/api/health"))["can_chat"]

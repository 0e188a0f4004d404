"""Links: off by default, a snapshot, the same answer for everything that opens nothing, and gone for good."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from django.test import Client

from chatplatform.accounts.members import suspend
from chatplatform.accounts.models import Membership, Role
from chatplatform.audit.models import AuditEvent
from chatplatform.chat.services import submit_message
from chatplatform.common.clock import now
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.privacy.data_keys import forget_all, is_erased
from chatplatform.privacy.services import destroy_key
from chatplatform.privacy.subjects import Subject
from chatplatform.sharing.chores import end_links
from chatplatform.sharing.models import Share, SharePage
from chatplatform.sharing.policy import Policy, set_policy
from chatplatform.sharing.shares import token_hash
from chatplatform.sign_in.limits import Limit
from chatplatform.web.views import shared
from tests.integration.sharing.conftest import SYSTEM, MakePerson, Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"], transaction=True)

HOSTILE = "<img src=x onerror=alert(1)> [a](javascript:alert(1)) ![b](https://evil.invalid/x.png)"
TALK = (("How heavy is <b>it</b>?", "**Two** kilograms."), ("Really?", HOSTILE))


def share(someone: Someone, conversation_id: UUID, **wish: Any) -> dict[str, Any]:
    wish = {"audience": "public"} | wish
    answer = someone.browser.post(
        f"/api/conversations/{conversation_id}/links", wish, content_type="application/json"
    )
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def path(link: dict[str, Any]) -> str:
    return urlsplit(link["url"]).path


def closed(client: Client, address: str) -> bytes:
    answer = client.get(address)
    assert answer.status_code == 404
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    return answer.content


def test_off_until_the_policy_says_otherwise(make_person: MakePerson, member: Someone) -> None:
    conversation_id = member.talks(*TALK)
    for audience in ("workspace", "public"):
        refused = member.browser.post(
            f"/api/conversations/{conversation_id}/links",
            {"audience": audience},
            content_type="application/json",
        )
        assert refused.status_code == 403, refused.content
    page = member.browser.get(f"/c/{conversation_id}/share/").content.decode()
    assert "switched off" in page
    assert (
        member.browser.put(
            "/api/sharing/policy",
            {"workspace_links": True, "public_links": True},
            content_type="application/json",
        ).status_code
        == 403
    )

    owner = make_person(Role.OWNER)
    answer = owner.browser.post("/console/sharing/", {"workspace_links": "on", "longest_days": "30"})
    assert answer.status_code == 302
    assert AuditEvent.objects.filter(code="sharing.policy.changed").exists()
    assert share(member, conversation_id, audience="workspace")["audience"] == "workspace"
    for wish in ({"audience": "public"}, {"audience": "workspace", "days": 90}, {"audience": "everybody"}):
        refused = member.browser.post(
            f"/api/conversations/{conversation_id}/links", wish, content_type="application/json"
        )
        assert refused.status_code in (400, 403, 422), refused.content


def test_a_public_link_shows_a_snapshot_without_a_name(open_policy: None, member: Someone) -> None:
    conversation_id = member.talks(*TALK, again="Another answer.")
    link = share(member, conversation_id)
    answer = Client().get(path(link))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "<strong>Two</strong> kilograms." in page
    assert "How heavy is &lt;b&gt;it&lt;/b&gt;?" in page
    assert "Another answer." in page
    assert "onerror" not in page  # the other branch
    assert "<script" not in page
    assert "Mo Miller" not in page
    assert answer.headers["X-Robots-Tag"].startswith("noindex")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not answer.cookies

    with workspace_scope(member.workspace.id):
        row = Share.objects.get(id=link["id"])
        assert path(link).strip("/").partition("/")[2].encode() not in bytes(row.token)
        stored = b"".join(bytes(each.content) for each in SharePage.objects.filter(share=row))
    assert b"kilograms" not in stored

    # only others count
    member.browser.get(path(link))
    assert member.browser.get(f"/api/links/{link['id']}").json()["opened"] == 1

    named = share(member, conversation_id, shows_name=True)
    assert "Mo Miller" in Client().get(path(named)).content.decode()


def test_markup_in_an_answer_is_shown_and_not_run(open_policy: None, member: Someone) -> None:
    link = share(member, member.talks(*TALK))
    page = Client().get(path(link)).content.decode()
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img src=x" not in page
    assert 'href="javascript' not in page
    assert 'src="https://evil.invalid' not in page


def test_later_words_show_only_after_an_update(open_policy: None, member: Someone) -> None:
    conversation_id = member.talks(("First?", "One."))
    link = share(member, conversation_id)
    with workspace_scope(member.workspace.id):
        made = submit_message(
            client_id=uuid4(),
            text="Later?",
            conversation_id=conversation_id,
            assistant_id=None,
            actor=member.actor,
        )
        member.gets(made.turn_id, "Later.")
    assert "Later?" not in Client().get(path(link)).content.decode()
    changed = member.browser.patch(f"/api/links/{link['id']}", {}, content_type="application/json").json()
    assert changed["url"] == link["url"]
    assert changed["messages"] == 4
    assert "Later?" in Client().get(path(link)).content.decode()


def test_what_opens_nothing_looks_the_same(
    open_policy: None, make_person: MakePerson, member: Someone
) -> None:
    conversation_id = member.talks(*TALK)
    stranger = Client()
    unknown = closed(stranger, "/s/" + "x" * 43 + "/")
    revoked, expired, private, later = (
        share(member, conversation_id),
        share(member, conversation_id),
        share(member, conversation_id, audience="workspace"),
        share(member, conversation_id),
    )
    member.browser.delete(f"/api/links/{revoked['id']}")
    with workspace_scope(member.workspace.id):
        Share.objects.filter(id=expired["id"]).update(expires_at=now() - timedelta(seconds=1))
    addresses = [path(revoked), path(expired), path(private), path(later) + "?page=2", path(later)[:-2] + "/"]
    addresses += ["/s/" + "y" * 5000 + "/", "/s/%00/", "/s/%F0%9F%98%80/"]
    for address in addresses:
        assert closed(stranger, address) == unknown, address
    other = make_person(elsewhere=True)
    assert closed(other.browser, path(private)) == closed(other.browser, "/s/nothing/")
    colleague = make_person()
    assert colleague.browser.get(path(private)).status_code == 200
    # a person who is shut out shares nothing
    owner = make_person(Role.OWNER)
    with workspace_scope(member.workspace.id):
        suspend(Membership.objects.get(user=member.user).public_id, actor=owner.actor)
    assert closed(stranger, path(later)) == unknown


def test_revoking_destroys_what_was_shown(open_policy: None, member: Someone) -> None:
    link = share(member, member.talks(*TALK))
    share_id = UUID(link["id"])
    assert not is_erased(Subject.share(share_id))
    assert member.browser.delete(f"/api/links/{share_id}").status_code == 204
    assert is_erased(Subject.share(share_id))
    with workspace_scope(member.workspace.id):
        row = Share.objects.get(id=share_id)
        assert not SharePage.objects.filter(share=row).exists()
        assert row.token_hash is None
        assert bytes(row.token) == b""
        assert row.key_destroyed_at is not None
    assert member.browser.delete(f"/api/links/{share_id}").status_code == 404
    assert AuditEvent.objects.filter(code="sharing.link.ended").count() == 1


def test_a_copied_database_shows_nothing_without_either_key(open_policy: None, member: Someone) -> None:
    link = share(member, member.talks(*TALK))
    token = path(link).strip("/").partition("/")[2]
    with all_workspaces("test"):
        row = Share.objects.get(token_hash=token_hash(token))
        pages = [(page.number, bytes(page.content)) for page in SharePage.objects.filter(share=row)]
    member.browser.delete(f"/api/links/{link['id']}")
    # the rows as a backup would bring them back
    with all_workspaces("test"):
        Share.objects.filter(id=row.id).update(
            token_hash=row.token_hash, token=row.token, ended_at=None, ended="", key_destroyed_at=None
        )
        for number, content in pages:
            SharePage.objects.create(workspace_id=row.workspace_id, share=row, number=number, content=content)
    forget_all()
    closed(Client(), path(link))


def test_erasing_the_person_ends_their_links(open_policy: None, member: Someone) -> None:
    link = share(member, member.talks(*TALK))
    assert Client().get(path(link)).status_code == 200
    destroy_key(Subject.person(member.user.id), actor=SYSTEM)
    closed(Client(), path(link))
    with all_workspaces("test"):
        assert Share.objects.get(id=link["id"]).ended == Share.Ended.ERASED
    end_links()
    assert is_erased(Subject.share(UUID(link["id"])))


def test_links_end_with_time_policy_and_conversation(open_policy: None, member: Someone) -> None:
    conversation_id = member.talks(*TALK)
    by_time, by_policy = share(member, conversation_id), share(member, conversation_id)
    by_deletion = share(member, conversation_id, audience="workspace")
    with workspace_scope(member.workspace.id):
        Share.objects.filter(id=by_time["id"]).update(expires_at=now() - timedelta(seconds=1))
    end_links()
    with workspace_scope(member.workspace.id):
        assert set_policy(Policy(workspace_links=True), actor=SYSTEM) == 1
        set_policy(Policy(workspace_links=True, public_links=True), actor=SYSTEM)
    closed(Client(), path(by_policy))
    assert member.browser.delete(f"/api/conversations/{conversation_id}").status_code == 204
    closed(member.browser, path(by_deletion))
    end_links()
    with all_workspaces("test"):
        ended = dict(Share.objects.values_list("id", "ended"))
        assert {str(key): value for key, value in ended.items()} == {
            by_time["id"]: "expired",
            by_policy["id"]: "policy",
            by_deletion["id"]: "deleted",
        }
        assert not SharePage.objects.exists()
    for link in (by_time, by_policy, by_deletion):
        assert is_erased(Subject.share(UUID(link["id"])))


def test_a_shorter_life_holds_for_links_that_are_there(open_policy: None, member: Someone) -> None:
    conversation_id = member.talks(*TALK)
    short, long = share(member, conversation_id, days=7), share(member, conversation_id, days=30)
    policy = Policy(workspace_links=True, public_links=True, longest_days=7)
    with workspace_scope(member.workspace.id):
        before = Share.objects.get(id=short["id"]).expires_at
        set_policy(policy, actor=SYSTEM)
        rows = {str(row.id): row for row in Share.objects.all()}
        assert rows[short["id"]].expires_at == before
        assert rows[long["id"]].expires_at == rows[long["id"]].created_at + timedelta(days=7)
        set_policy(policy, actor=SYSTEM)
    events = AuditEvent.objects.filter(code="sharing.policy.changed").order_by("id")
    assert [json.loads(event.details)["links_shortened"] for event in events][-1] == 1
    # one that should be over by now is over
    with workspace_scope(member.workspace.id):
        month_ago = now() - timedelta(days=30)
        Share.objects.filter(id=short["id"]).update(
            created_at=month_ago, expires_at=now() + timedelta(days=9)
        )
        set_policy(policy, actor=SYSTEM)
    closed(Client(), path(short))
    assert Client().get(path(long)).status_code == 200


def test_a_member_goes_on_with_a_copy(open_policy: None, make_person: MakePerson, member: Someone) -> None:
    link = share(member, member.talks(*TALK))
    reader = make_person(elsewhere=True)
    assert "Continue as a copy" in reader.browser.get(path(link)).content.decode()
    assert "Continue as a copy" not in Client().get(path(link)).content.decode()
    assert Client().post(path(link) + "copy/").status_code == 302  # to the sign-in page
    answer = reader.browser.post(path(link) + "copy/")
    assert answer.status_code == 302
    conversation_id = answer.headers["Location"].strip("/").partition("/")[2]
    messages = reader.browser.get(f"/api/conversations/{conversation_id}/messages").json()["items"]
    assert [each["text"] for each in messages] == [text for pair in TALK for text in pair]
    # the copy is the reader's own: it outlives the link
    member.browser.delete(f"/api/links/{link['id']}")
    assert reader.browser.get(f"/c/{conversation_id}/").status_code == 200
    assert reader.browser.post(path(link) + "copy/").status_code == 404


def test_those_who_may_see_and_end_everybodys(
    open_policy: None, make_person: MakePerson, member: Someone
) -> None:
    link = share(member, member.talks(("Secret title words?", "Yes.")))
    owner = make_person(Role.OWNER)
    page = owner.browser.get("/console/sharing/").content.decode()
    assert "Mo Miller" in page
    assert "Secret" not in page
    assert path(link) not in page
    assert owner.browser.get(f"/api/links/{link['id']}").status_code == 404
    assert owner.browser.post(f"/console/sharing/{link['id']}/revoke/").status_code == 302
    closed(Client(), path(link))
    assert is_erased(Subject.share(UUID(link["id"])))


def test_the_same_address_looks_only_so_often(
    open_policy: None, member: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "OPENINGS", Limit("link_openings", 3, 60))
    link = share(member, member.talks(("Q?", "A.")))
    client = Client()
    assert [client.get(path(link)).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert client.get("/s/unknown/").status_code == 429

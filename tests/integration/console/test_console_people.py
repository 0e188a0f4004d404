"""Members, invitations and groups in the console: who may do what to whom, and what the pages say."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.test import Client

from chatplatform.accounts.api_tokens import Scope, make_token
from chatplatform.accounts.models import Group, Invitation, Membership, Role, User, Workspace
from chatplatform.audit.models import AuditEvent
from chatplatform.common.clock import now
from chatplatform.common.scope import workspace_scope
from tests.integration.web.conftest import MakePerson, Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"])

LINK = re.compile(r'value="(http[^"]+)" readonly')


def place(someone: Someone) -> Membership:
    return Membership.objects.get(user=someone.user, workspace=someone.workspace)


def address(someone: Someone, act: str = "") -> str:
    return f"/console/members/{place(someone).public_id}/{act}"


# --- members ---


def test_the_list_searches_and_filters(owner: Someone, make_person: MakePerson) -> None:
    robin, kim = make_person(), make_person(Role.SUPPORT_AGENT)
    robin.user.display_name = "Robin Ash"
    robin.user.save()
    Membership.objects.filter(user=kim.user).update(suspended_at=now())
    stranger = make_person(elsewhere=True)

    def names(**query: str) -> tuple[bool, bool, bool]:
        page = owner.browser.get("/console/members/", query).text
        return "Robin Ash" in page, kim.user.email in page, stranger.user.email in page

    assert names() == (True, True, False)
    assert names(search="ash") == (True, False, False)
    assert names(search=stranger.user.email) == (False, False, True), "in the search field alone"
    assert "Nobody like that" in owner.browser.get("/console/members/", {"search": stranger.user.email}).text
    assert names(role="support_agent") == (False, True, False)
    assert names(state="suspended") == (False, True, False)
    assert names(state="active") == (True, False, False)
    assert names(role="nonsense", state="nonsense", after="nonsense") == (True, True, False)
    assert "Nobody like that" in owner.browser.get("/console/members/", {"search": "\x00nobody"}).text
    part = owner.browser.get("/console/members/", headers={"HX-Request": "true"}).text
    assert "<html" not in part
    assert "Robin Ash" in part


def test_the_list_goes_on(owner: Someone, make_person: MakePerson, monkeypatch: pytest.MonkeyPatch) -> None:
    from chatplatform.console.views import members

    monkeypatch.setattr(members, "PAGE_MEMBERS", 2)
    people = [make_person() for _ in range(5)]
    seen: list[str] = []
    query = ""
    while True:
        page = owner.browser.get(f"/console/members/{query}").text
        seen += re.findall(r'class="job__kind">([^<]+@[^<]+)<', page)
        more = re.search(r'\?after=[^"]+', page)
        if more is None:
            break
        query = more.group(0)
    assert len(seen) == len(set(seen)) == Membership.objects.filter(workspace=owner.workspace).count()
    assert {person.user.email for person in people} <= set(seen)


def test_a_role_is_changed(owner: Someone, member: Someone) -> None:
    answer = owner.browser.post(address(member, "role/"), {"role": "prompt_editor"}, follow=True)
    assert "The role is changed." in answer.text
    assert place(member).role == Role.PROMPT_EDITOR
    answer = owner.browser.post(address(member, "role/"), {"role": "emperor"})
    assert answer.status_code == 400
    assert "Choose a role." in answer.text


def test_an_administrator_cannot_touch_or_make_an_owner(make_person: MakePerson) -> None:
    administrator, owner, member = make_person(Role.ADMINISTRATOR), make_person(Role.OWNER), make_person()
    page = administrator.browser.get(address(owner)).text
    assert "suspend/" not in page
    assert "sign-in-link/" not in page
    for act, data in (
        ("role/", {"role": "member"}),
        ("suspend/", {}),
        ("remove/", {}),
        ("sign-in-link/", {}),
    ):
        assert administrator.browser.post(address(owner, act), data).status_code == 403
    assert administrator.browser.post(address(member, "role/"), {"role": "owner"}).status_code == 403
    assert place(owner).role == Role.OWNER
    assert place(member).role == Role.MEMBER


def test_suspend_shuts_out_and_reinstate_lets_in(owner: Someone, member: Someone) -> None:
    assert member.browser.get("/").status_code == 200
    answer = owner.browser.post(address(member, "suspend/"), follow=True)
    assert "Suspended since" in answer.text
    assert member.browser.get("/").status_code == 302
    owner.browser.post(address(member, "reinstate/"))
    again = Client()
    again.force_login(User.objects.get(id=member.user.id))
    assert again.get("/").status_code == 200


def test_nobody_suspends_themselves(owner: Someone, make_person: MakePerson) -> None:
    make_person(Role.OWNER)
    assert "suspend/" not in owner.browser.get(address(owner)).text
    answer = owner.browser.post(address(owner, "suspend/"))
    assert answer.status_code == 409
    assert "You cannot do this to yourself" in answer.text


def test_removed_is_gone(owner: Someone, member: Someone) -> None:
    where = address(member)
    answer = owner.browser.post(address(member, "remove/"), follow=True)
    assert "Removed from the workspace." in answer.text
    assert owner.browser.get(where).status_code == 404


def test_groups_of_a_member(owner: Someone, member: Someone) -> None:
    with workspace_scope(owner.workspace.id):
        one, two = (
            Group.objects.create(workspace_id=owner.workspace.id, name=name) for name in ("One", "Two")
        )
    owner.browser.post(address(member, "groups/"), {"groups": [str(one.id)]})
    assert "One" in owner.browser.get("/console/members/", {"search": member.user.email}).text
    owner.browser.post(address(member, "groups/"), {"groups": [str(two.id), "nonsense"]})
    page = owner.browser.get("/console/members/", {"search": member.user.email}).text
    assert ("One" in page, "Two" in page) == (False, True)
    assert owner.browser.post(address(member, "groups/"), {"groups": [str(uuid4())]}).status_code == 404


def test_a_sign_in_link_is_shown_once_and_works(owner: Someone, member: Someone) -> None:
    page = owner.browser.post(address(member, "sign-in-link/"))
    found = LINK.search(page.text)
    assert found is not None
    assert "shown once" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert LINK.search(owner.browser.get(address(member)).text) is None
    assert AuditEvent.objects.filter(actor_id=str(owner.user.id), code__contains="link").exists()


def test_no_link_into_what_is_not_theirs(make_person: MakePerson) -> None:
    """A link opens the whole account: elsewhere, too, and the raw records."""
    administrator = make_person(Role.ADMINISTRATOR)
    reaches_further, records = make_person(), make_person()
    elsewhere = Workspace.objects.create(name="Elsewhere")
    Membership.objects.create(user=reaches_further.user, workspace=elsewhere, role=Role.MEMBER)
    User.objects.filter(id=records.user.id).update(is_staff=True)
    for person in (reaches_further, records):
        answer = administrator.browser.post(address(person, "sign-in-link/"))
        assert answer.status_code == 403
        assert LINK.search(answer.text) is None
    Membership.objects.create(user=administrator.user, workspace=elsewhere, role=Role.ADMINISTRATOR)
    assert LINK.search(administrator.browser.post(address(reaches_further, "sign-in-link/")).text)


def test_no_link_for_the_suspended(owner: Someone, member: Someone) -> None:
    owner.browser.post(address(member, "suspend/"))
    assert owner.browser.post(address(member, "sign-in-link/")).status_code == 409


def test_tokens_of_a_member(owner: Someone, member: Someone, make_person: MakePerson) -> None:
    from chatplatform.common.actors import Actor

    with workspace_scope(owner.workspace.id):
        made = make_token(
            "Nightly report",
            [Scope.CHAT],
            expires_at=now() + timedelta(days=1),
            actor=Actor.person(member.user.id),
        )
    assert "Nightly report" in owner.browser.get(address(member)).text
    revoke = f"tokens/{made.token_id}/revoke/"
    assert owner.browser.post(address(make_person(), revoke)).status_code == 404, "it is not that person's"
    assert "The token is revoked." in owner.browser.post(address(member, revoke), follow=True).text
    assert "Nightly report" not in owner.browser.get(address(member)).text


def test_another_workspaces_members_do_not_exist(owner: Someone, make_person: MakePerson) -> None:
    stranger = make_person(elsewhere=True)
    assert owner.browser.get(address(stranger)).status_code == 404
    for act in (
        "role/",
        "groups/",
        "suspend/",
        "reinstate/",
        "remove/",
        "sign-in-link/",
        f"tokens/{uuid4()}/revoke/",
    ):
        assert owner.browser.post(address(stranger, act), {"role": "member"}).status_code == 404
    assert place(stranger).suspended_at is None


@pytest.mark.parametrize("role", [Role.MEMBER, Role.SUPPORT_AGENT, Role.PROMPT_EDITOR])
def test_not_for_everybody(make_person: MakePerson, role: Role) -> None:
    someone = make_person(role)
    for page in ("members/", "invitations/", "groups/", f"groups/{uuid4()}/"):
        assert someone.browser.get(f"/console/{page}").status_code == 403
    assert someone.browser.get(address(someone)).status_code == 403
    for act in (
        "role/",
        "groups/",
        "suspend/",
        "reinstate/",
        "remove/",
        "sign-in-link/",
        f"tokens/{uuid4()}/revoke/",
    ):
        assert someone.browser.post(address(someone, act), {"role": "owner"}).status_code == 403


# --- invitations ---


def invite(someone: Someone, **fields: object) -> str:
    answer = someone.browser.post("/console/invitations/", {"role": "member", "days": "7"} | fields)
    assert answer.status_code == 200, answer.text
    found = LINK.search(answer.text)
    assert found is not None
    return found.group(1)


def only_invitation(someone: Someone) -> Invitation:
    with workspace_scope(someone.workspace.id):
        return Invitation.objects.get()


def test_inviting_and_showing_the_link_again(owner: Someone) -> None:
    link = invite(owner, email="new@example.org", role="prompt_editor", days="30")
    made = only_invitation(owner)
    assert (made.email, made.role) == ("new@example.org", "prompt_editor")
    assert timedelta(days=29) < made.expires_at - now() < timedelta(days=31)
    assert Client().get(link.partition("//")[2].partition("/")[1] + link.partition("//")[2].partition("/")[2])
    page = owner.browser.get("/console/invitations/").text
    assert "new@example.org" in page
    assert link not in page
    assert link in owner.browser.post(f"/console/invitations/{made.id}/link/").text


def test_taking_an_invitation_back(owner: Someone) -> None:
    invite(owner)
    made = only_invitation(owner)
    answer = owner.browser.post(f"/console/invitations/{made.id}/revoke/", follow=True)
    assert "The invitation is taken back." in answer.text
    assert "No open invitations" in answer.text
    assert owner.browser.post(f"/console/invitations/{made.id}/revoke/").status_code == 404
    assert owner.browser.post(f"/console/invitations/{made.id}/link/").status_code == 404


def test_what_was_typed_stays_after_a_mistake(owner: Someone) -> None:
    answer = owner.browser.post("/console/invitations/", {"email": "not one", "role": "support_agent"})
    assert answer.status_code == 400
    assert "This is not an e-mail address" in answer.text
    assert 'value="not one"' in answer.text
    assert 'value="support_agent" selected' in answer.text


def test_nobody_invites_above_their_own_role(make_person: MakePerson) -> None:
    administrator, owner = make_person(Role.ADMINISTRATOR), make_person(Role.OWNER)
    assert 'value="owner"' not in administrator.browser.get("/console/invitations/").text
    answer = administrator.browser.post("/console/invitations/", {"role": "owner", "days": "7"})
    assert answer.status_code == 403
    invite(owner, role="owner")
    made = only_invitation(owner)
    assert administrator.browser.post(f"/console/invitations/{made.id}/link/").status_code == 403
    assert administrator.browser.post(f"/console/invitations/{made.id}/revoke/").status_code == 403


def test_another_workspaces_invitations_do_not_exist(owner: Someone, make_person: MakePerson) -> None:
    stranger = make_person(Role.OWNER, elsewhere=True)
    invite(owner)
    made = only_invitation(owner)
    for act in ("link", "revoke"):
        assert stranger.browser.post(f"/console/invitations/{made.id}/{act}/").status_code == 404


# --- groups ---


def make_group(someone: Someone, name: str = "Night shift") -> UUID:
    answer = someone.browser.post("/console/groups/", {"name": name, "description": "Who is awake"})
    assert answer.status_code == 302
    return UUID(answer.headers["Location"].split("/")[-2])


def test_a_group_from_its_beginning_to_its_end(owner: Someone, member: Someone) -> None:
    group_id = make_group(owner)
    where = f"/console/groups/{group_id}/"
    found = owner.browser.get(where, {"find": member.user.email}).text
    assert "Add " in found
    owner.browser.post(f"{where}add/", {"member": str(place(member).public_id)})
    assert member.user.email in owner.browser.get(where).text
    assert "Nobody else" in owner.browser.get(where, {"find": member.user.email}).text
    part = owner.browser.get(where, {"find": "nobody"}, headers={"HX-Request": "true"}).text
    assert "<html" not in part
    changed = {"name": "Day shift", "description": "", "external_name": "idp-day"}
    assert "Saved." in owner.browser.post(where, changed, follow=True).text
    listed = owner.browser.get("/console/groups/").text
    assert "Day shift" in listed
    assert "idp-day" in listed
    owner.browser.post(f"{where}remove/", {"member": str(place(member).public_id)})
    assert member.user.email not in owner.browser.get(where).text
    assert "The group is deleted." in owner.browser.post(f"{where}delete/", follow=True).text
    assert owner.browser.get(where).status_code == 404


def test_mistakes_with_groups_are_said_in_place(owner: Someone) -> None:
    group_id = make_group(owner)
    taken = owner.browser.post("/console/groups/", {"name": "NIGHT SHIFT", "description": "Mine"})
    assert taken.status_code == 409
    assert "There is a group with this name already." in taken.text
    assert 'value="Mine"' in taken.text
    empty = owner.browser.post(f"/console/groups/{group_id}/", {"name": " "})
    assert empty.status_code == 400
    assert "Give the group a name." in empty.text
    nobody = owner.browser.post(f"/console/groups/{group_id}/add/", {"member": "nonsense"})
    assert nobody.status_code == 400


def test_another_workspaces_groups_and_people_do_not_exist(owner: Someone, make_person: MakePerson) -> None:
    stranger = make_person(Role.OWNER, elsewhere=True)
    group_id = make_group(owner)
    where = f"/console/groups/{group_id}/"
    assert stranger.browser.get(where).status_code == 404
    for act in ("", "add/", "remove/", "delete/"):
        data = {"name": "Theirs", "member": str(place(owner).public_id)}
        assert stranger.browser.post(f"{where}{act}", data).status_code == 404
    assert owner.browser.post(f"{where}add/", {"member": str(place(stranger).public_id)}).status_code == 404

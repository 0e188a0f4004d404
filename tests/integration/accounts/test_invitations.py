"""Invitations: once, in time, for whom they are meant; by the page that a link leads to, and as services."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from chatplatform.accounts import queries
from chatplatform.accounts.groups import create_group
from chatplatform.accounts.invitations import (
    accept_invitation,
    invitation_link,
    invite,
    revoke_invitation,
)
from chatplatform.accounts.members import suspend
from chatplatform.accounts.models import Group, Invitation, Membership, Role, User, Workspace
from chatplatform.accounts.services import bootstrap_owner
from chatplatform.accounts.signals import invitation_made
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import ANONYMOUS, Actor
from chatplatform.common.errors import Conflict, InvalidInput, NotAllowed, NotFound, PlatformError
from chatplatform.common.scope import all_workspaces, workspace_scope

COMMAND = Actor.system("command")


@pytest.fixture
def workspace(owner: User) -> Iterator[Workspace]:
    found = Workspace.objects.get(memberships__user=owner)
    with workspace_scope(found.id):
        yield found


def path_of(url: str) -> str:
    return urlsplit(url).path


def token_of(url: str) -> str:
    return path_of(url).strip("/").rpartition("/")[2]


def test_somebody_new_joins_by_an_open_link(workspace: Workspace) -> None:
    group = create_group("Support", actor=COMMAND)
    invited = invite(role=Role.SUPPORT_AGENT, group_ids=[group.id], actor=COMMAND)
    assert invited.url.startswith(settings.PUBLIC_URL)
    browser = Client()
    page = browser.get(path_of(invited.url))
    assert page.status_code == 200
    assert workspace.name in page.text
    # looking accepts nothing
    assert len(queries.open_invitations()) == 1
    answer = browser.post(path_of(invited.url), {"display_name": "李雷", "email": "Li@Example.org"})
    assert (answer.status_code, answer["location"]) == (302, "/")
    user = User.objects.get(email__iexact="li@example.org")
    member = queries.member_by_user(user.id)
    assert (member.name, member.role, member.groups) == ("李雷", Role.SUPPORT_AGENT, ("Support",))
    assert browser.get("/").status_code == 200
    assert not queries.open_invitations()
    events = list(AuditEvent.objects.filter(target_id=str(user.id)).values_list("code", flat=True))
    assert {"accounts.invitation.accepted", "accounts.signed_in", "accounts.group.member_added"} <= set(
        events
    )
    # once
    assert Client().get(path_of(invited.url)).status_code == 400
    refused = Client().post(path_of(invited.url), {"display_name": "x", "email": "x@example.org"})
    assert refused.status_code == 400
    assert not User.objects.filter(email="x@example.org").exists()


def test_an_invitation_by_address_makes_a_person_of_that_address(workspace: Workspace) -> None:
    invited = invite(email="bo@example.org", role=Role.MEMBER, actor=COMMAND)
    browser = Client()
    assert "bo@example.org" in browser.get(path_of(invited.url)).text
    browser.post(path_of(invited.url), {"display_name": "Bo", "email": "evil@example.org", "role": "owner"})
    assert not User.objects.filter(email="evil@example.org").exists()
    place = Membership.objects.get(user__email="bo@example.org")
    assert place.role == Role.MEMBER


def test_a_signed_in_person_joins_as_themselves(workspace: Workspace) -> None:
    elsewhere = Workspace.objects.create(name="Elsewhere")
    person = User.objects.create_user("ann@example.org")
    Membership.objects.create(workspace=elsewhere, user=person, role=Role.OWNER)
    browser = Client()
    browser.force_login(person)
    invited = invite(role=Role.MEMBER, actor=COMMAND)
    assert "ann@example.org" in browser.get(path_of(invited.url)).text
    assert browser.post(path_of(invited.url)).status_code == 302
    assert browser.session["workspace_id"] == str(workspace.id)
    assert queries.member_by_user(person.id).role is Role.MEMBER
    again = invite(role=Role.ADMINISTRATOR, actor=COMMAND)
    assert browser.post(path_of(again.url)).status_code == 409
    assert queries.member_by_user(person.id).role is Role.MEMBER
    assert len(queries.open_invitations()) == 1


def test_another_persons_invitation_is_refused(workspace: Workspace, owner: User) -> None:
    stranger = User.objects.create_user("stranger@example.org")
    Membership.objects.create(workspace=Workspace.objects.create(name="x"), user=stranger)
    invited = invite(email="bo@example.org", role=Role.MEMBER, actor=COMMAND)
    with pytest.raises(NotAllowed):
        accept_invitation(token_of(invited.url), actor=Actor.person(stranger.id))
    assert len(queries.open_invitations()) == 1


@pytest.mark.parametrize("state", ["unknown", "expired", "revoked", "used"])
def test_what_is_not_open_looks_the_same(workspace: Workspace, state: str) -> None:
    invited = invite(role=Role.MEMBER, actor=COMMAND)
    token = token_of(invited.url)
    if state == "unknown":
        token = "A" * 43
    elif state == "expired":
        Invitation.objects.update(expires_at=Invitation.objects.get().created_at - timedelta(seconds=1))
    elif state == "revoked":
        revoke_invitation(invited.invitation_id, actor=COMMAND)
    else:
        accept_invitation(token, display_name="A", email="a@example.org", actor=ANONYMOUS)
    with pytest.raises(InvalidInput) as refusal:
        accept_invitation(token, display_name="B", email="b@example.org", actor=ANONYMOUS)
    assert refusal.value.code == "accounts.invitation_not_valid"
    assert not User.objects.filter(email="b@example.org").exists()
    refusals = AuditEvent.objects.filter(code="accounts.invitation.refused").count()
    assert refusals == (0 if state == "unknown" else 1)
    with pytest.raises(NotFound):
        revoke_invitation(invited.invitation_id if state != "unknown" else workspace.id, actor=COMMAND)


def test_a_refusal_leaves_the_link_open(workspace: Workspace, owner: User) -> None:
    invited = invite(role=Role.MEMBER, actor=COMMAND)
    for email in ("OWNER@localhost", "not an address", "", "x" * 260 + "@example.org"):
        answer = Client().post(path_of(invited.url), {"display_name": "Eve", "email": email})
        assert answer.status_code in {400, 409, 422}, email
    assert len(queries.open_invitations()) == 1
    assert User.objects.count() == 1


def test_only_a_hash_is_kept_and_the_link_can_be_shown_again(workspace: Workspace, owner: User) -> None:
    invited = invite(role=Role.ADMINISTRATOR, actor=COMMAND)
    row = Invitation.objects.get()
    assert token_of(invited.url).encode() not in bytes(row.token_hash)
    assert invitation_link(invited.invitation_id, actor=Actor.person(owner.id)) == invited.url
    top = invite(role=Role.OWNER, actor=COMMAND)
    administrator = User.objects.create_user("ad@example.org")
    Membership.objects.create(workspace=workspace, user=administrator, role=Role.ADMINISTRATOR)
    with pytest.raises(NotAllowed):
        invitation_link(top.invitation_id, actor=Actor.person(administrator.id))
    with pytest.raises(NotAllowed):
        revoke_invitation(top.invitation_id, actor=Actor.person(administrator.id))


def test_who_is_shut_out_takes_the_invitations_along(workspace: Workspace, owner: User) -> None:
    administrator = User.objects.create_user("ad@example.org")
    place = Membership.objects.create(workspace=workspace, user=administrator, role=Role.ADMINISTRATOR)
    invited = invite(role=Role.MEMBER, actor=Actor.person(administrator.id))
    suspend(place.public_id, actor=Actor.person(owner.id))
    assert Client().get(path_of(invited.url)).status_code == 400


def test_what_cannot_be_invited(workspace: Workspace, owner: User) -> None:
    with workspace_scope(Workspace.objects.create(name="Elsewhere").id):
        foreign = create_group("Foreign", actor=COMMAND)
    for error, arguments in (
        (InvalidInput, {"email": "nonsense"}),
        (InvalidInput, {"email": "a@b.org\nBcc: c@d.org"}),
        (InvalidInput, {"expires_in_s": 0}),
        (InvalidInput, {"expires_in_s": 10**9}),
        (Conflict, {"email": "Owner@Example.org"}),
        (NotFound, {"group_ids": [foreign.id]}),
    ):
        owner.email = "owner@example.org"
        owner.save(update_fields=["email"])
        with pytest.raises(error):
            invite(role=Role.MEMBER, actor=COMMAND, **arguments)  # type: ignore[arg-type]
    assert not queries.open_invitations()


def test_others_are_told_of_an_invitation(workspace: Workspace) -> None:
    heard: list[dict[str, object]] = []

    def listen(**told: object) -> None:
        heard.append(told)

    invitation_made.connect(listen)
    try:
        invited = invite(email="bo@example.org", role=Role.MEMBER, actor=COMMAND)
    finally:
        invitation_made.disconnect(listen)
    assert heard[0]["invitation_id"] == invited.invitation_id
    assert heard[0]["url"] == invited.url
    assert heard[0]["email"] == "bo@example.org"


def test_the_page_of_another_language(workspace: Workspace) -> None:
    invited = invite(role=Role.MEMBER, actor=COMMAND)
    page = Client().get(path_of(invited.url), headers={"accept-language": "zh-hans"})
    assert 'lang="zh-hans"' in page.text


@pytest.mark.slow
def test_of_two_who_accept_at_once_one_wins(transactional_db: None) -> None:
    bootstrap_owner()
    workspace = Workspace.objects.get()
    for round_ in range(4):
        with workspace_scope(workspace.id):
            token = token_of(invite(role=Role.MEMBER, actor=COMMAND).url)
        outcomes: list[str] = []
        together = threading.Barrier(2)

        def accept(
            email: str,
            token: str = token,
            outcomes: list[str] = outcomes,
            together: threading.Barrier = together,
        ) -> None:
            try:
                together.wait()
                accept_invitation(token, display_name="X", email=email, actor=ANONYMOUS)
                outcomes.append("done")
            except PlatformError as error:
                outcomes.append(error.code)
            finally:
                connection.close()

        threads = [
            threading.Thread(target=accept, args=(f"{name}{round_}@example.org",)) for name in ("a", "b")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["accounts.invitation_not_valid", "done"]
        assert User.objects.filter(email__endswith=f"{round_}@example.org").count() == 1
    with all_workspaces("a test counts"):
        assert Group.objects.count() == 0

"""Roles, suspension and removal of members: who may change whom, and that an owner always stays."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client

from chatplatform.accounts import queries
from chatplatform.accounts.groups import add_to_group, create_group
from chatplatform.accounts.invitations import invite
from chatplatform.accounts.members import change_role, reinstate, remove_member, suspend
from chatplatform.accounts.models import AccessChange, ApiToken, Invitation, Membership, Role, User, Workspace
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, NotAllowed, NotFound, PlatformError
from chatplatform.common.scope import workspace_scope

COMMAND = Actor.system("command")


@pytest.fixture
def workspace(owner: User) -> Iterator[Workspace]:
    found = Workspace.objects.get(memberships__user=owner)
    with workspace_scope(found.id):
        yield found


@pytest.fixture
def boss(owner: User) -> Actor:
    return Actor.person(owner.id)


def place(user: User) -> UUID:
    return Membership.objects.get(user=user).public_id


@pytest.fixture
def make_member(workspace: Workspace) -> Callable[..., User]:
    def make(email: str, role: Role = Role.MEMBER) -> User:
        user = User.objects.create_user(email)
        Membership.objects.create(workspace=workspace, user=user, role=role)
        return user

    return make


def test_a_new_role_is_given_and_recorded(boss: Actor, make_member: Callable[..., User]) -> None:
    bo = make_member("bo@example.org")
    change_role(place(bo), Role.PROMPT_EDITOR, actor=boss)
    assert queries.member(place(bo)).role is Role.PROMPT_EDITOR
    event = AuditEvent.objects.get(code="accounts.member.role_changed")
    assert event.target_id == str(bo.id)
    assert '"from":"member"' in event.details
    change_role(place(bo), Role.PROMPT_EDITOR, actor=boss)
    assert AuditEvent.objects.filter(code="accounts.member.role_changed").count() == 1


@pytest.mark.parametrize("loss", ["demoted", "suspended", "removed"])
def test_the_last_owner_cannot_be_lost(owner: User, workspace: Workspace, loss: str) -> None:
    def lose() -> None:
        if loss == "demoted":
            change_role(place(owner), Role.MEMBER, actor=COMMAND)
        elif loss == "suspended":
            suspend(place(owner), actor=COMMAND)
        else:
            remove_member(place(owner), actor=COMMAND)

    with pytest.raises(Conflict) as refusal:
        lose()
    assert refusal.value.code == "accounts.last_owner"
    # a suspended owner, or one who may not come in at all, is no owner to rely on
    for state in ({"suspended_at": "2026-01-01T00:00Z"}, {}):
        second = User.objects.create_user(f"{uuid4()}@example.org", is_active=bool(state))
        Membership.objects.create(workspace=workspace, user=second, role=Role.OWNER, **state)
    with pytest.raises(Conflict):
        lose()
    third = User.objects.create_user("third@example.org")
    Membership.objects.create(workspace=workspace, user=third, role=Role.OWNER)
    lose()


@pytest.mark.parametrize("act", [suspend, remove_member])
def test_nobody_does_it_to_themselves(
    act: Callable[..., None], boss: Actor, owner: User, make_member: Callable[..., User]
) -> None:
    make_member("other@example.org", Role.OWNER)
    with pytest.raises(Conflict) as refusal:
        act(place(owner), actor=boss)
    assert refusal.value.code == "accounts.oneself"


def test_nobody_gives_or_takes_more_than_they_have(owner: User, make_member: Callable[..., User]) -> None:
    bo, ann = make_member("bo@example.org"), make_member("ann@example.org", Role.ADMINISTRATOR)
    second = make_member("second@example.org", Role.OWNER)
    administrator, member = Actor.person(ann.id), Actor.person(bo.id)
    change_role(place(bo), Role.ADMINISTRATOR, actor=administrator)
    change_role(place(bo), Role.MEMBER, actor=administrator)
    for refused in (
        lambda: change_role(place(bo), Role.OWNER, actor=administrator),
        lambda: change_role(place(ann), Role.OWNER, actor=administrator),
        lambda: change_role(place(second), Role.MEMBER, actor=administrator),
        lambda: suspend(place(second), actor=administrator),
        lambda: remove_member(place(second), actor=administrator),
        lambda: invite(role=Role.OWNER, actor=administrator),
        lambda: suspend(place(ann), actor=member),
        lambda: suspend(place(ann), actor=Actor.person(uuid4())),
    ):
        with pytest.raises(NotAllowed):
            refused()
    # who was demoted a moment ago has lost the right with it
    change_role(place(ann), Role.MEMBER, actor=COMMAND)
    with pytest.raises(NotAllowed):
        suspend(place(bo), actor=administrator)


def test_suspension_ends_what_the_person_has_open(
    boss: Actor, workspace: Workspace, make_member: Callable[..., User]
) -> None:
    bo = make_member("bo@example.org", Role.ADMINISTRATOR)
    invite(role=Role.MEMBER, actor=Actor.person(bo.id))
    browser = Client()
    browser.force_login(bo)
    assert browser.get("/").status_code == 200
    AccessChange.objects.all().delete()
    suspend(place(bo), actor=boss)
    assert AccessChange.objects.filter(user_id=bo.id).exists()
    assert browser.get("/").status_code == 302
    assert not queries.open_invitations()
    reinstate(place(bo), actor=boss)
    # the session does not come back to life, on no device
    assert browser.get("/").status_code == 302
    codes = set(AuditEvent.objects.values_list("code", flat=True))
    assert {"accounts.member.suspended", "accounts.member.reinstated"} <= codes


def test_a_session_that_slept_through_a_suspension_is_over(
    boss: Actor, make_member: Callable[..., User]
) -> None:
    bo = make_member("bo@example.org")
    browser = Client()
    browser.force_login(bo)
    suspend(place(bo), actor=boss)
    reinstate(place(bo), actor=boss)
    assert browser.get("/").status_code == 302


def test_removal_takes_groups_and_tokens_along(
    boss: Actor, workspace: Workspace, make_member: Callable[..., User]
) -> None:
    bo = make_member("bo@example.org")
    group = create_group("Support", actor=boss)
    add_to_group(group.id, place(bo), actor=boss)
    token = ApiToken.objects.create(
        workspace_id=workspace.id, user=bo, name="t", prefix="cp_x", token_hash=b"x" * 32
    )
    membership_id = place(bo)
    remove_member(membership_id, actor=boss)
    assert queries.groups()[0].members == 0
    token.refresh_from_db()
    assert token.revoked_at is not None
    with pytest.raises(NotFound):
        queries.member(membership_id)
    assert User.objects.filter(id=bo.id).exists()


def test_another_workspaces_member_is_not_found(boss: Actor, workspace: Workspace) -> None:
    elsewhere = Workspace.objects.create(name="Elsewhere")
    stranger = User.objects.create_user("stranger@example.org")
    Membership.objects.create(workspace=elsewhere, user=stranger, role=Role.OWNER)
    for act in (
        lambda: change_role(place(stranger), Role.MEMBER, actor=boss),
        lambda: suspend(place(stranger), actor=boss),
        lambda: remove_member(place(stranger), actor=boss),
        lambda: queries.member(place(stranger)),
    ):
        with pytest.raises(NotFound):
            act()
    assert all(view.user_id != stranger.id for view in queries.members(limit=500))


def test_the_list_is_searched_and_paged(boss: Actor, make_member: Callable[..., User]) -> None:
    for name in ("Ann", "bo", "Cy", "dan"):
        make_member(f"{name}@example.org")
    first = queries.members(limit=3)
    rest = queries.members(limit=3, after=first[-1].membership_id)
    assert [view.email.lower() for view in (*first, *rest)] == [
        "ann@example.org",
        "bo@example.org",
        "cy@example.org",
        "dan@example.org",
        "owner@localhost",
    ]
    assert [view.name for view in queries.members(search="CY@")] == ["Cy"]
    assert queries.members(role=Role.OWNER)[0].email == "owner@localhost"


@pytest.mark.slow
def test_of_two_demotions_of_the_last_two_owners_one_wins(transactional_db: None) -> None:
    from chatplatform.accounts.services import bootstrap_owner

    owners = [bootstrap_owner(), User.objects.create_user("second@example.org")]
    workspace = Workspace.objects.get()
    Membership.objects.create(workspace=workspace, user=owners[1], role=Role.OWNER)
    for _round in range(4):
        Membership.objects.update(role=Role.OWNER)
        outcomes: list[str] = []
        together = threading.Barrier(2)

        def demote(
            membership_id: UUID, outcomes: list[str] = outcomes, together: threading.Barrier = together
        ) -> None:
            try:
                with workspace_scope(workspace.id):
                    together.wait()
                    change_role(membership_id, Role.MEMBER, actor=COMMAND)
                outcomes.append("done")
            except PlatformError as error:
                outcomes.append(error.code)
            finally:
                connection.close()

        threads = [threading.Thread(target=demote, args=(place(user),)) for user in owners]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["accounts.last_owner", "done"]
        assert Membership.objects.filter(role=Role.OWNER).count() == 1
    with workspace_scope(workspace.id):
        assert Invitation.objects.count() == 0


def test_when_a_member_was_last_seen(workspace: Workspace, make_member: Callable[..., User]) -> None:
    bo = make_member("bo@example.org")
    assert queries.member(place(bo)).last_seen_at is None
    browser = Client()
    browser.force_login(bo)
    browser.get("/settings/")
    seen = queries.member(place(bo)).last_seen_at
    assert seen is not None
    browser.get("/settings/")
    assert queries.member(place(bo)).last_seen_at == seen

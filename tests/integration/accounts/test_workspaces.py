"""Workspaces: making, naming, choosing; and that one is not seen from another."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client

from chatplatform.accounts.models import Membership, Role, User, Workspace
from chatplatform.accounts.workspaces import create_workspace, workspaces_of
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.errors import InvalidInput, NotAllowed
from chatplatform.common.scope import workspace_scope
from chatplatform.prompts.models import Assistant

pytestmark = pytest.mark.django_db(databases=["default", "keys"])


@pytest.fixture
def browser(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def member_of(workspace: Workspace, role: Role = Role.MEMBER) -> tuple[User, Client]:
    user = User.objects.create_user(f"{uuid4().hex}@example.org")
    Membership.objects.create(workspace=workspace, user=user, role=role)
    client = Client()
    client.force_login(user)
    return user, client


def test_an_owner_makes_a_workspace_and_works_there(browser: Client, owner: User) -> None:
    first = Workspace.objects.get()
    assert 'role="menuitemradio"' not in browser.get("/settings/").text
    answer = browser.post("/settings/workspaces/create/", {"name": "  Shop 商店 "}, follow=True)
    assert "Shop 商店" in answer.text
    shop = Workspace.objects.exclude(id=first.id).get()
    assert browser.session["workspace_id"] == str(shop.id)
    with workspace_scope(shop.id):
        assert Assistant.objects.exists()
    assert AuditEvent.objects.filter(code="accounts.workspace.created", workspace_id=shop.id).exists()
    # the account menu offers both, everywhere
    menu = browser.get("/settings/").text
    assert menu.count('role="menuitemradio"') == 2
    back = browser.post("/settings/workspaces/switch/", {"workspace": str(first.id)})
    assert (back.status_code, browser.session["workspace_id"]) == (302, str(first.id))
    assert [place.id for place in workspaces_of(owner.id)] == [first.id, shop.id]


@pytest.mark.parametrize("name", ["", "   ", "x" * 151])
def test_a_bad_name_is_said_beside_its_field(browser: Client, owner: User, name: str) -> None:
    for address in ("create", "rename"):
        answer = browser.post(f"/settings/workspaces/{address}/", {"name": name})
        assert answer.status_code == 422
        assert 'aria-invalid="true"' in answer.text
    assert Workspace.objects.count() == 1
    with pytest.raises(InvalidInput):
        create_workspace(name, owner=owner, actor=Actor.system("command"))


def test_another_name(browser: Client) -> None:
    browser.post("/settings/workspaces/rename/", {"name": "Base camp"})
    assert Workspace.objects.get().name == "Base camp"
    assert AuditEvent.objects.filter(code="accounts.workspace.renamed").count() == 1


@pytest.mark.parametrize("which", ["missing", "somebody else's", "nonsense", "suspended"])
def test_what_is_not_ones_own_is_not_found(browser: Client, owner: User, which: str) -> None:
    elsewhere = Workspace.objects.create(name="Elsewhere")
    if which == "suspended":
        Membership.objects.create(workspace=elsewhere, user=owner, suspended_at="2026-01-01T00:00Z")
    chosen = {"missing": str(uuid4()), "nonsense": "drop table"}.get(which, str(elsewhere.id))
    assert browser.post("/settings/workspaces/switch/", {"workspace": chosen}).status_code == 404
    assert "workspace_id" not in browser.session


def test_who_lacks_the_right(owner: User) -> None:
    workspace = Workspace.objects.get()
    for role, renames in ((Role.MEMBER, 403), (Role.ADMINISTRATOR, 302)):
        user, client = member_of(workspace, role)
        assert client.get("/settings/workspaces/").status_code == 200
        assert client.post("/settings/workspaces/create/", {"name": "Mine"}).status_code == 403
        assert client.post("/settings/workspaces/rename/", {"name": "Mine"}).status_code == renames
        with workspace_scope(workspace.id), pytest.raises(NotAllowed):
            create_workspace("Mine", owner=user, actor=Actor.person(user.id))
    assert Workspace.objects.count() == 1


def test_who_left_the_chosen_workspace_lands_in_another(owner: User) -> None:
    first, second = Workspace.objects.get(), Workspace.objects.create(name="Second")
    user, client = member_of(first)
    Membership.objects.create(workspace=second, user=user)
    client.post("/settings/workspaces/switch/", {"workspace": str(second.id)})
    with workspace_scope(second.id):
        Membership.objects.get(user=user, workspace=second).delete()
    page = client.get("/settings/workspaces/")
    assert page.status_code == 200
    assert "Second" not in page.text

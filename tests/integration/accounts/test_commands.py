"""`manage.py signin_link`, `add_member`, `members` and `invite`."""

from __future__ import annotations

from io import StringIO
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from chatplatform.accounts.models import Membership, User, Workspace


def run(*arguments: str) -> str:
    output = StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue().strip()


def comes_in(link: str) -> bool:
    return Client().post(urlsplit(link).path).status_code == 302


def test_a_link_for_the_owner(db: None) -> None:
    assert comes_in(run("signin_link"))


def test_a_new_member_and_their_next_link(db: None) -> None:
    assert comes_in(run("add_member", "bo@example.org", "--name", "Bo", "--role", "administrator"))
    assert Membership.objects.get(user__email="bo@example.org").role == "administrator"
    assert comes_in(run("signin_link", "BO@example.org"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("signin_link", "nobody@example.org"), "Nobody here has the address"),
        (("signin_link", "--ttl", "0"), "more than 0"),
        (("add_member", "nonsense"), "not an e-mail address"),
        (("add_member", "bo@example.org"), "is here already"),
        (("add_member", "x@example.org", "--workspace", "Nowhere"), "no workspace"),
        (("members", "suspend", "nobody@example.org"), "not in this workspace"),
        (("members", "suspend", "owner@localhost"), "needs an owner"),
        (("members", "role", "owner@localhost", "member"), "needs an owner"),
        (("invite", "nonsense"), "not an e-mail address"),
        (("invite", "--group", "Nobody"), "no group"),
        (("invite", "bo@example.org"), "in the workspace already"),
        (("invite", "--ttl", "0"), "at least a second"),
    ],
)
def test_mistakes_are_said_in_words(db: None, arguments: tuple[str, ...], words: str) -> None:
    run("add_member", "bo@example.org")
    people = User.objects.count()
    with pytest.raises(CommandError, match=words):
        run(*arguments)
    assert User.objects.count() == people


def test_members_are_listed_and_changed(db: None) -> None:
    run("add_member", "bo@example.org", "--name", "Bo", "--role", "support_agent")
    assert "bo@example.org\tsupport_agent\tactive\tBo" in run("members", "list")
    assert run("members", "list", "--search", "nobody") == ""
    run("members", "role", "BO@example.org", "prompt_editor")
    run("members", "suspend", "bo@example.org")
    assert "bo@example.org\tprompt_editor\tsuspended" in run("members", "list", "--search", "bo")
    run("members", "reinstate", "bo@example.org")
    assert "\tactive\t" in run("members", "list", "--search", "bo")
    run("members", "remove", "bo@example.org")
    assert "bo@" not in run("members", "list")


def test_an_invitation_from_the_command_line(db: None) -> None:
    link = run("invite", "new@example.org", "--role", "support_agent")
    assert Client().post(urlsplit(link).path, {"display_name": "New"}).status_code == 302
    assert Membership.objects.get(user__email="new@example.org").role == "support_agent"


def test_with_several_workspaces_one_must_be_named(db: None) -> None:
    run("members", "list")
    other = Workspace.objects.create(name="Other")
    with pytest.raises(CommandError, match="--workspace"):
        run("invite")
    run("add_member", "bo@example.org", "--role", "owner", "--workspace", "Other")
    assert "bo@example.org" in run("members", "list", "--workspace", str(other.id))
    assert Membership.objects.get(user__email="bo@example.org").workspace == other

"""The person of a request."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.http import HttpRequest

from chatplatform.accounts.models import Role, User
from chatplatform.accounts.person import Person, person_of
from chatplatform.common.actors import ActorKind


def someone(role: Role = Role.MEMBER, **fields: str) -> Person:
    return Person(User(email="ada@example.org", **fields), uuid4(), role, ip="192.0.2.1")


@pytest.mark.parametrize(("role", "runs"), [("owner", True), ("administrator", True), ("member", False)])
def test_who_runs_the_workspace(role: str, runs: bool) -> None:
    assert someone(Role(role)).runs_the_workspace is runs


def test_how_to_address_them() -> None:
    assert someone().name == "ada"
    assert someone(display_name="Support S.").name == "Support S."


def test_as_an_actor() -> None:
    person = someone()
    assert (person.actor.kind, person.actor.id, person.actor.ip) == (
        ActorKind.PERSON,
        str(person.id),
        "192.0.2.1",
    )


def test_nobody_is_signed_in_before_the_middleware() -> None:
    assert person_of(HttpRequest()) is None

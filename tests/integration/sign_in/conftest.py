"""People who sign in."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from django.test import Client

from chatplatform.accounts.models import Membership, Role, User
from chatplatform.accounts.services import bootstrap_owner, make_sign_in_link
from chatplatform.common.actors import Actor

SYSTEM = Actor.system("test")
PASSWORD = "seven wet tents in a row"
NewPerson = Callable[..., User]


@pytest.fixture
def owner(db: None) -> User:
    return bootstrap_owner()


@pytest.fixture
def new_person(owner: User) -> NewPerson:
    """Makes members of the first workspace, with a password unless told otherwise."""

    def make(email: str = "bo@example.org", *, password: str = PASSWORD, role: Role = Role.MEMBER) -> User:
        user = User.objects.create_user(email)
        if password:
            user.set_password(password)
            user.save()
        Membership.objects.create(user=user, workspace=owner.memberships.get().workspace, role=role)
        return user

    return make


@pytest.fixture
def bo(new_person: NewPerson) -> User:
    return new_person()


def come_in(email: str = "bo@example.org", password: str = PASSWORD, **headers: str) -> Client:
    """A browser that signed in by password."""
    browser = Client(**{f"HTTP_{name.upper()}": value for name, value in headers.items()})
    response = browser.post("/sign-in/", {"email": email, "password": password})
    assert response.status_code == 302, response.content.decode()
    return browser


def come_in_by_link(user: User) -> Client:
    browser = Client()
    link = make_sign_in_link(user, actor=SYSTEM)
    assert browser.post(urlsplit(link).path).status_code == 302
    return browser


def is_in(browser: Client) -> bool:
    return browser.get("/settings/").status_code == 200

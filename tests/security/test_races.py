"""Two at the same moment, from two browsers and two threads, on a database with real transactions: one wins."""

from __future__ import annotations

import threading
from collections.abc import Callable
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from django.db import connections
from django.http import HttpResponse
from django.test import Client

from chatplatform.accounts import audit_events as of_accounts
from chatplatform.accounts.api_tokens import ApiToken
from chatplatform.accounts.invitations import invite
from chatplatform.accounts.members import change_role
from chatplatform.accounts.models import Membership, Role, User
from chatplatform.accounts.sign_in_links import make_sign_in_link
from chatplatform.audit.models import AuditEvent
from chatplatform.common.scope import workspace_scope
from chatplatform.prompts.audit_events import LABEL_MOVED
from chatplatform.prompts.models import PromptLabel
from chatplatform.prompts.prompt_queries import prompt_view
from chatplatform.prompts.services import move_label, save_version
from tests.security.world import Someone, World, make_world

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def at_once(*acts: Callable[[], HttpResponse]) -> list[HttpResponse]:
    """Do all of these from threads that start together."""
    gate, found = threading.Barrier(len(acts)), [HttpResponse(status=599) for _ in acts]

    def one(number: int, act: Callable[[], HttpResponse]) -> None:
        try:
            gate.wait()
            found[number] = act()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


def post(browser: Client, address: str, **form: str) -> Callable[[], HttpResponse]:
    return lambda: browser.post(address, form)


def events(code: str, outcome: str = "ok") -> int:
    return AuditEvent.objects.filter(code=code, outcome=outcome).count()


def one_wins(answers: list[HttpResponse], refusal: int) -> None:
    """One goes on to the next page; the others are told why not, on a page of ours."""
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [302] + [refusal] * (len(answers) - 1), statuses
    for answer in answers:
        if answer.status_code == refusal:
            assert "Chatplatform" in answer.content.decode()


def test_one_invitation_makes_one_member(world: World) -> None:
    owner = world.here.people[Role.OWNER]
    with workspace_scope(world.here.workspace.id):
        address = urlsplit(invite(role=Role.MEMBER, actor=owner.actor).url).path
    before = Membership.objects.count(), User.objects.count()
    accepted, refused = (
        events(of_accounts.INVITATION_ACCEPTED.code),
        events(of_accounts.INVITATION_REFUSED.code, "refused"),
    )
    people = [{"display_name": name, "email": f"{name}@example.org"} for name in ("ada", "bob", "cem")]
    answers = at_once(*[post(Client(), address, **person) for person in people])
    one_wins(answers, 400)
    assert (Membership.objects.count(), User.objects.count()) == (before[0] + 1, before[1] + 1)
    assert events(of_accounts.INVITATION_ACCEPTED.code) == accepted + 1
    # who came after the winner was done found no invitation at all, and that names nobody
    assert events(of_accounts.INVITATION_REFUSED.code, "refused") - refused <= 2


def test_one_sign_in_link_opens_one_session(world: World) -> None:
    owner = world.here.people[Role.OWNER]
    address = urlsplit(make_sign_in_link(owner.user, actor=owner.actor)).path
    browsers = [Client() for _ in range(3)]
    signed_in = events(of_accounts.SIGNED_IN.code)
    refused = events(of_accounts.SIGN_IN_REFUSED.code, "refused")
    one_wins(at_once(*[post(browser, address) for browser in browsers]), 400)
    assert sorted(browser.get("/settings/").status_code for browser in browsers) == [200, 302, 302]
    assert events(of_accounts.SIGNED_IN.code) == signed_in + 1
    assert events(of_accounts.SIGN_IN_REFUSED.code, "refused") == refused + 2


def test_one_of_two_rollbacks_from_the_same_place(world: World) -> None:
    """Two who saw version 3 in production: the second does not go back a release further than they saw."""
    owner, prompt_id = world.here.people[Role.OWNER], UUID(world.here.things["prompt_id"])
    with workspace_scope(world.here.workspace.id):
        third = save_version(prompt_id, "Answer in verse.", actor=owner.actor)
        move_label(prompt_id, PromptLabel.PRODUCTION, third.version_id, actor=owner.actor)
    browsers = [owner.browser(), world.here.people[Role.ADMINISTRATOR].browser()]
    address = f"/console/prompts/{prompt_id}/roll-back/"
    moved = events(LABEL_MOVED.code)
    one_wins(at_once(*[post(browser, address, seen="3") for browser in browsers]), 409)
    with workspace_scope(world.here.workspace.id):
        production = prompt_view(prompt_id).production
        assert production is not None
        assert production.number == 2
    assert events(LABEL_MOVED.code) == moved + 1


def test_the_last_two_owners_cannot_demote_each_other(world: World) -> None:
    here = world.here
    owner, second = here.people[Role.OWNER], here.people[Role.MEMBER]
    with workspace_scope(here.workspace.id):
        change_role(second.membership_id, Role.OWNER, actor=owner.actor)
        # the suspended one is an owner too, who cannot come in
        owners = Membership.objects.filter(workspace=here.workspace, role=Role.OWNER, suspended_at=None)
    second_browser = Client()
    second_browser.force_login(second.user)

    def demote(browser: Client, other: Someone) -> Callable[[], HttpResponse]:
        return post(browser, f"/console/members/{other.membership_id}/role/", role="member")

    answers = at_once(demote(owner.browser(), second), demote(second_browser, owner))
    # the loser is refused as the last owner, or, where it came later, because they may not any more
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 302
    assert statuses[1] in (403, 409)
    assert owners.count() == 1


def test_tokens_stay_within_their_number(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    someone = world.here.people[Role.MEMBER]
    with workspace_scope(world.here.workspace.id):
        living = ApiToken.objects.filter(user=someone.user, revoked_at=None).count()
    monkeypatch.setattr("chatplatform.accounts.api_tokens.TOKENS_A_PERSON", living + 1)
    form = {"name": "New", "lifetime": "30", "scopes": "chat"}
    answers = at_once(*[post(someone.browser(), "/settings/tokens/", **form) for _ in range(4)])
    assert sorted(answer.status_code for answer in answers) == [200, 429, 429, 429]
    with workspace_scope(world.here.workspace.id):
        assert ApiToken.objects.filter(user=someone.user, revoked_at=None).count() == living + 1


def test_one_name_makes_one_group_and_one_prompt(world: World) -> None:
    owner = world.here.people[Role.OWNER]
    for address, refusal in (("/console/groups/", 409), ("/console/prompts/new/", 400)):
        acts = [post(owner.browser(), address, name="The same", text="x") for _ in range(3)]
        one_wins(at_once(*acts), refusal)

"""One-time sign-in links: they work once, in time, for active people, and only when a person means it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from chatplatform.accounts import sign_in_links
from chatplatform.accounts.models import Membership, Role, SignInLink, User
from chatplatform.accounts.queries import membership_of
from chatplatform.accounts.services import (
    bootstrap_owner,
    consume_sign_in_link,
    first_sign_in_link,
    make_sign_in_link,
)
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import ANONYMOUS, Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import InvalidInput

SYSTEM = Actor.system("test")


def token_of(link: str) -> str:
    return urlsplit(link).path.rstrip("/").rpartition("/")[2]


def path_of(link: str) -> str:
    return urlsplit(link).path


def test_the_link_signs_in(owner: User, client: Client) -> None:
    link = make_sign_in_link(owner, actor=SYSTEM)
    assert link.startswith(settings.PUBLIC_URL + "/sign-in/")
    response = client.post(path_of(link))
    assert response.status_code == 302
    assert response["Location"] == "/"
    assert client.get("/settings/").status_code == 200


def preview_then_sign_in(link: str) -> None:
    """What happens to a link that is sent by a messenger: previews open it before its reader does."""
    for _visit in range(3):
        assert Client().get(path_of(link)).status_code == 200
        assert Client().head(path_of(link)).status_code == 200
    assert Client().post(path_of(link)).status_code == 302


def test_previews_do_not_use_the_link_up(owner: User) -> None:
    preview_then_sign_in(make_sign_in_link(owner, actor=SYSTEM))


def test_sabotage_a_link_used_by_get_fails_the_preview_test(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = make_sign_in_link(owner, actor=SYSTEM)
    render = sign_in_links_render(lambda: consume_sign_in_link(token_of(link), actor=ANONYMOUS))
    monkeypatch.setattr("chatplatform.sign_in.views.entrance.render", render)
    with pytest.raises((AssertionError, InvalidInput)):
        preview_then_sign_in(link)


def sign_in_links_render(before: Callable[[], object]) -> Callable[..., object]:
    """Django's `render` with something done before."""
    from django.shortcuts import render

    def sabotaged(*args: object, **kwargs: object) -> object:
        before()
        return render(*args, **kwargs)  # type: ignore[arg-type]

    return sabotaged


def works_once(link: str) -> None:
    assert Client().post(path_of(link)).status_code == 302
    second = Client()
    response = second.post(path_of(link))
    assert response.status_code == 400
    assert second.get("/").status_code == 302, "the second visitor must not be signed in"


def test_the_link_works_once(owner: User) -> None:
    works_once(make_sign_in_link(owner, actor=SYSTEM))


def test_sabotage_without_compare_and_set_the_link_works_twice(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in_links, "_take", lambda link: True)
    with pytest.raises(AssertionError):
        works_once(make_sign_in_link(owner, actor=SYSTEM))


@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_same_moment_one_comes_in() -> None:
    token = token_of(make_sign_in_link(bootstrap_owner(), actor=SYSTEM))
    together = threading.Barrier(2)
    outcomes: list[str] = []

    def attempt() -> None:
        together.wait()
        try:
            consume_sign_in_link(token, actor=ANONYMOUS)
            outcomes.append("in")
        except InvalidInput:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["in", "refused"]


def test_an_expired_link_is_refused(owner: User) -> None:
    link = make_sign_in_link(owner, actor=SYSTEM)
    SignInLink.objects.update(expires_at=now() - timedelta(seconds=1))
    assert Client().post(path_of(link)).status_code == 400


def test_a_suspended_person_does_not_come_in(owner: User) -> None:
    link = make_sign_in_link(owner, actor=SYSTEM)
    User.objects.update(is_active=False)
    assert Client().post(path_of(link)).status_code == 400


def test_signing_in_closes_the_other_links(owner: User) -> None:
    first, second = (make_sign_in_link(owner, actor=SYSTEM) for _ in range(2))
    assert Client().post(path_of(second)).status_code == 302
    assert Client().post(path_of(first)).status_code == 400


def test_the_token_is_not_stored(owner: User) -> None:
    token = token_of(make_sign_in_link(owner, actor=SYSTEM))
    stored = SignInLink.objects.get()
    assert token.encode() not in bytes(stored.token_hash)
    assert not AuditEvent.objects.filter(details__icontains=token).exists()


def test_all_refusals_look_the_same(owner: User) -> None:
    used, expired = (make_sign_in_link(owner, actor=SYSTEM) for _ in range(2))
    consume_sign_in_link(token_of(used), actor=ANONYMOUS)
    bodies = {
        Client().post(path).content.split(b"csrfmiddlewaretoken")[0]
        for path in (path_of(used), path_of(expired), "/sign-in/unknown/")
    }
    assert len(bodies) == 1


def test_a_refusal_is_recorded_for_known_links_only(owner: User) -> None:
    link = make_sign_in_link(owner, actor=SYSTEM)
    Client().post(path_of(link))
    before = AuditEvent.objects.count()
    Client().post("/sign-in/a-token-of-nobody/")
    assert AuditEvent.objects.count() == before
    Client().post(path_of(link))
    assert AuditEvent.objects.filter(code="accounts.sign_in.refused").count() == 1


def test_the_post_needs_the_forms_token(owner: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    assert browser.post(path_of(make_sign_in_link(owner, actor=SYSTEM))).status_code == 403


def test_the_first_link_is_for_the_owner_until_they_came(db: None) -> None:
    link = first_sign_in_link()
    assert link is not None
    assert consume_sign_in_link(token_of(link), actor=ANONYMOUS).id == bootstrap_owner().id
    assert first_sign_in_link() is None


def test_bootstrap_makes_one_owner(db: None) -> None:
    assert bootstrap_owner().id == bootstrap_owner().id
    assert Membership.objects.filter(role=Role.OWNER).count() == 1


def test_membership(owner: User) -> None:
    view = membership_of(owner.id)
    assert view is not None
    assert (view.user_id, view.role, view.is_active, view.language) == (owner.id, Role.OWNER, True, "")
    assert membership_of(SYSTEM_ID) is None


SYSTEM_ID = User().id


def test_signing_out(owner: User, client: Client) -> None:
    client.force_login(owner)
    assert client.get("/sign-out/").status_code == 405, "a link or an image must not sign people out"
    assert client.post("/sign-out/").status_code == 302
    assert client.get("/").headers["Location"] == "/sign-in/"
    assert AuditEvent.objects.filter(code="accounts.signed_out").count() == 1

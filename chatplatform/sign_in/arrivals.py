"""What is done whenever somebody has come in, by whichever door."""

from __future__ import annotations

import time

from allauth.account.internal.flows.login import get_authentication_records
from django.http import HttpRequest

from chatplatform.accounts.audit_events import SIGNED_IN
from chatplatform.accounts.models import User
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.sign_in.sessions import note_use, workspace_of
from chatplatform.sign_in.visitors import address_of

CONFIRMED_SESSION_KEY = "sign_in.confirmed_at"
# how long changes of how one signs in need no new proof
CONFIRMED_FOR_S = 15 * 60


def greet(sender: object, request: HttpRequest, user: User, **kwargs: object) -> None:
    """Remember the new session. Django's signal `user_logged_in` calls it, whatever the door was."""
    confirm(request)
    note_use(request, user)


def record_arrival(request: HttpRequest, user: User) -> None:
    """Record that somebody came in and how, in the transaction of the sign-in."""
    record(
        SIGNED_IN,
        actor=Actor.person(user.id, ip=address_of(request)),
        workspace_id=workspace_of(user),
        target=Target("person", str(user.id)),
        details={"method": _method(request, user)},
    )


def confirm(request: HttpRequest) -> None:
    """The person of this session has just proved who they are."""
    request.session[CONFIRMED_SESSION_KEY] = time.time()


def is_confirmed(request: HttpRequest) -> bool:
    """Whether the person of this session proved who they are a short while ago."""
    at = request.session.get(CONFIRMED_SESSION_KEY)
    return isinstance(at, float) and 0 <= time.time() - at < CONFIRMED_FOR_S


def _method(request: HttpRequest, user: User) -> str:
    """How: `password`, `password+totp`, `passkey`, `sso`, `mail`, …"""
    names = {
        "socialaccount": "sso",
        "webauthn": "passkey",
        "recovery_codes": "recovery_code",
    }
    used = [each.get("type") or each["method"] for each in get_authentication_records(request, user)]
    return "+".join(dict.fromkeys(names.get(name, name) for name in used))[:100]

"""Passwords: checked in equal time, set by their person, and a change ends the other sessions."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.contrib.auth import authenticate, update_session_auth_hash
from django.db import transaction
from django.http import HttpRequest

from chatplatform.accounts.audit_events import SIGN_IN_REFUSED
from chatplatform.accounts.models import User
from chatplatform.accounts.queries import membership_of
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.errors import NotAllowed
from chatplatform.sign_in.audit_events import PASSWORD_CHANGED, PASSWORD_SET, REFUSED_UNKNOWN
from chatplatform.sign_in.limits import BY_ACCOUNT, BY_ADDRESS, Attempt, count, take_back
from chatplatform.sign_in.sessions import end_sessions, note_use, workspace_of
from chatplatform.sign_in.visitors import address_of, visitor_of

_WRONG = "sign_in.wrong"


class Wrong(NotAllowed):
    """Address and password do not belong together, or their person may not come in: the two look the same."""

    status = 401


def check_password(request: HttpRequest, email: str, password: str) -> User:
    """The person with this address and password, who may come in.

    Raises TooMany before anything is tried when there were too many attempts, by this network address or for
    this account, and Wrong, whose reason is in the audit log only. An unknown address costs the same work.
    """
    attempts = limited(request, account=f"password:{email.casefold()}", method="password", email=email)
    user = authenticate(request, email=email, password=password)
    if isinstance(user, User) and may_come_in(user):
        take_back(*attempts)
        return user
    refuse(request, email, method="password", reason="suspended" if user else "wrong")
    raise Wrong(_WRONG, "")


def may_come_in(user: User) -> bool:
    """Whether the person is active, and in a workspace where they are not suspended."""
    place = membership_of(user.id)
    return user.is_active and place is not None and place.is_active


def limited(request: HttpRequest, *, account: str, method: str, email: str) -> tuple[Attempt, Attempt]:
    """Count an attempt by address and account; raises TooMany, recorded once, when it is one too many."""
    attempts = (
        count(BY_ADDRESS, address_of(request)),
        count(BY_ACCOUNT, account),
    )
    for attempt in attempts:
        if attempt.is_over:
            if attempt.is_first_over:
                refuse(request, email, method=method, reason="too_many")
            raise attempt.too_many()
    return attempts


def refuse(request: HttpRequest, email: str, *, method: str, reason: str) -> None:
    """Record a refusal: of the person, when the address is one of ours, else of nobody."""
    user = User.objects.filter(email__iexact=email).first() if email.isprintable() else None
    with transaction.atomic():
        record(
            SIGN_IN_REFUSED if user else REFUSED_UNKNOWN,
            actor=visitor_of(request),
            workspace_id=workspace_of(user) if user else None,
            target=Target("person", str(user.id)) if user else None,
            details={"method": method, "reason": "unknown" if user is None and reason == "wrong" else reason},
            outcome="refused",
        )


def set_password(request: HttpRequest, user: User, password: str, *, actor: Actor) -> None:
    """Give the person of this session a password that passed the validators; their other sessions end."""
    is_first = not user.has_usable_password()
    old_key = request.session.session_key
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password"])
        record(
            PASSWORD_SET if is_first else PASSWORD_CHANGED,
            actor=actor,
            workspace_id=workspace_of(user),
            target=Target("person", str(user.id)),
        )
        update_session_auth_hash(request, user)
        UserSession.objects.filter(session_key=old_key).delete()
        note_use(request, user)
        end_sessions(user, actor=actor, reason="password", keep_key=request.session.session_key)

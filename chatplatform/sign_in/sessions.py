"""The sessions of a person: listed, and ended. The row of Django's session is the truth: without it nobody is in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from chatplatform.accounts.models import User
from chatplatform.accounts.queries import membership_of
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import NotFound
from chatplatform.sign_in.audit_events import SESSIONS_ENDED
from chatplatform.sign_in.visitors import address_of

_AGENT_CHARS = 200
# the first that fits; later names contain earlier ones' words
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class SessionView:
    """`id` is not the session key: that one would let its reader in."""

    id: int
    device: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    is_this: bool


def printable(agent: str) -> str:
    """What a browser says of itself, without what no database takes and no page should show."""
    return re.sub(r"[^\x20-\x7e]", "", agent)


def note_use(request: HttpRequest, user: User) -> None:
    """Remember device and address of the signed-in session, and that it is in use now."""
    key = request.session.session_key
    if key is None:
        return
    agent = printable(request.META.get("HTTP_USER_AGENT", ""))[:_AGENT_CHARS]
    UserSession.objects.update_or_create(
        session_key=key,
        defaults={
            "user": user,
            "ip": address_of(request) or "0.0.0.0",  # noqa: S104  # the column wants one
            "user_agent": agent,
            "last_seen_at": now(),
        },
    )


def sessions_of(user: User, *, current_key: str | None) -> list[SessionView]:
    """The person's open sessions, this one first, then by last use."""
    rows = list(UserSession.objects.filter(user=user).order_by("-last_seen_at"))
    alive = set(
        Session.objects.filter(
            session_key__in=[row.session_key for row in rows], expire_date__gt=now()
        ).values_list("session_key", flat=True)
    )
    views = [
        SessionView(
            row.pk,
            device_of(row.user_agent),
            "" if row.ip == "0.0.0.0" else row.ip,  # noqa: S104
            row.created_at,
            row.last_seen_at,
            row.session_key == current_key,
        )
        for row in rows
        if row.session_key in alive
    ]
    return sorted(views, key=lambda view: not view.is_this)


def end_session(user: User, session_id: int, *, actor: Actor) -> None:
    """End one session of the person; raises NotFound when it is not theirs or over already."""
    row = UserSession.objects.filter(user=user, pk=session_id).first()
    if row is None:
        raise NotFound("sign_in.session_not_found", _("This session is over already."))
    _end(user, [row], actor=actor, reason="one")


def end_sessions(user: User, *, actor: Actor, reason: str, keep_key: str | None = None) -> int:
    """End the person's sessions, but for the one with `keep_key`; how many."""
    rows = list(UserSession.objects.filter(user=user).exclude(session_key=keep_key or ""))
    _end(user, rows, actor=actor, reason=reason)
    return len(rows)


def forget_old() -> None:
    """Delete what is known of sessions that expired."""
    UserSession.objects.exclude(
        session_key__in=Session.objects.filter(expire_date__gt=now()).values("session_key")
    ).delete()


def device_of(agent: str) -> str:
    """Browser and system as people call them."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("Unknown device")


def _end(user: User, rows: list[UserSession], *, actor: Actor, reason: str) -> None:
    if not rows:
        return
    with transaction.atomic():
        Session.objects.filter(session_key__in=[row.session_key for row in rows]).delete()
        UserSession.objects.filter(pk__in=[row.pk for row in rows]).delete()
        record(
            SESSIONS_ENDED,
            actor=actor,
            workspace_id=workspace_of(user),
            target=Target("person", str(user.id)),
            details={"sessions": len(rows), "reason": reason},
        )


def workspace_of(user: User) -> UUID | None:
    """The workspace that events about the person's own sign-in are filed under."""
    place = membership_of(user.id)
    return place.workspace_id if place else None

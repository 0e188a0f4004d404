"""Whether somebody who was let in may still be here: asked again when their access may have changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from uuid import UUID

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.utils.crypto import constant_time_compare

from chatplatform.accounts.models import AccessChange, Membership, Role, User
from chatplatform.accounts.person import workspace_of_session
from chatplatform.accounts.queries import membership_of


@dataclass(frozen=True, slots=True)
class Standing:
    """What an open connection rests on: a person, their role in a workspace, and the session it came with."""

    user_id: UUID
    workspace_id: UUID
    role: Role
    session_key: str

    def holds(self) -> bool:
        """Whether session, place and role are what they were when the connection opened."""
        place = membership_of(self.user_id, self.workspace_id)
        if place is None or not place.is_active or place.role != self.role:
            return False
        return session_is_of(self.session_key, self.user_id)


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody who comes with a session; `language` is their own choice, empty when the browser decides."""

    standing: Standing
    language: str


def arrival_of(session_key: str) -> Arrival | None:
    """Who comes with this session, into the workspace that it chose or their first one; None for nobody.

    Two queries, because thousands of sockets may come at once after a restart.
    """
    session = session_of(session_key)
    person_id = session.get(SESSION_KEY)
    if person_id is None:
        return None
    chosen = workspace_of_session(session)
    places = [
        (Standing(UUID(person_id), workspace_id, Role(role), session_key), language, User(password=password))
        for workspace_id, role, language, password in Membership.objects.filter(
            user_id=person_id, user__is_active=True, suspended_at=None
        )
        .order_by("created_at")
        .values_list("workspace_id", "role", "user__language", "user__password")
    ]
    for standing, language, user in sorted(places, key=lambda place: place[0].workspace_id != chosen):
        return Arrival(standing, language) if _is_opened_by(session, user) else None
    return None


def session_of(session_key: str) -> SessionBase:
    """The session of this key, read when it is first asked for something."""
    store: type[SessionBase] = import_module(settings.SESSION_ENGINE).SessionStore
    return store(session_key)


def session_is_of(session_key: str, user_id: UUID) -> bool:
    """Whether the session exists, has not run out, and was opened with what the person signs in with now."""
    session = session_of(session_key)
    if session.get(SESSION_KEY) != str(user_id):
        return False
    user = User.objects.filter(id=user_id).first()
    return user is not None and _is_opened_by(session, user)


def _is_opened_by(session: SessionBase, user: User) -> bool:
    proof = session.get(HASH_SESSION_KEY) or ""
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(proof, known) for known in hashes)


def people_changed_since(moment: datetime) -> list[tuple[int, UUID]]:
    """Who is to be looked at again, with the number of the row that says so."""
    return list(AccessChange.objects.filter(created_at__gt=moment).values_list("id", "user_id"))

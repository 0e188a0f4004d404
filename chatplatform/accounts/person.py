"""The signed-in person of a request, and the rights that come with the role."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from chatplatform.accounts.models import Role, User
from chatplatform.accounts.permissions import Permission, may
from chatplatform.common.actors import Actor


@dataclass(frozen=True, slots=True)
class Person:
    """A person in a workspace. `request.person` is one, or None when nobody is signed in."""

    user: User
    workspace_id: UUID
    role: Role
    ip: str = ""

    @property
    def id(self) -> UUID:
        return self.user.id

    @property
    def actor(self) -> Actor:
        return Actor.person(self.user.id, ip=self.ip)

    def may(self, permission: Permission) -> bool:
        return may(self.role, permission)

    @property
    def runs_the_workspace(self) -> bool:
        return self.role in {Role.OWNER, Role.ADMINISTRATOR}

    @property
    def runs_the_machine(self) -> bool:
        return self.may(Permission.SYSTEM_MANAGE)

    @property
    def name(self) -> str:
        """How to address the person: the name, else what stands before the @."""
        return self.user.display_name or self.user.email.partition("@")[0]


class PersonRequest(HttpRequest):
    """A request that passed PersonMiddleware and `signed_in`."""

    person: Person


def person_of(request: HttpRequest) -> Person | None:
    """The signed-in person, or None; None too where the middleware has not run (early errors)."""
    person = getattr(request, "person", None)
    return person if isinstance(person, Person) else None


WORKSPACE_SESSION_KEY = "workspace_id"


def workspace_of_session(session: SessionBase) -> UUID | None:
    """The workspace that this session works in, or None while the person has not chosen one."""
    chosen = session.get(WORKSPACE_SESSION_KEY)
    return UUID(chosen) if chosen else None

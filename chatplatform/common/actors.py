"""Who or what caused something. Every write takes one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class ActorKind(StrEnum):
    PERSON = "person"
    SYSTEM = "system"
    PLUGIN = "plugin"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Actor:
    """`id` is a person's id, or a stable name such as `system:sweeper`; never a name or an address.

    `token_id` tells which of the person's API tokens spoke, if one did: its own limits hold too.
    """

    kind: ActorKind
    id: str
    ip: str = ""
    token_id: UUID | None = None

    @classmethod
    def person(cls, person_id: UUID, *, ip: str = "", token_id: UUID | None = None) -> Actor:
        return cls(ActorKind.PERSON, str(person_id), ip, token_id)

    @classmethod
    def system(cls, name: str) -> Actor:
        return cls(ActorKind.SYSTEM, f"system:{name}")


ANONYMOUS = Actor(ActorKind.ANONYMOUS, "anonymous")

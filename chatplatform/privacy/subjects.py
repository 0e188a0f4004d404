"""Whose content something is: the owner of the key that it is encrypted with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

SubjectKind = Literal["person", "workspace", "share"]


@dataclass(frozen=True, slots=True)
class Subject:
    """A person, for conversations; a workspace, for what its members share; a share, for what a link shows.

    What a link shows is encrypted twice, with the key of the share and of its person: either gone, nobody reads it.
    """

    kind: SubjectKind
    id: UUID

    @classmethod
    def person(cls, person_id: UUID) -> Subject:
        return cls("person", person_id)

    @classmethod
    def workspace(cls, workspace_id: UUID) -> Subject:
        return cls("workspace", workspace_id)

    @classmethod
    def share(cls, share_id: UUID) -> Subject:
        return cls("share", share_id)

    def to_bytes(self) -> bytes:
        """Kind and id, for authenticated contexts and keyed hashes."""
        return self.kind.encode() + b":" + self.id.bytes

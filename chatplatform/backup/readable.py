"""Whose conversations could be read after a restore, and whose not, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import DatabaseError
from pydantic import TypeAdapter

from chatplatform.backup import contents, databases
from chatplatform.backup.manifest import KeyEntry, Subject
from chatplatform.common.errors import PlatformError
from chatplatform.privacy.master_key import master_keyring
from chatplatform.privacy.models import DataKey

_SUBJECTS = TypeAdapter(list[Subject])
_ENTRIES = TypeAdapter(list[KeyEntry])


@dataclass(frozen=True, slots=True)
class Readability:
    """People, and their conversations, that could not be read; `erased` people were made so on purpose."""

    people: int
    conversations: int
    erased: int
    master_keys: tuple[str, ...]
    own_master_key: str

    def explained(self) -> str:
        """One sentence on what would be lost, and what to do about it."""
        lost = f"{self.conversations} conversations of {self.people} people could not be read afterwards: "
        if self.master_keys:
            wanted = ", ".join(self.master_keys)
            return lost + (
                f"their keys are wrapped by the master key {wanted}, and this installation has "
                f"{self.own_master_key or 'none'}. Put the right one into secrets/master.key or "
                "CHATPLATFORM_MASTER_KEY."
            )
        return lost + "their keys are not here. Name the archive of the keys with --keys."


def readability(data: Path, keys: Path | None) -> Readability:
    """Compare the people of the unpacked archive with the unpacked keys, or with this installation's key store."""
    subjects = _SUBJECTS.validate_json((data / contents.SUBJECTS).read_bytes())
    entries = _ENTRIES.validate_json((keys / contents.KEY_LIST).read_bytes()) if keys else _own_entries()
    return _compared(subjects, entries)


def _compared(subjects: Sequence[Subject], entries: Iterable[KeyEntry]) -> Readability:
    kind = "person"
    by_person = {entry.id: entry for entry in entries if entry.kind == kind}
    own = _own_master_key()
    people = conversations = erased = 0
    foreign: set[str] = set()
    for subject in subjects:
        entry = by_person.get(subject.id)
        if entry is not None and entry.destroyed_at is not None:
            erased += 1
        elif entry is None or entry.master_key != own:
            people += 1
            conversations += subject.conversations
            foreign |= {entry.master_key} if entry is not None else set()
    return Readability(people, conversations, erased, tuple(sorted(foreign)), own)


def _own_entries() -> list[KeyEntry]:
    try:
        if databases.is_empty("keys"):
            return []
        rows = DataKey.objects.values_list("subject_kind", "subject_id", "master_key", "destroyed_at")
        return [
            KeyEntry(kind=kind, id=str(who), master_key=key, destroyed_at=gone)
            for kind, who, key, gone in rows.iterator()
        ]
    except DatabaseError:
        return []


def _own_master_key() -> str:
    try:
        return master_keyring().fingerprint
    except PlatformError:
        return ""

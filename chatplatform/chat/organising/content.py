"""Names and instructions: what is encrypted, and in which context it may be read again."""

from __future__ import annotations

from uuid import UUID

from chatplatform.chat.organising.models import Folder, Tag
from chatplatform.privacy.content import decrypt_text, encrypt_text
from chatplatform.privacy.subjects import Subject


def sealed_folder_name(owner: Subject, folder_id: UUID, name: str) -> bytes:
    return encrypt_text(owner, name, context=f"folder:{folder_id}")


def sealed_instructions(owner: Subject, folder_id: UUID, text: str) -> bytes:
    """Empty for none."""
    return encrypt_text(owner, text, context=f"folder instructions:{folder_id}") if text else b""


def sealed_tag_name(owner: Subject, tag_id: UUID, name: str) -> bytes:
    return encrypt_text(owner, name, context=f"tag:{tag_id}")


def folder_name(folder: Folder) -> str:
    owner = Subject.person(folder.owner_id)
    return decrypt_text(owner, bytes(folder.name), context=f"folder:{folder.id}")


def instructions_of(folder: Folder) -> str:
    if not folder.instructions:
        return ""
    owner = Subject.person(folder.owner_id)
    return decrypt_text(owner, bytes(folder.instructions), context=f"folder instructions:{folder.id}")


def tag_name(tag: Tag) -> str:
    return decrypt_text(Subject.person(tag.owner_id), bytes(tag.name), context=f"tag:{tag.id}")

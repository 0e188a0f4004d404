"""Folders and tags: made, changed, deleted. Each act is one transaction with its audit event."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from chatplatform.audit.services import Target, record
from chatplatform.chat.announcements import announce
from chatplatform.chat.models import Announcement, Conversation
from chatplatform.chat.organising import audit_events as events
from chatplatform.chat.organising import limits
from chatplatform.chat.organising.content import (
    folder_name,
    sealed_folder_name,
    sealed_instructions,
    sealed_tag_name,
    tag_name,
)
from chatplatform.chat.organising.models import ConversationTag, Folder, Tag
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, InvalidInput, NotFound
from chatplatform.common.ids import new_id
from chatplatform.common.scope import current_workspace_id
from chatplatform.privacy.subjects import Subject
from chatplatform.text_search.folding import folded


def create_folder(name: str, *, instructions: str = "", actor: Actor) -> Folder:
    """Raises InvalidInput for an empty or long text, Conflict for a name that is taken or too many folders."""
    name, instructions = _checked_name(name), _checked_instructions(instructions)
    person_id = UUID(actor.id)
    with transaction.atomic():
        others = list(Folder.objects.filter(owner_id=person_id))
        if len(others) >= limits.FOLDERS:
            raise Conflict(
                "too_many_folders",
                _("You have %(n)d folders, which is the limit. Delete one first.") % {"n": limits.FOLDERS},
            )
        _not_taken(name, map(folder_name, others))
        folder_id, owner = new_id(), Subject.person(person_id)
        folder = Folder.objects.create(
            id=folder_id,
            workspace_id=current_workspace_id(),
            owner_id=person_id,
            name=sealed_folder_name(owner, folder_id, name),
            instructions=sealed_instructions(owner, folder_id, instructions),
        )
        record(
            events.FOLDER_CREATED,
            actor=actor,
            workspace_id=folder.workspace_id,
            target=Target("folder", str(folder_id)),
            details={"has_instructions": bool(instructions)},
        )
    return folder


def change_folder(
    folder_id: UUID, *, name: str | None = None, instructions: str | None = None, actor: Actor
) -> Folder:
    """Give a folder another name, other instructions, or both; None leaves what is there. Instructions hold from the
    next answer on. Raises NotFound, InvalidInput and Conflict."""
    person_id = UUID(actor.id)
    with transaction.atomic():
        folder = own_folder(folder_id, person_id, lock=True)
        owner = Subject.person(person_id)
        if name is not None:
            name = _checked_name(name)
            others = Folder.objects.filter(owner_id=person_id).exclude(id=folder_id)
            _not_taken(name, map(folder_name, others))
            folder.name = sealed_folder_name(owner, folder_id, name)
        if instructions is not None:
            folder.instructions = sealed_instructions(owner, folder_id, _checked_instructions(instructions))
            folder.version += 1
        folder.save(update_fields=["name", "instructions", "version"])
        record(
            events.FOLDER_CHANGED,
            actor=actor,
            workspace_id=folder.workspace_id,
            target=Target("folder", str(folder_id)),
            details={"version": folder.version, "has_instructions": bool(folder.instructions)},
        )
    return folder


def delete_folder(folder_id: UUID, *, actor: Actor) -> None:
    """Delete a folder; its conversations stay and go back to the list. Raises NotFound."""
    with transaction.atomic():
        folder = own_folder(folder_id, UUID(actor.id), lock=True)
        held = list(Conversation.objects.filter(folder=folder))
        Conversation.objects.filter(folder=folder).update(folder=None)
        for conversation in held:
            announce(Announcement.Kind.CONVERSATION, conversation)
        record(
            events.FOLDER_DELETED,
            actor=actor,
            workspace_id=folder.workspace_id,
            target=Target("folder", str(folder_id)),
            details={"conversations": len(held)},
        )
        folder.delete()


def create_tag(name: str, *, actor: Actor) -> Tag:
    """The tag with this name, made unless it is there. Raises InvalidInput, and Conflict for too many."""
    name = _checked_name(name)
    person_id = UUID(actor.id)
    with transaction.atomic():
        others = list(Tag.objects.filter(owner_id=person_id))
        same = next((tag for tag in others if folded(tag_name(tag)) == folded(name)), None)
        if same is not None:
            return same
        if len(others) >= limits.TAGS:
            raise Conflict(
                "too_many_tags",
                _("You have %(n)d tags, which is the limit. Delete one first.") % {"n": limits.TAGS},
            )
        tag_id = new_id()
        tag = Tag.objects.create(
            id=tag_id,
            workspace_id=current_workspace_id(),
            owner_id=person_id,
            name=sealed_tag_name(Subject.person(person_id), tag_id, name),
        )
        record(
            events.TAG_CREATED,
            actor=actor,
            workspace_id=tag.workspace_id,
            target=Target("tag", str(tag_id)),
        )
    return tag


def rename_tag(tag_id: UUID, name: str, *, actor: Actor) -> Tag:
    """Raises NotFound, InvalidInput, and Conflict for a name that is taken."""
    name = _checked_name(name)
    person_id = UUID(actor.id)
    with transaction.atomic():
        tag = own_tag(tag_id, person_id, lock=True)
        _not_taken(name, map(tag_name, Tag.objects.filter(owner_id=person_id).exclude(id=tag_id)))
        tag.name = sealed_tag_name(Subject.person(person_id), tag_id, name)
        tag.save(update_fields=["name"])
        record(
            events.TAG_RENAMED, actor=actor, workspace_id=tag.workspace_id, target=Target("tag", str(tag_id))
        )
    return tag


def delete_tag(tag_id: UUID, *, actor: Actor) -> None:
    """Take a tag from all conversations and delete it. Raises NotFound."""
    with transaction.atomic():
        tag = own_tag(tag_id, UUID(actor.id), lock=True)
        marked = list(Conversation.objects.filter(conversation_tags__tag=tag))
        ConversationTag.objects.filter(tag=tag).delete()
        for conversation in marked:
            announce(Announcement.Kind.CONVERSATION, conversation)
        record(
            events.TAG_DELETED,
            actor=actor,
            workspace_id=tag.workspace_id,
            target=Target("tag", str(tag_id)),
            details={"conversations": len(marked)},
        )
        tag.delete()


def own_folder(folder_id: UUID, person_id: UUID, *, lock: bool = False) -> Folder:
    """Raises NotFound for what does not exist or is another person's."""
    rows = Folder.objects.select_for_update() if lock else Folder.objects.all()
    folder = rows.filter(id=folder_id, owner_id=person_id).first()
    if folder is None:
        raise NotFound("folder_not_found", _("This folder does not exist any more, or it is not yours."))
    return folder


def own_tag(tag_id: UUID, person_id: UUID, *, lock: bool = False) -> Tag:
    """Raises NotFound for what does not exist or is another person's."""
    rows = Tag.objects.select_for_update() if lock else Tag.objects.all()
    tag = rows.filter(id=tag_id, owner_id=person_id).first()
    if tag is None:
        raise NotFound("tag_not_found", _("This tag does not exist any more, or it is not yours."))
    return tag


def _checked_name(name: str) -> str:
    name = " ".join(name.replace("\x00", "").split())
    if not folded(name):
        raise InvalidInput("name_empty", _("Type a name first."))
    if len(name) > limits.NAME_CHARS:
        raise InvalidInput(
            "name_too_long", _("A name has at most %(n)d characters.") % {"n": limits.NAME_CHARS}
        )
    return name


def _checked_instructions(text: str) -> str:
    text = text.replace("\x00", "").replace("\r\n", "\n").strip()
    if len(text) > limits.INSTRUCTIONS_CHARS:
        raise InvalidInput(
            "instructions_too_long",
            _("These instructions have %(n)d characters; the limit is %(limit)d. Shorten them.")
            % {"n": len(text), "limit": limits.INSTRUCTIONS_CHARS},
        )
    return text


def _not_taken(name: str, others: Iterable[str]) -> None:
    if folded(name) in map(folded, others):
        raise Conflict("name_taken", _("There is one with this name already. Choose another name."))

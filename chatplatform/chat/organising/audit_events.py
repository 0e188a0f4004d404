"""What order writes into the audit log: ids and counts, never a name."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import declare

FOLDER_CREATED = declare("chat.folder.created", summary=_("A folder was made"), fields=("has_instructions",))
FOLDER_CHANGED = declare(
    "chat.folder.changed",
    summary=_("A folder was renamed, or its instructions were changed"),
    fields=("version", "has_instructions"),
)
FOLDER_DELETED = declare(
    "chat.folder.deleted",
    summary=_("A folder was deleted; its conversations stayed"),
    fields=("conversations",),
)
TAG_CREATED = declare("chat.tag.created", summary=_("A tag was made"))
TAG_RENAMED = declare("chat.tag.renamed", summary=_("A tag was renamed"))
TAG_DELETED = declare("chat.tag.deleted", summary=_("A tag was deleted"), fields=("conversations",))
CONVERSATION_ORDERED = declare(
    "chat.conversation.ordered",
    summary=_("A conversation was moved, tagged, pinned or archived, or that was undone"),
    fields=("act", "folder_id", "tag_id"),
)

"""What sharing writes into the audit log: that something was shared, taken or brought, never what."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import declare

POLICY_CHANGED = declare(
    "sharing.policy.changed",
    summary=_("What members may share by link was changed"),
    fields=("workspace_links", "public_links", "longest_days", "links_ended", "links_shortened"),
    level="warning",
)
SHARE_MADE = declare(
    "sharing.link.made",
    summary=_("A conversation was shared by link"),
    fields=("conversation_id", "audience", "messages", "shows_name", "expires_at"),
    level="notice",
)
SHARE_UPDATED = declare(
    "sharing.link.updated",
    summary=_("A shared conversation was brought up to date"),
    fields=("conversation_id", "audience", "messages", "shows_name", "expires_at"),
    level="notice",
)
SHARE_ENDED = declare(
    "sharing.link.ended",
    summary=_("A link to a conversation was ended"),
    fields=("audience", "reason", "owner"),
    level="notice",
)
SHARE_COPIED = declare(
    "sharing.link.copied",
    summary=_("A shared conversation was copied, to go on with it"),
    fields=("conversation_id", "messages"),
)
CONVERSATION_EXPORTED = declare(
    "sharing.conversation.exported",
    summary=_("A conversation was taken away as a file"),
    fields=("format", "owner", "reason"),
    level="notice",
)
EXPORT_STARTED = declare(
    "sharing.export.started",
    summary=_("A file of conversations was asked for"),
    fields=("format", "conversations", "owner"),
    level="notice",
)
EXPORT_MADE = declare(
    "sharing.export.made",
    summary=_("A file of conversations was made"),
    fields=("format", "conversations", "size_bytes"),
)
EXPORT_TAKEN = declare(
    "sharing.export.taken",
    summary=_("A file of conversations was taken away"),
    fields=("format", "conversations", "size_bytes", "owner", "reason"),
    level="notice",
)
EXPORT_REMOVED = declare("sharing.export.removed", summary=_("A file of conversations was removed"))
IMPORT_STARTED = declare(
    "sharing.import.started",
    summary=_("A file of conversations was brought in"),
    fields=("size_bytes", "owner"),
    level="notice",
)
CONVERSATION_IMPORTED = declare(
    "sharing.conversation.imported",
    summary=_("A conversation was made from a file"),
    fields=("messages", "kind", "file_id"),
)
IMPORT_FINISHED = declare(
    "sharing.import.finished",
    summary=_("A file of conversations was read"),
    fields=("kind", "found", "imported", "repeated", "refused"),
)
IMPORT_REMOVED = declare("sharing.import.removed", summary=_("A file that was brought in was removed"))

"""What the prompts write into the audit log: hashes and numbers, never the text."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import declare

PROMPT_CREATED = declare("prompts.prompt.created", summary=_("A prompt was made"))
PROMPT_RENAMED = declare("prompts.prompt.renamed", summary=_("A prompt was renamed"))
PROMPT_RETIRED = declare("prompts.prompt.retired", summary=_("A prompt was taken out of use"))
PROMPT_REVIVED = declare("prompts.prompt.revived", summary=_("A prompt was taken into use again"))
VERSION_SAVED = declare(
    "prompts.version.saved",
    summary=_("A version of a prompt was saved"),
    fields=("prompt_id", "number", "sha256", "characters"),
)
LABEL_MOVED = declare(
    "prompts.label.moved",
    summary=_("A label was moved to a version of a prompt"),
    fields=("label", "version_id", "number", "from_version_id", "kind"),
)
LABEL_REMOVED = declare(
    "prompts.label.removed",
    summary=_("A label was taken off a prompt"),
    fields=("label", "from_version_id"),
)
ASSISTANT_CREATED = declare(
    "prompts.assistant.created",
    summary=_("An assistant was made"),
    fields=("prompt_id", "is_default", "is_demo"),
)
ASSISTANT_CHANGED = declare(
    "prompts.assistant.changed",
    summary=_("An assistant was changed"),
    fields=("changed", "prompt_id", "model", "audience", "groups"),
)
ASSISTANT_DEFAULT = declare(
    "prompts.assistant.made_default",
    summary=_("An assistant became the one for new chats"),
    fields=("before",),
)
ASSISTANT_ARCHIVED = declare("prompts.assistant.archived", summary=_("An assistant was archived"))
ASSISTANT_RESTORED = declare("prompts.assistant.restored", summary=_("An archived assistant was restored"))
ASSISTANT_REMOVED = declare("prompts.assistant.removed", summary=_("An assistant was removed"))

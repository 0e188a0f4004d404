"""What temporary chats write into the audit log: ids and counts, as of every other chat, and never a word."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import declare

TURN_STARTED = declare(
    "chat.temporary.turn_started",
    summary=_("A person asked in a temporary chat and a turn began"),
    fields=("conversation_id", "characters", "regenerated", "begins_conversation"),
)
TURN_FINISHED = declare(
    "chat.temporary.turn_finished",
    summary=_("A turn of a temporary chat ended"),
    fields=(
        "state",
        "error_code",
        "model",
        "model_sha256",
        "prompt_version_id",
        "prompt_tokens",
        "cached_tokens",
        "completion_tokens",
        "messages_left_out",
        "left_out_reason",
        "context_retries",
    ),
)
KEPT = declare(
    "chat.temporary.kept",
    summary=_("A temporary chat was kept: it is a conversation now"),
    fields=("conversation_id", "messages"),
)
ENDED = declare(
    "chat.temporary.ended",
    summary=_("A temporary chat ended and its messages are gone"),
    fields=("reason", "messages"),
)
POLICY_CHANGED = declare(
    "chat.temporary.policy_changed",
    summary=_("What holds for temporary chats was changed"),
    fields=("mode", "roles"),
    level="notice",
)

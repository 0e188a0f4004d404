"""What the chat writes into the audit log."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import declare

CONVERSATION_RENAMED = declare(
    "chat.conversation.renamed", summary=_("A conversation was renamed"), fields=("origin",)
)
CONVERSATION_DELETED = declare(
    "chat.conversation.deleted",
    summary=_("A conversation was deleted with all its messages"),
    fields=("messages",),
)
TURN_STARTED = declare(
    "chat.turn.started",
    summary=_("A person asked and a turn began"),
    fields=("conversation_id", "question_id", "characters", "regenerated", "begins_conversation"),
)
TURN_RETRIED = declare("chat.turn.retried", summary=_("A failed turn was taken up again"))
TURN_CONTINUED = declare(
    "chat.turn.continued",
    summary=_("A turn was continued after its process had died"),
    fields=("attempt",),
)
TURN_STOP_REQUESTED = declare("chat.turn.stop_requested", summary=_("A person stopped an answer"))
TURN_FINISHED = declare(
    "chat.turn.finished",
    summary=_("A turn ended"),
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
SOCKET_REFUSED = declare(
    "chat.socket.refused", summary=_("A websocket was refused"), fields=("reason",), level="warning"
)

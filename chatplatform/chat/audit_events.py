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
    fields=(
        "conversation_id",
        "question_id",
        "characters",
        "regenerated",
        "edited",
        "queued",
        "begins_conversation",
    ),
)
MESSAGE_EDITED = declare(
    "chat.message.edited",
    summary=_("A person put a message into other words; the earlier ones are kept"),
    fields=("conversation_id", "before_id", "answered"),
)
BRANCH_SHOWN = declare(
    "chat.branch.shown", summary=_("Another branch of a conversation is shown"), fields=("message_id",)
)
CONVERSATION_FORKED = declare(
    "chat.conversation.forked",
    summary=_("A conversation was begun with the messages of another"),
    fields=("from_id", "message_id", "messages"),
)
ASSISTANT_CHOSEN = declare(
    "chat.assistant.chosen",
    summary=_("Another assistant or model answers in a conversation"),
    fields=("assistant_id", "model"),
)
ANSWER_CONTINUED = declare(
    "chat.answer.continued",
    summary=_("A person had an answer continued that was stopped or cut"),
    fields=("characters",),
)
MESSAGE_QUEUED = declare(
    "chat.queue.added",
    summary=_("A message waits until the running answer is over"),
    fields=("conversation_id", "characters"),
)
MESSAGE_TAKEN_BACK = declare(
    "chat.queue.taken_back", summary=_("A waiting message was taken back"), fields=("conversation_id",)
)
MESSAGE_REFUSED = declare(
    "chat.queue.refused",
    summary=_("A waiting message could not be sent and still waits"),
    fields=("conversation_id", "code"),
    level="warning",
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
        "prompt_commitment",
    ),
)
SOCKET_REFUSED = declare(
    "chat.socket.refused", summary=_("A websocket was refused"), fields=("reason",), level="warning"
)

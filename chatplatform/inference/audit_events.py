"""What inference writes into the audit log."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import declare

MODEL_CALL_OPENED = declare(
    "inference.model_call.opened",
    summary=_("A prompt was about to be sent to a model"),
    fields=("kind", "purpose", "model", "destination", "is_local", "turn_id", "messages_left_out"),
)
MODEL_CALL_CLOSED = declare(
    "inference.model_call.closed",
    summary=_("A call of a model ended"),
    fields=(
        "state",
        "error_code",
        "model",
        "model_sha256",
        "prompt_tokens",
        "cached_tokens",
        "completion_tokens",
    ),
)
CACHE_FORGOTTEN = declare(
    "inference.cache.forgotten",
    summary=_("Engines were told to forget what they had read for somebody"),
    fields=("conversation_id", "engines"),
)
MODEL_CHOSEN = declare(
    "inference.model.chosen",
    summary=_("Another model was chosen to answer"),
    fields=("role", "model", "instead_of"),
    level="notice",
)
MODEL_ASKED_FOR = declare(
    "inference.model.asked_for",
    summary=_("A model was to be fetched, and its licence was accepted"),
    fields=("model", "licence", "sha256"),
    level="notice",
)
MODEL_FETCHED = declare(
    "inference.model.fetched",
    summary=_("A model was fetched and its files are right"),
    fields=("model", "sha256"),
)
MODEL_VERIFIED = declare(
    "inference.model.verified",
    summary=_("The files of a model were read from beginning to end"),
    fields=("model", "is_right"),
)
MODEL_REMOVED = declare(
    "inference.model.removed",
    summary=_("The files of a model were deleted"),
    fields=("model", "bytes"),
    level="notice",
)
MODEL_ADDED = declare(
    "inference.model.added",
    summary=_("A model of one's own was added from a file on the server"),
    fields=("model", "licence", "sha256"),
    level="notice",
)
MODEL_QUANTISED = declare(
    "inference.model.quantised",
    summary=_("A model was made anew with weights of another type"),
    fields=("model", "made_from", "sha256"),
    level="notice",
)
MODEL_ENCRYPTED = declare(
    "inference.model.encrypted",
    summary=_("The file of a model was encrypted"),
    fields=("model",),
    level="notice",
)
MODEL_DECRYPTED = declare(
    "inference.model.decrypted",
    summary=_("The file of a model was decrypted and lies plainly on the disk"),
    fields=("model",),
    level="notice",
)

"""What looking inside writes into the audit log."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import declare

ANSWER_REPLAYED = declare(
    "chat.answer.replayed",
    summary=_("The prompt of an answer was sent to the model again, beside the conversation"),
    fields=("request", "model", "prompt_commitment"),
)

"""What can go wrong between the platform and a model."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chatplatform.common.errors import InvalidInput, PlatformError, TooMany, Unavailable


class EngineUnavailable(Unavailable):
    """The engine is down, died in the middle or is loading: the same call may succeed in a moment."""

    def __init__(self, code: str = "engine_unavailable", message: str | Promise = "") -> None:
        super().__init__(
            code, message or _("The model does not answer. It is tried again in a moment."), retry_after_s=1
        )


class QueueFull(TooMany):
    """More calls wait for the engine than it takes."""

    def __init__(self, *, retry_after_s: float | None = None) -> None:
        super().__init__(
            "queue_full",
            _("Too many questions are waiting for the model. Try again in a moment."),
            retry_after_s=retry_after_s or 5,
        )


class ContextOverflow(InvalidInput):
    """The prompt is longer than the model can read. Counts in tokens; 0 where the engine does not say."""

    def __init__(self, *, prompt_tokens: int, context_tokens: int) -> None:
        super().__init__("context_overflow", _("This is longer than the model can read. Shorten it."))
        self.prompt_tokens = prompt_tokens
        self.context_tokens = context_tokens


class SchemaUnusable(InvalidInput):
    """The answer was to have a shape that the engine cannot hold it to."""

    def __init__(self) -> None:
        super().__init__(
            "schema_unusable",
            _(
                "The schema of a tool or of the answer is too large, or says strictly what cannot be held to. "
                "Simplify it, or leave “strict” out."
            ),
        )


class EngineRefused(PlatformError):
    """The engine will not do this, however often it is asked: wrong token, unknown model, bad request."""

    status = 502

    def __init__(self, code: str = "engine_refused", message: str | Promise = "") -> None:
        super().__init__(code, message or _("The model refused this request. An administrator has to look."))


class RecordUnavailable(Unavailable):
    """The call could not be recorded, so it was not made."""

    def __init__(self) -> None:
        super().__init__(
            "record_unavailable",
            _("This could not be recorded, so the model was not asked. Try again in a moment."),
            retry_after_s=5,
        )

"""Assistants as models of the OpenAI protocol."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext as _

from chatplatform.common.errors import NotFound
from chatplatform.prompts.queries import ReleasedPrompt, assistants, released_prompt

DEFAULT = "default"


class ModelNotFound(NotFound):
    """There is no such assistant, or it is not for this person: the two look the same."""

    def __init__(self) -> None:
        super().__init__(
            "model_not_found",
            _("There is no such model. GET /v1/models lists the assistants that you may talk to."),
        )
        self.param = "model"


def prompt_of(model: str, *, reader_id: UUID) -> ReleasedPrompt:
    """The released prompt of the assistant that goes by this id or name, or `default`. Raises ModelNotFound."""
    try:
        return released_prompt(assistant_id(model, reader_id=reader_id), reader_id=reader_id)
    except NotFound:
        raise ModelNotFound from None


def assistant_id(model: str, *, reader_id: UUID) -> UUID | None:
    """None stands for the default one. Raises ModelNotFound."""
    if model == DEFAULT:
        return None
    try:
        return UUID(model)
    except ValueError:
        pass
    wanted = model.casefold()
    for language in ("en", None):
        for assistant in assistants(language, reader_id=reader_id):
            if assistant.name.casefold() == wanted:
                return assistant.id
    raise ModelNotFound

"""How an assistant answers: the few settings that may be stored, with their limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chatplatform.common.errors import InvalidInput
from chatplatform.inference.events import Sampling


class SamplingSettings(BaseModel):
    """Overrides of the platform's own sampling; what is not set follows it. Names and meanings as in Sampling.

    `first_word_s` is no part of it: the wished time to the first word, for which older messages are left out;
    nor are `summaries`, whether these are summarised, and `thinking`, whether people are shown what the model thinks
    before it answers, which None leaves on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=0, le=1000)
    min_p: float | None = Field(None, ge=0, le=1)
    repeat_penalty: float | None = Field(None, ge=0.5, le=2)
    seed: int | None = Field(None, ge=0, lt=2**32)
    max_tokens: int | None = Field(None, ge=1, le=32_768)
    stop: tuple[str, ...] | None = Field(None, max_length=8)
    first_word_s: float | None = Field(None, ge=0, le=600)
    summaries: bool | None = None
    thinking: bool | None = None

    def stored(self) -> dict[str, Any]:
        """What goes into the row: the settings that are set."""
        return self.model_dump(mode="json", exclude_none=True)

    def resolved(self) -> Sampling:
        return Sampling(
            **self.model_dump(exclude_none=True, exclude={"first_word_s", "summaries", "thinking"})
        )


def parse_sampling(stored: Mapping[str, Any]) -> SamplingSettings:
    """Settings from a row or a form; raises InvalidInput for unknown names and values out of range."""
    try:
        return SamplingSettings.model_validate(dict(stored))
    except ValidationError as error:
        raise InvalidInput(
            "sampling_invalid", _("One of the sampling settings is unknown or out of range.")
        ) from error

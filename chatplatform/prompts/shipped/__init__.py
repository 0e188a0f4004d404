"""The assistants that come with the platform, as data: one TOML file each, beside this module."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chatplatform.prompts.sampling import SamplingSettings

_FOLDER = Path(__file__).parent

GENERAL = "general"
OUTDOOR_SHOP = "outdoor_shop"
DEMO = (OUTDOOR_SHOP,)


class Translation(BaseModel):
    """An assistant's words in one more language."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    description: str = ""


class ShippedAssistant(BaseModel):
    """The content of a file. Keys of `translations` and `starters` are codes of settings.LANGUAGES."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    description: str
    system_text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    sampling: SamplingSettings
    translations: dict[str, Translation] = Field(default_factory=dict)
    starters: dict[str, tuple[str, ...]] = Field(default_factory=dict)


@cache
def shipped_assistant(shipped_id: str) -> ShippedAssistant:
    """The assistant of `<shipped_id>.toml`."""
    with (_FOLDER / f"{shipped_id}.toml").open("rb") as file:
        return ShippedAssistant.model_validate(tomllib.load(file))

"""Which model turns questions into vectors now, and what it reads: vectors of two models cannot be compared, though
they look alike."""

from __future__ import annotations

from time import monotonic
from typing import Final

from django.conf import settings

from chatplatform.common.errors import PlatformError
from chatplatform.inference import gateway
from chatplatform.inference.model_files import catalogue

KNOWN_FOR_S: Final = 60.0

# by the encoder's address: its model, and when it was asked
_known: dict[str, tuple[str, float]] = {}


async def present_encoder() -> str:
    """The name of the model, a minute old at most; empty where the encoder does not say."""
    place = str(settings.ENCODER_URL)
    known = _known.get(place)
    if known is not None and monotonic() - known[1] < KNOWN_FOR_S:
        return known[0]
    try:
        status = await gateway.engine_status("encoder")
    except PlatformError:
        return ""
    serving = status.model("embedding") or next(iter(status.models), None)
    if serving is None:
        return ""
    _known[place] = (serving.id, monotonic())
    return serving.id


def reads_english_only(encoder: str) -> bool:
    """Whether the catalogue says so of the model, be it named as there, by its publisher or by a folder. One that it
    does not know is taken to read everything."""
    name = encoder.rpartition("/")[2].lower()
    return any(model.id == name and model.languages == ("en",) for model in catalogue.shipped())

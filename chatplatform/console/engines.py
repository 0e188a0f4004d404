"""The engines as a page shows them: asked now, and given up on after a moment."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from asgiref.sync import async_to_sync
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chatplatform.inference import gateway
from chatplatform.inference.gateway import EngineFigures, EngineStatus

PATIENCE_S = 3.0
STATES: dict[str, Promise] = {
    "ready": _("Ready"),
    "loading": _("Loading"),
    "error": _("In trouble"),
    "down": _("Does not answer"),
}


@dataclass(frozen=True, slots=True)
class EngineView:
    """An engine with its models. `place` is where it runs, in the words of the settings."""

    title: Promise
    place: str
    is_local: bool
    status: EngineStatus
    figures: EngineFigures

    @property
    def state_label(self) -> Promise | str:
        return STATES.get(self.status.state, self.status.state)


@async_to_sync
async def engines() -> list[EngineView]:
    """Both engines, asked at once."""
    language, encoder, figures = await asyncio.gather(
        _status("llm"), _status("encoder"), gateway.engine_figures("llm")
    )
    return [
        _view(_("Language models"), "chat", language, figures),
        _view(_("Embeddings"), "embedding", encoder, EngineFigures()),
    ]


@async_to_sync
async def language_engine() -> EngineStatus:
    """The engine for language models alone."""
    return await _status("llm")


async def _status(role: gateway.EngineRole) -> EngineStatus:
    try:
        return await asyncio.wait_for(gateway.engine_status(role), PATIENCE_S)
    except TimeoutError:
        return EngineStatus("down")


def _view(title: Promise, model: str, status: EngineStatus, figures: EngineFigures) -> EngineView:
    place = gateway.destination(model)
    return EngineView(title, place.name, place.is_local, status, figures)

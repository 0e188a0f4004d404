"""What an engine of ours says of how it runs its models, and of those that it would load."""

from __future__ import annotations

from typing import Any

import pytest
from django.template.loader import render_to_string

from chatplatform.inference.events import EngineStatus, RunAs
from chatplatform.inference.protocol.openai_models import served_models

LOADED = {
    "id": "big",
    "aliases": ["chat"],
    "state": "loaded",
    "gpu_layers": 3,
    "tuned": {"threads": 2, "kv_type": "q8_0", "measured": True},
}


def test_how_a_model_is_run_is_understood() -> None:
    models = served_models({"data": [LOADED, {"id": "other", "aliases": [], "state": "available"}]}).models
    assert [model.id for model in models] == ["big"], "what is not loaded is not served"
    assert models[0].run_as == RunAs(threads=2, gpu_layers=3, kv_type="q8_0", measured=True)


@pytest.mark.parametrize(
    "entry", [{}, {"tuned": 1}, {"tuned": {}, "gpu_layers": 1}, {"tuned": {"threads": "2"}, "gpu_layers": 1}]
)
def test_other_servers_say_nothing_of_it(entry: dict[str, Any]) -> None:
    assert served_models({"data": [{"id": "big", **entry}]}).models[0].run_as is None


def test_it_is_shown_on_the_page_of_health() -> None:
    status = EngineStatus("ready", served_models({"data": [LOADED]}).models)
    page = render_to_string("console/health/live.html", {"engines": [{"title": "LLM", "status": status}]})
    assert "2 threads, cache in q8_0" in page
    assert "3 layers on the accelerator" in page
    assert "measured best" in page

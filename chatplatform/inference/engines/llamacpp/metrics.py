"""Figures for Prometheus: how much was asked and answered, how fast, and how full the engine is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from chatplatform.common.metrics import exposition
from chatplatform.inference.engines.llamacpp.generation import Finished
from chatplatform.inference.engines.llamacpp.served_model import ServedModel
from chatplatform.inference.engines.llamacpp.step_figures import STEP_FIGURES

_HELP = {
    "requests_total": ("counter", "Chat completions by how they ended."),
    "prompt_tokens_total": ("counter", "Prompt tokens of finished answers."),
    "cached_tokens_total": ("counter", "Prompt tokens that did not have to be read."),
    "completion_tokens_total": ("counter", "Tokens written in finished answers."),
    "running": ("gauge", "Requests being read or written."),
    "queued": ("gauge", "Requests that wait."),
    "cells": ("gauge", "Size of the cache in tokens."),
    "cells_used": ("gauge", "Tokens taken or promised in the cache."),
    "conversations_kept": ("gauge", "Conversations kept in the cache for their owners."),
    "reading_tokens_per_second": ("gauge", "Reading speed, moving average."),
    "writing_tokens_per_second": ("gauge", "Writing speed of one answer, moving average."),
}


class Metrics:
    """Counts on the event loop's thread."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def ended(self, outcome: str, finished: Finished | None = None) -> None:
        self._counts["requests_total", f'{{outcome="{outcome}"}}'] += 1
        if finished is not None:
            self._counts["prompt_tokens_total", ""] += finished.prompt_tokens
            self._counts["cached_tokens_total", ""] += finished.cached_tokens
            self._counts["completion_tokens_total", ""] += finished.completion_tokens

    def text(self, models: Iterable[ServedModel]) -> str:
        """All figures in Prometheus' text format."""
        samples: dict[str, list[str]] = {}
        for (name, labels), value in sorted(self._counts.items()):
            samples.setdefault(name, []).append(f"{labels} {value}")
        for model in models:
            label = f'{{model="{model.id}"}}'.replace("\\", "/")
            for name, figure in _gauges(model).items():
                samples.setdefault(name, []).append(f"{label} {figure}")
        lines: list[str] = []
        for name, (kind, meaning) in _HELP.items():
            full = f"chatplatform_llm_{name}"
            lines += [f"# HELP {full} {meaning}", f"# TYPE {full} {kind}"]
            lines += [f"{full}{sample}" for sample in samples.get(name, ())]
        return "\n".join(lines) + "\n" + exposition(STEP_FIGURES)


def _gauges(model: ServedModel) -> dict[str, float]:
    scheduler = model.scheduler
    return {
        "running": scheduler.running,
        "queued": scheduler.queued,
        "cells": scheduler.cells.context.cells,
        "cells_used": scheduler.sequences.used_cells,
        "conversations_kept": scheduler.sequences.kept,
        "reading_tokens_per_second": round(scheduler.speed.reading_tokens_s or 0, 1),
        "writing_tokens_per_second": round(scheduler.speed.writing_tokens_s or 0, 1),
    }

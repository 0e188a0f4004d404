"""The text format of Prometheus, read: enough of it for the figures of engines."""

from __future__ import annotations

import re

from chatplatform.inference.events import EngineFigures

_SAMPLE = re.compile(r"^(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{[^}]*\})?\s+(?P<value>[-+0-9.eE]+)")
OURS = "chatplatform_llm_"


def sums(text: str) -> dict[str, float]:
    """Every figure by name, summed over its labels; lines that are no samples are left out."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        if sample := _SAMPLE.match(line):
            try:
                value = float(sample["value"])
            except ValueError:
                continue
            found[sample["name"]] = found.get(sample["name"], 0.0) + value
    return found


def figures(text: str) -> EngineFigures:
    """What our own engine tells; of another server nothing is known."""
    found = {name.removeprefix(OURS): value for name, value in sums(text).items() if name.startswith(OURS)}

    def whole(name: str) -> int | None:
        return int(found[name]) if name in found else None

    read = found.get("prompt_tokens_total")
    return EngineFigures(
        running=whole("running"),
        queued=whole("queued"),
        cells=whole("cells"),
        cells_used=whole("cells_used"),
        conversations_kept=whole("conversations_kept"),
        answers=whole("requests_total"),
        cached_share=found.get("cached_tokens_total", 0.0) / read if read else None,
    )

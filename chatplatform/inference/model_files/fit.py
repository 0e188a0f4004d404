"""What this machine can carry, and whether the catalogue holds a better model for it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from chatplatform.inference.model_files.catalogue import CatalogueModel
from chatplatform.installation.machine import look_at_machine
from chatplatform.installation.parts import PARTS
from chatplatform.installation.stamps import read_stamp

# Of the memory, the rest is for the system, the other processes and the file cache.
MODEL_SHARE = 0.7
# People read seven tokens a second or so; and a long question must not take half a minute to be read.
LEAST_WRITING_TOKENS_S = 8.0
LEAST_READING_TOKENS_S = 50.0

CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """`accelerator` names what was found, or is empty; `engine_build` says how llama.cpp was built for it."""

    cores: int
    memory_bytes: int
    available_bytes: int
    accelerator: str
    engine_build: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A better model, and the speeds to expect of it, in tokens a second."""

    model: CatalogueModel
    writing_tokens_s: float
    reading_tokens_s: float


def machine_facts() -> MachineFacts:
    """The machine, or the part of it that this process may use. Takes milliseconds."""
    import psutil

    memory = psutil.virtual_memory()
    machine = look_at_machine()
    stamp = read_stamp(PARTS["llm"])
    accelerator = "NVIDIA" if machine.has_nvidia_gpu else "Metal" if machine.is_apple_silicon else ""
    total = min(memory.total, _limit(memory.total))
    return MachineFacts(
        cores=usable_cores(),
        memory_bytes=total,
        available_bytes=min(memory.available, total),
        accelerator=accelerator,
        engine_build=stamp.detail if stamp else "",
    )


def better_model(
    models: Iterable[CatalogueModel],
    *,
    present: CatalogueModel | None,
    writing_tokens_s: float | None,
    reading_tokens_s: float | None,
    facts: MachineFacts,
) -> Suggestion | None:
    """The best model of `models` that this machine carries at a good speed, if it is better than `present`.

    Both speeds are those measured of `present` here. A token costs the reading of all weights, so speed goes
    down as size goes up. Nothing is suggested before something was measured.
    """
    if present is None or not writing_tokens_s or not reading_tokens_s:
        return None
    found: Suggestion | None = None
    for model in models:
        if model.kind != "chat" or model.rank <= present.rank:
            continue
        ratio = present.download_bytes / model.download_bytes
        suggestion = Suggestion(model, writing_tokens_s * ratio, reading_tokens_s * ratio)
        if (
            model.memory_bytes <= facts.memory_bytes * MODEL_SHARE
            and suggestion.writing_tokens_s >= LEAST_WRITING_TOKENS_S
            and suggestion.reading_tokens_s >= LEAST_READING_TOKENS_S
            and (found is None or model.rank > found.model.rank)
        ):
            found = suggestion
    return found


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _limit(otherwise: int) -> int:
    """What a container may use; without one, everything."""
    for name in CGROUP_LIMITS:
        try:
            text = Path(name).read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            return int(text)
    return otherwise

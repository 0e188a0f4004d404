"""Chooses how a model is run on this machine, by trying for a few seconds when it is used for the first time.

What is there already stays unless something else is clearly better, twice. The choice is kept in the data folder
beside what it depends on, and is made anew when that changes. What was measured while others kept the processors
busy, as at the first start of all, says nothing: it is not kept, and the next start tries again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

from chatplatform.inference.engines.kept_choice import read_choice, write_choice
from chatplatform.inference.engines.llamacpp.context_settings import ContextSettings

log = logging.getLogger(__name__)

LEAST_GAIN = 1.05
BUDGET_S = 12.0
"""Nothing is tried that would not end within this time, by what the first probe took."""
ROUNDS = 2
MOST_OF_OTHERS = 0.25
"""Processors that others may keep busy meanwhile, on average."""
LOOK_S, LOOKS = 0.3, 10
"""So long it is watched beforehand whether they do, and so often: the other processes start at the same time."""
READ_TOKENS, WRITTEN_TOKENS = 300, 150
"""A usual turn, by whose time settings are compared: what is new in the prompt, and the answer."""
FAST_READING = 5000.0
LARGE_BATCH = 2048
"""Whoever reads so many tokens a second, an accelerator, may gain from larger batches."""


@dataclass(frozen=True)
class Speeds:
    """In tokens a second; `crowd` is what several chats write together."""

    reading: float
    writing: float
    crowd: float

    @property
    def turn_s(self) -> float:
        """Of a usual turn, half of whose answer is written alone and half in a crowd."""
        return READ_TOKENS / self.reading + WRITTEN_TOKENS * (1 / self.writing + 1 / self.crowd) / 2


Measure = Callable[[ContextSettings], Speeds | None]
"""Measures for about a second; None when the model cannot be run so."""
Change = Callable[[ContextSettings], ContextSettings]


@dataclass(frozen=True)
class Fingerprint:
    """What a choice depends on. `wished_threads` are the operator's, 0 for none."""

    sha256: str
    library: str
    processor: str
    cores: int
    gpu_layers: int
    wished_threads: int
    memory_short: bool


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid")

    fingerprint: Fingerprint
    settings: ContextSettings
    reading_tokens_s: float
    writing_tokens_s: float
    crowd_tokens_s: float


def cpu_s() -> float:
    """Processor time that everyone has used, in seconds, from some moment on."""
    system = psutil.cpu_times()
    return float(sum(system) - system.idle - getattr(system, "iowait", 0.0) - getattr(system, "guest", 0.0))


def others_cpu_s() -> float:
    """The same without this process."""
    own = psutil.Process().cpu_times()
    return cpu_s() - own.user - own.system


@dataclass(frozen=True)
class SelfBenchmark:
    """`folder` keeps the choices; without one nothing is tried or kept."""

    folder: Path | None
    clock: Callable[[], float] = time.monotonic
    everyone: Callable[[], float] = cpu_s
    others: Callable[[], float] = others_cpu_s
    pause: Callable[[float], None] = time.sleep

    def settings(
        self, fingerprint: Fingerprint, base: ContextSettings, measure: Measure
    ) -> tuple[ContextSettings, bool]:
        """How to run the model, and whether that was chosen by trying, now or before."""
        if self.folder is None:
            return base, False
        # a start with little memory is another case, and must not undo the choice of the usual one
        case = "-short" if fingerprint.memory_short else ""
        path = self.folder / f"{fingerprint.sha256[:32]}{case}.json"
        if (kept := read_choice(path, _Kept)) is not None and kept.fingerprint == fingerprint:
            return kept.settings, True
        if not any(self._is_quiet() for _look in range(LOOKS)):
            log.info(
                "How to run the model is not tried out: the processors are busy. The next start tries again."
            )
            return base, False
        others_before, began = self.others(), self.clock()
        chosen, speeds = choose(base, measure, fingerprint, spent_s=lambda: self.clock() - began)
        if speeds is None:
            return base, False
        seconds = self.clock() - began
        if self.others() - others_before > MOST_OF_OTHERS * seconds:
            log.info(
                "What was tried is not believed: others were busy meanwhile. The next start tries again."
            )
            return base, False
        log.info(
            "Tried for %.1f s how to run the model: %s; "
            "it reads %.0f and writes %.0f tokens a second, %.0f in a crowd.",
            seconds,
            ", ".join(f"{name} {value}" for name, value in asdict(chosen).items()),
            speeds.reading,
            speeds.writing,
            speeds.crowd,
        )
        write_choice(
            path,
            _Kept(
                fingerprint=fingerprint,
                settings=chosen,
                reading_tokens_s=round(speeds.reading, 1),
                writing_tokens_s=round(speeds.writing, 1),
                crowd_tokens_s=round(speeds.crowd, 1),
            ),
        )
        return chosen, True

    def _is_quiet(self) -> bool:
        """Whether the processors are left alone for a moment, by another model of this engine too."""
        began, used_before = self.clock(), self.everyone()
        self.pause(LOOK_S)
        return self.everyone() - used_before <= MOST_OF_OTHERS * max(self.clock() - began, 0.001)


def choose(
    base: ContextSettings, measure: Measure, fingerprint: Fingerprint, *, spent_s: Callable[[], float]
) -> tuple[ContextSettings, Speeds | None]:
    """The best settings found, one change after the other, and their speeds; None when `base` cannot be run."""
    best, best_speeds = base, measure(base)
    if best_speeds is None:
        return base, None
    try_s = 2 * ROUNDS * spent_s()
    for change in _changes(base, best_speeds, fingerprint):
        if spent_s() + try_s > BUDGET_S:
            break
        candidate = change(best)
        # Memory that is short is gained at once: there, not slower is enough.
        least = 1 / LEAST_GAIN if candidate.kv_type != best.kv_type else LEAST_GAIN
        found = _beats(candidate, best, measure, least)
        if found is not None:
            best, best_speeds = candidate, found
    return best, best_speeds


def _beats(
    candidate: ContextSettings, best: ContextSettings, measure: Measure, least: float
) -> Speeds | None:
    """The candidate's speeds when it is better by `least` in every round."""
    found = None
    for _ in range(ROUNDS):
        tried, beside = measure(candidate), measure(best)
        if tried is None or beside is None or beside.turn_s / tried.turn_s < least:
            return None
        found = tried
    return found


def _changes(base: ContextSettings, speeds: Speeds, fingerprint: Fingerprint) -> list[Change]:
    changes: list[Change] = []
    if fingerprint.memory_short:
        changes.append(lambda best: replace(best, kv_type="q8_0", flash_attention="on"))
    if not fingerprint.wished_threads:
        # One left for everyone else; half, for two threads of one core are seldom faster than one.
        cores = fingerprint.cores
        fewer = dict.fromkeys(count for count in (cores - 1, cores // 2) if 0 < count < cores)
        changes += [partial(replace, threads=count) for count in fewer]
    if not fingerprint.memory_short:
        changes.append(lambda best: replace(best, flash_attention="off"))
    if speeds.reading >= FAST_READING:
        changes.append(lambda best: replace(best, batch=LARGE_BATCH))
    return changes

"""Requantise a model for this machine: make it anew in several types, measure all in one run, keep the best.

Which type is fast depends on the processor's instructions, and requantising costs quality: so both are measured.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from chatplatform.common.errors import Conflict
from chatplatform.inference.model_files.benchmarking import measure
from chatplatform.inference.model_files.catalogue_entries import CatalogueModel
from chatplatform.inference.model_files.model_store import home_of
from chatplatform.inference.model_files.quantizing import check_kind, quantize, quantized_id, source_of
from chatplatform.inference.model_files.speeds import remember

KINDS: Final = ("Q4_0", "Q8_0")
# What a question with sources takes: so many tokens are read, and so many written.
READ_TOKENS: Final = 1000
WRITTEN_TOKENS: Final = 150
LEAST_GAIN: Final = 1.1
_MAKING: Final = 0.4

# called with a fraction from 0 to 1, and what is being done: "quantise" or "measure"
Report = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """A model file beside its speeds, in tokens a second."""

    model: CatalogueModel
    reading_tokens_s: float
    writing_tokens_s: float

    @property
    def turn_s(self) -> float:
        """What a question with sources takes, to the last word."""
        return READ_TOKENS / self.reading_tokens_s + WRITTEN_TOKENS / self.writing_tokens_s


@dataclass(frozen=True, slots=True)
class Tuned:
    """The model before, everything that was tried, and the faster one that is kept; None when none is worth it."""

    before: Measured
    tried: tuple[Measured, ...]
    kept: Measured | None


def tune(model_id: str, kinds: Sequence[str], report: Report) -> Tuned:
    """Make, measure and choose; the files of those not kept are deleted, the one kept is still to be registered.

    Raises what `quantize` and `measure` raise; then nothing is left behind.
    """
    model, path = source_of(model_id)
    for kind in kinds:
        check_kind(kind)
    made: list[CatalogueModel] = []
    kept: Measured | None = None
    try:
        for number, kind in enumerate(kinds):
            made.append(_made(model, kind, report, number / len(kinds), 1 / len(kinds)))
        paths = [path, *(home_of(each) / each.files[0].name for each in made)]
        speeds = measure(paths, lambda part: report(_MAKING + (1 - _MAKING) * part, "measure"))
        before, *tried = (Measured(each, *speed) for each, speed in zip([model, *made], speeds, strict=True))
        for one in (before, *tried):
            _remember(one)
        best = min(tried, key=lambda one: one.turn_s)
        kept = best if before.turn_s >= LEAST_GAIN * best.turn_s else None
    finally:
        for each in made:
            if kept is None or each.id != kept.model.id:
                shutil.rmtree(home_of(each), ignore_errors=True)
    return Tuned(before, tuple(tried), kept)


def _made(model: CatalogueModel, kind: str, report: Report, start: float, share: float) -> CatalogueModel:
    try:
        return quantize(model.id, kind, lambda part: report(_MAKING * (start + share * part), "quantise"))
    except Conflict as error:
        if error.code == "model_id_taken":
            raise Conflict("model_tuned_before", _taken(quantized_id(model.id, kind))) from error
        raise


def _taken(model_id: str) -> str:
    return f"{model_id} is here already: measure it with models bench, or delete it and tune again."


def _remember(one: Measured) -> None:
    file = one.model.files[0]
    remember(
        file.sha256,
        reading_tokens_s=one.reading_tokens_s,
        writing_tokens_s=one.writing_tokens_s,
        file_bytes=file.size,
    )

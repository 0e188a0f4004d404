"""Chooses in which numbers a model computes on this machine, by trying when it is used for the first time.

What is exact stays unless something else is clearly faster and gives nearly the same vectors. The choice is kept in the
data folder beside what it depends on, and is made anew when that changes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from chatplatform.inference.engines.encoder.precision import PRECISIONS, Precision
from chatplatform.inference.engines.kept_choice import read_choice, write_choice

log = logging.getLogger(__name__)

LEAST_GAIN = 1.2
LEAST_COSINE = 0.99
"""Of every vector with the exact one of the same text: below it, rankings change visibly."""

Vectors = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Tried:
    """What a trial gave: speed in tokens a second of processor time, and the vectors of the trial's texts."""

    tokens_s: float
    vectors: Vectors


Trial = Callable[[Precision], Tried | None]
"""Tries for about a second; None when the model cannot be run so here."""


@dataclass(frozen=True)
class Fingerprint:
    """What a choice depends on: the model's file, the libraries' versions, the processor."""

    sha256: str
    libraries: str
    processor: str


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid")

    fingerprint: Fingerprint
    precision: Precision
    tokens_s: float


@dataclass(frozen=True)
class PrecisionChoice:
    """`folder` keeps the choices; without one nothing is tried, and the model computes exactly."""

    folder: Path | None

    def precision(self, fingerprint: Fingerprint, trial: Trial) -> Precision:
        if self.folder is None:
            return PRECISIONS[0]
        path = self.folder / f"{fingerprint.sha256[:32]}.json"
        kept = read_choice(path, _Kept)
        if kept is not None and kept.fingerprint == fingerprint:
            return kept.precision
        chosen, tokens_s = choose(trial)
        write_choice(path, _Kept(fingerprint=fingerprint, precision=chosen, tokens_s=round(tokens_s, 1)))
        return chosen


def choose(trial: Trial) -> tuple[Precision, float]:
    """The fastest precision whose vectors are near enough, and its tokens a second: 0 if not even the first runs."""
    best: Precision = PRECISIONS[0]
    exact = trial(best)
    if exact is None:
        return best, 0.0
    fastest = exact.tokens_s
    for precision in PRECISIONS[1:]:
        tried = trial(precision)
        if tried is None:
            log.info("The model is not run in %s here.", precision)
            continue
        cosine = least_cosine(exact.vectors, tried.vectors)
        log.info(
            "In %s the model reads %.0f tokens a second instead of %.0f; cosine with the exact vectors %.4f.",
            precision,
            tried.tokens_s,
            exact.tokens_s,
            cosine,
        )
        least = fastest * LEAST_GAIN if best == PRECISIONS[0] else fastest
        if cosine >= LEAST_COSINE and tried.tokens_s >= least:
            best, fastest = precision, tried.tokens_s
    return best, fastest


def least_cosine(ones: Vectors, others: Vectors) -> float:
    """The smallest cosine of vectors of length 1 at the same places; not a number counts as -1."""
    found = [
        sum(a * b for a, b in zip(one, other, strict=True)) for one, other in zip(ones, others, strict=True)
    ]
    return min((cosine if cosine == cosine else -1.0 for cosine in found), default=-1.0)

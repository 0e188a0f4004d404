"""How sure it is that the best passage answers, as a probability, and the threshold below which nothing is said.

The order of passages compares scores of one query; whether any of them answers needs figures that mean the same for
every query: the cosine of the best passage, and its coverage of the query's words. Logistic regression makes them a
probability (Platt, Probabilistic Outputs for Support Vector Machines, 1999, with his targets, which keep a few
questions from making it certain). Cosines differ by encoder, so every encoder has a calibration of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

ROUNDS: Final = 50
# draws the weights to 0 a little, so that questions that part perfectly have an answer too
RIDGE: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of the best passage: its cosine with the query, -1 to 1, and its coverage of the query's words, 0 to 1."""

    cosine: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The log-odds that a passage answers: intercept + cosine * its weight + coverage * its weight."""

    intercept: float
    cosine: float
    coverage: float

    def confidence(self, evidence: Evidence) -> float:
        """The probability that the passage answers, above 0 and below 1."""
        return _logistic(self.intercept + self.cosine * evidence.cosine + self.coverage * evidence.coverage)


def calibrated(seen: Sequence[tuple[Evidence, bool]]) -> Calibration:
    """The calibration under which what was seen is most probable: evidence, and whether the passage did answer.

    Newton's method on a few numbers: milliseconds for hundreds of questions. Raises ValueError unless some answered
    and some did not.
    """
    right = sum(answered for _, answered in seen)
    wrong = len(seen) - right
    if not right or not wrong:
        raise ValueError("a calibration needs questions that were answered, and questions that were not")
    targets = ((right + 1) / (right + 2), 1 / (wrong + 2))
    rows = [((1.0, one.cosine, one.coverage), targets[0 if answered else 1]) for one, answered in seen]
    weights = [math.log(right / wrong), 0.0, 0.0]
    for _ in range(ROUNDS):
        slope, curve = _slope_and_curve(rows, weights)
        step = _solved(curve, slope)
        weights = [weight + change for weight, change in zip(weights, step, strict=True)]
        if max(map(abs, step)) < 1e-9:
            break
    return Calibration(*weights)


def threshold_for(seen: Sequence[tuple[float, bool]], wrongly_refused: float) -> float:
    """The highest confidence to ask for at which at most this share of what was right is refused.

    `seen` is confidences and whether the passage did answer. 0 where nothing was right.
    """
    right = sorted(confidence for confidence, answered in seen if answered)
    return right[math.floor(len(right) * wrongly_refused)] if right and wrongly_refused < 1 else 0.0


def _slope_and_curve(
    rows: Sequence[tuple[tuple[float, ...], float]], weights: Sequence[float]
) -> tuple[list[float], list[list[float]]]:
    size = len(weights)
    slope = [-RIDGE * weight for weight in weights]
    curve = [[RIDGE if row == column else 0.0 for column in range(size)] for row in range(size)]
    for values, target in rows:
        guess = _logistic(sum(weight * value for weight, value in zip(weights, values, strict=True)))
        for row in range(size):
            slope[row] += (target - guess) * values[row]
            for column in range(size):
                curve[row][column] += guess * (1 - guess) * values[row] * values[column]
    return slope, curve


def _solved(matrix: Sequence[Sequence[float]], wanted: Sequence[float]) -> list[float]:
    """Gaussian elimination; the matrix is symmetric and positive definite, so no rows need changing places."""
    rows = [[*row, value] for row, value in zip(matrix, wanted, strict=True)]
    for at, pivot in enumerate(rows):
        for below in rows[at + 1 :]:
            factor = below[at] / pivot[at]
            for column in range(at, len(pivot)):
                below[column] -= factor * pivot[column]
    found = [0.0] * len(rows)
    for at in reversed(range(len(rows))):
        known = sum(rows[at][column] * found[column] for column in range(at + 1, len(rows)))
        found[at] = (rows[at][-1] - known) / rows[at][at]
    return found


def _logistic(value: float) -> float:
    if value >= 0:
        return 1 / (1 + math.exp(-min(value, 700.0)))
    odds = math.exp(max(value, -700.0))
    return odds / (1 + odds)

"""How well it is told whether passages support a sentence: two hundred labelled ones of our own, English and Chinese.

usage: python -m tests.benchmarks evidence [--fit] [--show]

Prints precision of «supported» and recall of «unsupported», of all, of those that rules and weights were chosen on, and
of those held out. `--fit` prints the weights that the first give; `--show` what is judged wrongly. Ends with 1 where a
figure of all or of those held out is below its goal.
"""

from __future__ import annotations

import argparse
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import django

from chatplatform.knowledge.evidence import agreement
from chatplatform.knowledge.evidence.clauses import Reading, reading

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SENTENCES = Path(__file__).parents[1] / "unit" / "knowledge" / "evidence" / "sentences.toml"
CHANGED = ("numbers", "negations", "names", "absent")
PRECISION, RECALL = 0.90, 0.70
RIDGE = 0.3


@dataclass(frozen=True, slots=True)
class Labelled:
    """A sentence beside its passages; `kind` says what was changed in it, or that nothing was."""

    case: str
    is_chosen_on: bool
    kind: str
    text: str
    passages: tuple[Reading, ...]

    @property
    def is_supported(self) -> bool:
        return self.kind == "supported"


def labelled() -> Iterator[Labelled]:
    for case in tomllib.loads(SENTENCES.read_text())["case"]:
        passages = tuple(reading(passage) for passage in case["passages"])
        for kind in ("supported", *CHANGED):
            for text in case[kind]:
                yield Labelled(case["id"], case.get("chosen_on", False), kind, text, passages)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="evidence", description=__doc__)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args(arguments or [])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")
    django.setup()
    rows = list(labelled())
    near = _near(rows)
    judged = [(row, agreement.found(reading(row.text), row.passages, near)) for row in rows]
    missed = False
    for name, chosen in (
        ("all", judged),
        ("chosen on", [one for one in judged if one[0].is_chosen_on]),
        ("held out", [one for one in judged if not one[0].is_chosen_on]),
    ):
        precision, recall, kept = _figures(chosen)
        print(
            f"{name:<10} {len(chosen):>4} sentences: precision of supported {precision:.3f}, "
            f"recall of unsupported {recall:.3f}; {kept:.3f} of the supported are called so"
        )
        missed |= name != "chosen on" and (precision < PRECISION or recall < RECALL)
    for kind in CHANGED:
        of_kind = [finding for row, finding in judged if row.kind == kind]
        print(f"  {kind}: {sum(not one.is_supported for one in of_kind)} of {len(of_kind)} found")
    if options.show:
        for row, finding in judged:
            if finding.is_supported != row.is_supported:
                print(f"  {finding.probability:.2f} {row.case} {row.kind}: {row.text}")
    if options.fit:
        _fit(rows, near)
    if missed:
        raise SystemExit("below the goal: call it closest passage")


def _figures(judged: list[tuple[Labelled, agreement.Finding]]) -> tuple[float, float, float]:
    called = [row for row, finding in judged if finding.is_supported]
    supported = sum(row.is_supported for row, _ in judged)
    right = sum(row.is_supported for row in called)
    refused = sum(not finding.is_supported for row, finding in judged if not row.is_supported)
    return right / max(1, len(called)), refused / (len(judged) - supported), right / supported


def _near(rows: list[Labelled]) -> agreement.Near:
    """Cosines by the packaged encoder, as it runs in its engine."""
    from tests.benchmarks.retrieval_vectors import Encoder

    texts = list(
        dict.fromkeys(
            text for row in rows for one in (*row.passages, reading(row.text)) for text in one.texts
        )
    )
    vectors = Encoder("multilingual-e5-small").vectors(texts, "query")
    known: dict[str, NDArray[np.float32]] = dict(zip(texts, vectors, strict=True))
    return lambda one, other: float(known[one] @ known[other])


def _fit(rows: list[Labelled], near: agreement.Near) -> None:
    """Weights by Newton's method on those sentences that are marked for it, whose numbers are all there."""
    import numpy as np

    for weights, is_across in ((agreement.SAME_LANGUAGE, False), (agreement.ACROSS_LANGUAGES, True)):
        names = [name for name in weights if name]
        values, labels = [], []
        for row in rows:
            if not row.is_chosen_on:
                continue
            found = [agreement.compared(reading(row.text), passage, near) for passage in row.passages]
            best = max(found, key=lambda one: (not one.lacks_number) * 0.5 + one.words + one.meaning)
            if best.is_across == is_across and not best.lacks_number:
                values.append([1.0, *(float(getattr(best, name)) for name in names)])
                labels.append(float(row.is_supported))
        matrix, wanted = np.array(values), np.array(labels)
        ridge = np.diag([0.01, *([RIDGE] * len(names))])
        fitted = np.zeros(len(names) + 1)
        for _ in range(200):
            guess = 1 / (1 + np.exp(-matrix @ fitted))
            curve = (matrix * (guess * (1 - guess))[:, None]).T @ matrix + ridge
            fitted += np.linalg.solve(curve, matrix.T @ (wanted - guess) - ridge @ fitted)
        told = ", ".join(
            f"{name or 'constant'} {weight:.2f}" for name, weight in zip(["", *names], fitted, strict=True)
        )
        print(f"{'across languages' if is_across else 'same language'}: {told}")

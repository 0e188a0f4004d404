"""Which passages are found: dense, lexical and fused, on public questions with judgements (docs/adr/0014-*.md).

usage: python -m tests.benchmarks retrieval [--sets NAME …] [--encoder ID …] [--precision float32|bfloat16] [--choose]

Ranks as the platform does, by `chatplatform.knowledge.ranking`; vectors are made once and kept (retrieval_vectors).
Prints nDCG@10 of every way, recall@5 and MRR@10 of the fused one, then how well confidence tells a question that the
passages answer from one whose passage was taken out. `--choose` prints nDCG by weight on the questions that weights are
chosen on: the training claims of SciFact, and of XQuAD, which has none, those of every other article.
Ends with 1 where a figure is below its goal.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import django

from chatplatform.knowledge.ranking import confidence, metrics
from chatplatform.knowledge.ranking.bm25 import LexicalScore, Posting, Statistics, bm25
from chatplatform.knowledge.ranking.fusion import by_rank, weighted
from chatplatform.knowledge.ranking.query_kind import reading_of
from chatplatform.knowledge.ranking.term_hashes import TermHasher
from chatplatform.knowledge.ranking.terms import terms
from chatplatform.knowledge.ranking.weights import lexical_weight
from tests.benchmarks.data import VARIABLE, folder
from tests.benchmarks.retrieval_sets import SETS, RetrievalSet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tests.benchmarks.retrieval_vectors import Encoder

E5, LIGHT = "multilingual-e5-small", "all-minilm-l6-v2"
# how many passages each side hands over to the fusion
CANDIDATES = 100
K = 10
ACROSS = {"xquad-zh-en", "xquad-en-zh"}
WEIGHTS = [step / 20 for step in range(1, 17)]
GOALS = {
    (E5, "scifact"): 0.71,
    (LIGHT, "scifact"): 0.72,
    (E5, "xquad-en"): 0.97,
    (E5, "xquad-zh"): 0.97,
    (E5, "xquad-zh-en"): 0.80,
    (E5, "xquad-en-zh"): 0.83,
}

Dense = dict[str, float]
Lexical = dict[str, LexicalScore]
Found = TypeVar("Found")


def main(arguments: list[str] | None = None) -> None:
    options = _options(arguments or [])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")
    django.setup()
    from tests.benchmarks.retrieval_vectors import Encoder

    encoders = [Encoder(model_id, options.precision) for model_id in options.encoder]
    missed = []
    together: dict[str, list[tuple[str, list[Asked], list[Asked]]]] = {}
    for name in options.sets:
        try:
            chosen = SETS[name](folder())
        except FileNotFoundError as error:
            print(
                f"{name}: NOT MEASURED, {error.filename} is missing; {VARIABLE} names the folder of public data"
            )
            missed.append(name)
            continue
        print(f"-- {name}: {len(chosen.passages)} passages, {len(chosen.judged)} questions")
        lexical = LexicalIndex(chosen.passages)
        for encoder in encoders:
            missed += _measured(
                chosen, lexical, encoder, together.setdefault(encoder.id, []), choose=options.choose
            )
    for encoder_id, asked in together.items():
        print(f"-- all sets together, {encoder_id}")
        _tell_together(asked)
    if missed:
        raise SystemExit(f"below their goals or not measured: {', '.join(missed)}")


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="retrieval", description=__doc__)
    parser.add_argument("--sets", nargs="+", choices=sorted(SETS), default=list(SETS))
    parser.add_argument("--encoder", nargs="+", default=[E5, LIGHT])
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--choose", action="store_true")
    return parser.parse_args(arguments)


class LexicalIndex:
    """Postings of a set's passages in memory, under a key of no importance."""

    def __init__(self, passages: Mapping[str, str]) -> None:
        self._hasher = TermHasher(bytes(32))
        self._postings: dict[bytes, list[Posting[str]]] = {}
        total = 0
        for passage, text in passages.items():
            counted = self._hasher.count(terms(text))
            total += counted.length
            for term, count in counted.counts.items():
                self._postings.setdefault(term, []).append(Posting(passage, count, counted.length))
        self._statistics = Statistics(len(passages), total / len(passages))

    def search(self, query: str) -> Lexical:
        """Every passage with a term of the query, best first."""
        found = bm25([self._hasher.hashed(term) for term in terms(query)], self._postings, self._statistics)
        return dict(sorted(found.items(), key=lambda one: -one[1].bm25))


class DenseIndex:
    """Vectors of a set's passages and questions, compared exactly."""

    def __init__(self, chosen: RetrievalSet, encoder: Encoder) -> None:
        self._passages = list(chosen.passages)
        self._questions = {question: row for row, question in enumerate(chosen.questions)}
        self._vectors: NDArray[np.float32] = encoder.vectors(list(chosen.passages.values()), "passage")
        self._asked: NDArray[np.float32] = encoder.vectors(list(chosen.questions.values()), "query")

    def search(self, question: str) -> Dense:
        """Every passage with its cosine, best first."""
        cosines = self._vectors @ self._asked[self._questions[question]]
        return {self._passages[at]: float(cosines[at]) for at in (-cosines).argsort(kind="stable")}


class Asked:
    """One question with the first that either side found."""

    def __init__(
        self, text: str, judged: Mapping[str, int], dense: Dense, lexical: Lexical, encoder: str
    ) -> None:
        self.text, self.judged, self._encoder = text, judged, encoder
        some = CANDIDATES + len(judged)
        self.dense = dict(islice(dense.items(), some))
        self.lexical = dict(islice(lexical.items(), some))
        self._cosines = {passage: dense[passage] for passage in self.lexical} | self.dense

    def fused(self, weight: float | None = None, *, without: Container[str] = ()) -> list[str]:
        """Passages in the platform's order, or that of another weight; `without` some, as if they were not there."""
        chosen = lexical_weight(reading_of(self.text), self._encoder) if weight is None else weight
        return [
            one.passage
            for one in weighted(_first(self.dense, without), _first(self.lexical, without), chosen)
        ]

    def evidence(self, best: str) -> confidence.Evidence:
        words = self.lexical.get(best)
        return confidence.Evidence(self._cosines[best], words.coverage if words else 0.0)


def _first(found: Mapping[str, Found], without: Container[str]) -> dict[str, Found]:
    left = ((passage, told) for passage, told in found.items() if passage not in without)
    return dict(islice(left, CANDIDATES))


def _measured(
    chosen: RetrievalSet,
    lexical: LexicalIndex,
    encoder: Encoder,
    together: list[tuple[str, list[Asked], list[Asked]]],
    *,
    choose: bool,
) -> list[str]:
    dense = DenseIndex(chosen, encoder)
    asked = {
        one: Asked(
            chosen.questions[one],
            judged,
            dense.search(one),
            lexical.search(chosen.questions[one]),
            encoder.id,
        )
        for one, judged in (chosen.training | chosen.judged).items()
    }
    training = [asked[one] for one in chosen.training]
    test = [asked[one] for one in chosen.judged]
    fresh = [asked[one] for one in chosen.judged if one not in chosen.training]
    if choose:
        figures = "  ".join(f"{weight:.2f} {_ndcg(training, weight):.4f}" for weight in WEIGHTS)
        print(f"  {encoder.id:22} by weight of words, {len(training)} questions: {figures}")
    fused = _ndcg(test)
    print(
        f"  {encoder.id:22} nDCG@{K}: dense {_mean(metrics.ndcg(list(one.dense), one.judged, K) for one in test):.4f}"
        f", BM25 {_mean(metrics.ndcg(list(one.lexical), one.judged, K) for one in test):.4f}"
        f", by rank {_mean(metrics.ndcg(_by_rank(one), one.judged, K) for one in test):.4f}"
        f", fused {fused:.4f} ({_ndcg(fresh):.4f} on the {len(fresh)} that nothing was chosen on)"
    )
    orders = [(one.fused(), one.judged) for one in test]
    print(
        f"  {'':22} fused: recall@5 {_mean(metrics.recall(order, judged, 5) for order, judged in orders):.4f}"
        f", MRR@{K} {_mean(metrics.reciprocal_rank(order, judged, K) for order, judged in orders):.4f}"
    )
    _tell_confidence(training, fresh)
    together.append((chosen.name, training, fresh))
    goal = GOALS.get((encoder.id, chosen.name), 0.0)
    return [f"{chosen.name} with {encoder.id}"] if round(fused, 4) < goal else []


def _ndcg(asked: Sequence[Asked], weight: float | None = None) -> float:
    return _mean(metrics.ndcg(one.fused(weight), one.judged, K) for one in asked)


def _by_rank(one: Asked) -> list[str]:
    orders = [list(one.dense)[:CANDIDATES], list(one.lexical)[:CANDIDATES]]
    return [passage for passage, _ in by_rank(orders)]


def _mean(figures: Iterable[float]) -> float:
    told = list(figures)
    return sum(told) / len(told) if told else 0.0


def _tell_confidence(known: Sequence[Asked], fresh: Sequence[Asked]) -> None:
    """Calibrated on some questions, told of others: each asked as it is, and with its relevant passages taken out."""
    calibration = confidence.calibrated(_seen(known))
    least = confidence.threshold_for(_told(calibration, known), 0.15)
    told = _told(calibration, fresh)
    right = [sure for sure, answered in told if answered]
    wrong = [sure for sure, answered in told if not answered]
    off = _mean((sure - answered) ** 2 for sure, answered in told)
    refused, missing = (_mean(sure < least for sure in side) for side in (right, wrong))
    weights = (
        f"{calibration.intercept:.2f} + {calibration.cosine:.2f} cosine + {calibration.coverage:.2f} coverage"
    )
    print(f"  {'':22} calibration: {weights}, threshold {least:.3f}")
    print(
        f"  {'':22} confidence: Brier {off:.3f} (a coin .25)"
        f"; below {least:.2f} are {refused:.1%} of what is right, {missing:.1%} of what is not"
    )


def _tell_together(asked: Sequence[tuple[str, list[Asked], list[Asked]]]) -> None:
    """One calibration for all sets whose passages are in the language of the questions, and one for all others."""
    for said, chosen in (
        ("within a language", [each for each in asked if each[0] not in ACROSS]),
        ("across languages", [each for each in asked if each[0] in ACROSS]),
    ):
        known = [pair for _, training, _ in chosen for pair in _seen(training)]
        if not known:
            continue
        calibration = confidence.calibrated(known)
        told = [(calibration.confidence(evidence), answered) for evidence, answered in known]
        least = confidence.threshold_for(told, 0.15)
        print(f"  {said:22} {_weights(calibration)}, threshold {least:.3f}")
        for name, _, fresh in chosen:
            sure = _told(calibration, fresh)
            right = [figure < least for figure, answered in sure if answered]
            wrong = [figure < least for figure, answered in sure if not answered]
            print(
                f"  {'':22} {name}: refused are {_mean(right):.1%} of what is right, {_mean(wrong):.1%} of what is not"
            )
        _words_only([one for _, training, _ in chosen for one in training])


def _weights(calibration: confidence.Calibration) -> str:
    return (
        f"{calibration.intercept:.2f} + {calibration.cosine:.2f} cosine + {calibration.coverage:.2f} coverage"
    )


def _words_only(known: Sequence[Asked]) -> None:
    """The same for words alone: what is to be said while the encoder does not answer."""
    seen = []
    for one in known:
        for words in (one.lexical, {id: words for id, words in one.lexical.items() if id not in one.judged}):
            best = next(iter(words), None)
            if best is not None:
                seen.append((confidence.Evidence(0.0, words[best].coverage), best in one.judged))
    if len({answered for _, answered in seen}) == 2:
        calibration = confidence.calibrated(seen)
        least = confidence.threshold_for(
            [(calibration.confidence(evidence), answered) for evidence, answered in seen], 0.15
        )
        weights = f"{calibration.intercept:.2f} + {calibration.coverage:.2f} coverage"
        print(f"  {'':22} calibration of words alone: {weights}, threshold {least:.3f}")


def _seen(asked: Sequence[Asked]) -> list[tuple[confidence.Evidence, bool]]:
    found = []
    for one in asked:
        for best in (one.fused()[0], one.fused(without=one.judged)[0]):
            found.append((one.evidence(best), best in one.judged))
    return found


def _told(calibration: confidence.Calibration, asked: Sequence[Asked]) -> list[tuple[float, bool]]:
    return [(calibration.confidence(evidence), answered) for evidence, answered in _seen(asked)]

"""A cross-encoder as sentence-transformers loads it, with random weights: its scores in the numbers that it is tried
in, and what is refused. In a process of its own, as in the encoder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.engine import tiny_models

pytestmark = [pytest.mark.model, pytest.mark.slow]

CODE = """
import json, sys
from pathlib import Path
import django
django.setup()
from chatplatform.inference.engines.encoder.precision_choice import PrecisionChoice
from chatplatform.inference.engines.encoder.reranking import load_reranker
from chatplatform.inference.engines.encoder.reranking_model import NoReranker, RerankingModel

folder, kept = Path(sys.argv[1]), Path(sys.argv[2])
texts = ["the green tent", "w1 w2 w3 w4", "open w7 heavy", "tent " * 500]
told = {}
for precision in ("float32", "bfloat16"):
    try:
        model = RerankingModel(folder / "reranker", precision)
    except (RuntimeError, NotImplementedError):
        continue
    told[precision] = model.scores("is the tent heavy", texts)
    told["context"] = model.context_tokens
    told["counts"] = model.token_counts(texts)
    told[precision + " alone"] = [model.scores("is the tent heavy", [text])[0] for text in texts]
told["chosen"] = load_reranker(folder / "reranker", "a" * 64, PrecisionChoice(kept)).precision
told["again"] = load_reranker(folder / "reranker", "a" * 64, PrecisionChoice(kept)).precision
try:
    load_reranker(folder / "classifier", "b" * 64, PrecisionChoice(None))
except NoReranker as error:
    told["refused"] = str(error)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("models")
    tiny_models.make(folder)
    result = subprocess.run(
        [sys.executable, "-c", CODE, str(folder), str(folder / "kept")],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[3],
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )
    return json.loads(result.stdout.strip().splitlines()[-1])


def test_scores_lie_from_0_to_1_and_differ(told: Any) -> None:
    scores = told["float32"]
    assert len(set(scores)) == 4
    assert all(0 < score < 1 for score in scores)


def test_fewer_bits_say_nearly_the_same(told: Any) -> None:
    assert told.get("bfloat16", told["float32"]) == pytest.approx(told["float32"], abs=0.05)


def test_what_is_longer_than_the_context_is_counted_and_cut(told: Any) -> None:
    assert told["context"] == tiny_models.CONTEXT
    assert told["counts"] == [3, 4, 3, 500]


def test_what_is_read_beside_a_text_changes_nothing(told: Any) -> None:
    assert told["float32 alone"] == pytest.approx(told["float32"], abs=0.001)
    if "bfloat16" in told:
        assert told["bfloat16 alone"] == pytest.approx(told["bfloat16"], abs=0.02)


def test_numbers_are_chosen_once(told: Any) -> None:
    assert told["chosen"] == told["again"]
    assert told["chosen"] in {"float32", "bfloat16"}


def test_a_model_with_several_classes_is_no_reranker(told: Any) -> None:
    assert told["refused"] == f"{tiny_models.CLASSES} classes"

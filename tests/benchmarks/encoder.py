"""The encoder's speed, quality and memory beside plain sentence-transformers, on SciFact, in one run, alternating.

usage: python -m tests.benchmarks encoder [--models ID,…] [--others N] [--claims N]

All abstracts that are judged for the test claims (or the first N of these) and N others are read by both, on one
thread each: `encode` in batches of 32, and our service in requests of 64 texts. Speeds are passages a second of
processor time, which other work on the machine changes least, and of the clock. The nDCG@10 is that of the claims over
these abstracts, dense alone. Memory is the most that a fresh process took for 64 abstracts.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from math import log2
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django

from tests.benchmarks.data import folder
from tests.benchmarks.retrieval_sets import RetrievalSet, scifact

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

MODELS = "multilingual-e5-small,all-minilm-l6-v2"
TURN = 200  # texts that one side reads before the other has its turn
REQUEST = 64
PLAIN_BATCH = 32
MEMORY_TEXTS = 64
SIDES = ("plain", "ours")

Encode = Callable[[list[str], str], "Vectors"]


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks encoder")
    parser.add_argument("--models", default=MODELS)
    parser.add_argument("--others", type=int, default=2000)
    parser.add_argument("--claims", type=int, default=None)
    parser.add_argument("--memory-of", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args(list(arguments))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")
    os.environ.update(
        HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false"
    )
    django.setup()
    chosen = scifact(folder())
    asked = list(chosen.judged)[: options.claims]
    judged = dict.fromkeys(passage for claim in asked for passage in chosen.judged[claim])
    others = [passage for passage in chosen.passages if passage not in judged]
    step = max(1, len(others) // max(1, options.others))
    kept = [*judged, *others[::step][: options.others]]
    for model_id in options.models.split(","):
        if options.memory_of:
            _memory(model_id, options.memory_of, [chosen.passages[each] for each in kept[:MEMORY_TEXTS]])
        else:
            _compare(model_id, chosen, asked, kept)


def _compare(model_id: str, chosen: RetrievalSet, asked: list[str], kept: list[str]) -> None:
    import numpy as np

    sides: dict[str, Encode] = {"plain": _plain(model_id), "ours": _ours(model_id)}
    texts = [chosen.passages[each] for each in kept]
    spent, waited = dict.fromkeys(SIDES, 0.0), dict.fromkeys(SIDES, 0.0)
    passages: dict[str, list[Vectors]] = {side: [] for side in SIDES}
    for number, start in enumerate(range(0, len(texts), TURN)):
        for side in SIDES if number % 2 == 0 else reversed(SIDES):
            processor, clock = time.process_time(), time.perf_counter()
            passages[side].append(sides[side](texts[start : start + TURN], "passage"))
            spent[side] += time.process_time() - processor
            waited[side] += time.perf_counter() - clock
    scores = {}
    for side in SIDES:
        questions = sides[side]([chosen.questions[each] for each in asked], "query")
        likeness = questions @ np.concatenate(passages[side]).T
        best = np.argsort(-likeness, axis=1)[:, :10]
        found = [
            _ndcg([kept[place] for place in row], chosen.judged[each])
            for each, row in zip(asked, best, strict=True)
        ]
        scores[side] = sum(found) / len(found)
    cosine = np.sum(np.concatenate(passages["plain"]) * np.concatenate(passages["ours"]), axis=1)
    print(f"{model_id}: {len(kept)} abstracts, {len(asked)} claims, one thread")
    for side in SIDES:
        memory = _memory_of(model_id, side)
        print(
            f"  {side:5}  {len(kept) / spent[side]:6.2f} passages/s of processor time, "
            f"{len(kept) / waited[side]:6.2f} by the clock, nDCG@10 {scores[side]:.4f}, memory {memory:.0f} MB"
        )
    print(
        f"  {spent['plain'] / spent['ours']:.2f} times as fast; nDCG lost {scores['plain'] - scores['ours']:+.4f}; "
        f"cosine with the plain vectors at least {cosine.min():.4f}, mean {cosine.mean():.4f}",
        flush=True,
    )


def _plain(model_id: str) -> Encode:
    import torch
    from sentence_transformers import SentenceTransformer

    from chatplatform.inference.model_files import catalogue, model_store

    torch.set_num_threads(1)
    known = catalogue.get(model_id)
    model: Any = SentenceTransformer(str(model_store.ensure(model_id)), device="cpu", local_files_only=True)
    prefixes = {"query": known.query_prefix, "passage": known.passage_prefix}

    def encode(texts: list[str], kind: str) -> Vectors:
        prepared = [prefixes[kind] + text for text in texts]
        found: Vectors = model.encode(
            prepared, batch_size=PLAIN_BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return found

    return encode


def _ours(model_id: str) -> Encode:
    """The service as the engine runs it, without its HTTP."""
    import numpy as np

    from chatplatform.inference.engines.encoder.precision_choice import PrecisionChoice
    from chatplatform.inference.engines.encoder.service import EncoderService
    from chatplatform.inference.engines.encoder.wire import EmbeddingRequest
    from chatplatform.inference.model_files import model_store

    model_store.ensure(model_id)
    kept = Path(tempfile.gettempdir()) / "chatplatform-benchmark-precisions"
    service = EncoderService(model_id, PrecisionChoice(kept))
    asyncio.run(service.load())
    if service.state != "ready":
        raise SystemExit(service.detail)
    print(f"{model_id}: computes in {service.models()['data'][0]['precision']}", flush=True)  # type: ignore[index]

    async def read(texts: list[str], kind: str) -> list[list[float]]:
        vectors: list[list[float]] = []
        for start in range(0, len(texts), REQUEST):
            piece = texts[start : start + REQUEST]
            request = EmbeddingRequest.model_validate({"input": piece, "input_type": kind, "truncate": True})
            vectors += (await service.embed(request)).vectors
        return vectors

    return lambda texts, kind: np.array(asyncio.run(read(texts, kind)), dtype=np.float32)


def _memory_of(model_id: str, side: str) -> float:
    """Megabytes."""
    command = [sys.executable, "-m", "tests.benchmarks", "encoder", "--models", model_id, "--memory-of", side]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(told.split()[-1])


def _memory(model_id: str, side: str, texts: list[str]) -> None:
    (_ours if side == "ours" else _plain)(model_id)(texts, "passage")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _ndcg(ranked: list[str], judged: dict[str, int]) -> float:
    gained = sum(judged.get(passage, 0) / log2(place + 2) for place, passage in enumerate(ranked))
    ideal = sorted(judged.values(), reverse=True)[:10]
    return gained / sum(value / log2(place + 2) for place, value in enumerate(ideal))

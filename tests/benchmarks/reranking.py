"""How long the encoder takes to put passages in order, in the numbers that it chooses here.

usage: python -m tests.benchmarks reranking [--model FOLDER_OR_NAME] [--layers N] [--hidden N] [--words N] [--rounds N]

As many passages as a search hands over, read with a question through the same queue as in the encoder. Without a model
one of random weights is made: how fast it is depends on its shape alone, by default that of the smallest usual ones.
Times are of the clock, with whatever else the machine does, and of the processor.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import django

CONTEXT = 512


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks reranking")
    parser.add_argument("--model", default="")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--hidden", type=int, default=384)
    parser.add_argument("--words", type=int, default=250, help="of each passage")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(list(arguments))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")
    os.environ.update(
        HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false"
    )
    django.setup()
    with tempfile.TemporaryDirectory() as folder:
        reference = options.model
        if not reference:
            from tests.contracts.engine.tiny_models import save

            reference = str(Path(folder) / "random")
            save(Path(reference), classes=1, layers=options.layers, hidden=options.hidden, context=CONTEXT)
        asyncio.run(_measure(reference, Path(folder) / "kept", options.words, options.rounds))


async def _measure(reference: str, kept: Path, words: int, rounds: int) -> None:
    from chatplatform.inference.engines.encoder.precision_choice import PrecisionChoice
    from chatplatform.inference.engines.encoder.reranking import Reranker
    from chatplatform.inference.engines.encoder.turns import Turns
    from chatplatform.inference.engines.encoder.wire import RerankRequest
    from chatplatform.knowledge.retrieval.reranking import RERANKED, WAIT_S

    reranker = Reranker(reference, PrecisionChoice(kept), Turns())
    loading = time.perf_counter()
    await reranker.load()
    entry = reranker.entry()
    if entry is None:
        raise SystemExit(reranker.detail)
    print(f"{entry['id']}: loaded in {time.perf_counter() - loading:.1f} s, computes in {entry['precision']}")
    texts = [" ".join(f"w{(number * 7 + at) % 200}" for at in range(words)) for number in range(RERANKED)]
    request = RerankRequest(query="how heavy is the tent w1 w2 w3", documents=texts)
    tokens = (await reranker.rank(request)).tokens  # the first one learns the speed
    clock, processor = [], []
    for _ in range(rounds):
        began, worked = time.perf_counter(), time.process_time()
        await reranker.rank(request)
        clock.append(time.perf_counter() - began)
        processor.append(time.process_time() - worked)
    print(f"{RERANKED} passages, {tokens} tokens; a search waits {WAIT_S} s at most")
    print(f"clock      best {min(clock):.2f} s, worst {max(clock):.2f} s")
    print(f"processor  best {min(processor):.2f} s, worst {max(processor):.2f} s")

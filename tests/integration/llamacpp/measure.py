"""How fast the engine writes beside the bare library: `python -m tests.integration.llamacpp.measure [--model ID]`.

Both are measured in one run, because machines differ and are seldom quiet; the ratio is what counts. The bare
loop decodes one token in each of N sequences, again and again. The engine is asked over HTTP, with streams, by N
clients at once, with a system message of 150 words that it has not seen, 64 tokens an answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import tempfile
import time
from pathlib import Path

import django

from tests.integration.llamacpp.asking import Streamed, body, stream
from tests.integration.llamacpp.engine_process import EngineProcess, start_engine

WORDS = (
    "tent",
    "boot",
    "map",
    "lamp",
    "rope",
    "stove",
    "order",
    "delivery",
    "refund",
    "size",
    "price",
    "help",
)
ANSWER_TOKENS = 64
BARE_STEPS = 40


def bare(path: Path, clients: int) -> float:
    """Tokens a second of the library alone."""
    from chatplatform.inference.engines.llamacpp.context import Piece
    from chatplatform.inference.engines.llamacpp.llama_context import LlamaContext
    from chatplatform.inference.engines.llamacpp.model import LlamaModel
    from chatplatform.inference.engines.llamacpp.sampling import SamplerSettings

    model = LlamaModel(path)
    context = LlamaContext(model, cells=4096)
    sampler = context.sampler(SamplerSettings(temperature=0.7, seed=1))
    token = 100
    for position in range(4):  # warm
        context.decode([Piece(seq, position, [token], sample=True) for seq in range(clients)])
    began = time.monotonic()
    for position in range(4, 4 + BARE_STEPS):
        rows = context.decode([Piece(seq, position, [token], sample=True) for seq in range(clients)])
        for row in rows:
            context.sample(row, sampler)
    seconds = time.monotonic() - began
    sampler.close()
    context.close()
    model.close()
    return clients * BARE_STEPS / seconds


async def load(engine: EngineProcess, clients: int, requests: int) -> tuple[float, float, float]:
    """Tokens a second, and median and longest time to the first text in seconds."""
    chance = random.Random(clients)
    system = "You are a helpful assistant. " + " ".join(chance.choice(WORDS) for _ in range(150)) + "."
    waiting = list(range(requests))
    told: list[Streamed] = []

    async def client_loop() -> None:
        async with engine.client() as client:
            while waiting:
                number = waiting.pop()
                question = f"Question {number}: tell me a long story about city number {number}."
                sampling = {
                    "temperature": 0.7,
                    "seed": number,
                    "max_tokens": ANSWER_TOKENS,
                    "ignore_eos": True,
                }
                told.append(await stream(client, body(question, system=system) | sampling))

    began = time.monotonic()
    await asyncio.gather(*(client_loop() for _ in range(clients)))
    seconds = time.monotonic() - began
    tokens = sum(each.usage["completion_tokens"] for each in told)
    firsts = [each.first_text_s for each in told]
    return tokens / seconds, statistics.median(firsts), max(firsts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2-135m", help="catalogue id or path")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8])
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")
    django.setup()
    from chatplatform.inference import model_store

    path = model_store.ensure(arguments.model)
    for clients in arguments.clients:
        alone = bare(path, clients)
        with tempfile.TemporaryDirectory() as folder:
            engine = start_engine(Path(folder), models=str(path), context_tokens=8192)
            engine.until("ready")
            speed, first, worst = asyncio.run(load(engine, clients, max(4, 2 * clients)))
            engine.stop()
        figures = {
            "clients": clients,
            "bare_tokens_s": round(alone, 1),
            "engine_tokens_s": round(speed, 1),
            "first_text_median_s": round(first, 2),
            "first_text_longest_s": round(worst, 2),
        }
        print(json.dumps(figures))


if __name__ == "__main__":
    main()

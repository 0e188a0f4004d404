"""Thousands of interleaved requests with secrets of their own: how many answers tell a foreign one. It has to be none.

usage: python -m tests.benchmarks canary [--model ID_OR_PATH] [--requests N] [--watched N]

`--requests` go to the engine's process over HTTP. `--watched` go to a scheduler in this process, where a second
ledger looks at who owns each cell in every step. Eight owners have four conversations each under way; some clients
leave while their prompt is read, some in the middle of the answer.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter

from tests.benchmarks.canary_load import ANSWER_TOKENS, Ask, Asked, Found, Told, run
from tests.benchmarks.engine import model_path
from tests.benchmarks.engine_client import Address, Answer, Refused, ask
from tests.integration.llamacpp.engine_process import TOKEN, start_engine

LEAVES_S = 0.05
"""A client that leaves early does so after this time."""


def client(address: Address) -> Ask:
    async def told(asked: Asked) -> Told:
        body = {
            "messages": asked.messages,
            "continue_final_message": True,
            "cache_owner": asked.owner,
            "temperature": 0,
            "max_tokens": ANSWER_TOKENS,
        }
        seen: list[Answer] = []

        def on_text(answer: Answer) -> bool:
            seen.append(answer)
            return asked.leave == "writing"

        try:
            async with asyncio.timeout(LEAVES_S if asked.leave == "started" else None):
                answer = await ask(address, body, on_text=on_text)
        except TimeoutError:
            return Told("left", seen[-1].text if seen else "")
        except Refused:
            return Told("failed")
        if answer.error:
            return Told("failed", answer.text)
        if not answer.tokens:
            return Told("left", answer.text)
        return Told("finished", answer.text, answer.cached_tokens)

    return told


async def over_http(model: Path, requests: int) -> Found:
    with tempfile.TemporaryDirectory(prefix="chatplatform-bench-") as folder:
        engine = start_engine(Path(folder), models=str(model), context_tokens=2048)
        try:
            await asyncio.to_thread(engine.until, "ready")
            found = await run(client(Address(engine.port, TOKEN)), requests=requests, progress=show)
            with suppress(OSError):
                gauges = await asyncio.to_thread(engine.gauges)
                print(f"  afterwards {gauges['running']:.0f} run and {gauges['queued']:.0f} wait")
            return found
        finally:
            await asyncio.to_thread(engine.stop)


async def in_this_process(model: Path, requests: int) -> Found:
    from tests.integration.llamacpp.watched_engine import watched_engine

    with (
        tempfile.TemporaryDirectory(prefix="chatplatform-bench-") as folder,
        watched_engine(model, Path(folder)) as make,
    ):
        engine = make()
        found = await run(engine.ask, requests=requests, progress=show)
        print(f"  {engine.cells.steps} steps, {len(engine.cells.violations)} violations seen")
        if engine.cells.violations:
            raise AssertionError(f"cells have the wrong owner: {set(engine.cells.violations)}")
        return found


def show(left: int) -> None:
    print(f"  {left} left", flush=True)


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks canary")
    parser.add_argument("--model", default="smollm2-135m", help="id in the catalogue, or path")
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--watched", type=int, default=1000)
    options = parser.parse_args(arguments)
    model = model_path(options.model)
    runs = (
        ("over HTTP", over_http, options.requests),
        ("in this process, every cell watched in every step", in_this_process, options.watched),
    )
    for name, measure, requests in runs:
        if not requests:
            continue
        began = perf_counter()
        print(f"{requests} requests {name}", flush=True)
        found = asyncio.run(measure(model, requests))
        print(f"  {found}; {perf_counter() - began:.0f} s", flush=True)
        if found.foreign:
            raise AssertionError(f"{found.foreign} answers told a foreign secret")

"""Our engine beside llama-server: the same model, machine and load, in one run.

usage: python -m tests.benchmarks engine [--model ID_OR_PATH] [--clients N …] [--rounds N] [--parts PART …]

CHATPLATFORM_BENCH_LLAMA_SERVER names llama-server's binary; without it only our engine is measured. Machines
differ and are seldom quiet: the ratio is what counts. The two take turns, and each goes first in every other round.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import median

from tests.benchmarks import engine_loads as loads
from tests.benchmarks.engine_sides import CHATS, VARIABLE, Side, cores, sides

CANCELS = 5
Part = Callable[["Run"], Awaitable[None]]


class Run:
    """What is measured, and with what."""

    def __init__(self, model: Path, clients: Sequence[int], rounds: int) -> None:
        self.model = model
        self.clients = clients
        self.rounds = rounds
        self.sides = sides()

    async def each(
        self, measure: Callable[[Side], Awaitable[dict[str, list[float]]]]
    ) -> dict[str, dict[str, list[float]]]:
        """Measure every side in each round on a fresh server; samples by side and name."""
        samples: dict[str, dict[str, list[float]]] = {name: {} for name in self.sides}
        for number in range(self.rounds):
            order = list(self.sides.items())
            for name, start in order if number % 2 == 0 else reversed(order):
                async with start(self.model) as side:
                    measured = await measure(side)
                print(
                    f"  {name}: " + ", ".join(f"{w} {median(f):.4g}" for w, f in measured.items()), flush=True
                )
                for what, found in measured.items():
                    samples[name].setdefault(what, []).extend(found)
        return samples


def show(rows: dict[str, dict[str, float]], unit: str) -> None:
    """A table with a row for each figure and a column for each side, and ours divided by the other's."""
    names = list(next(iter(rows.values())))
    heads = [*names, "ratio"] if len(names) > 1 else names
    print("".join([f"{unit:46}", *(f"{head:>14}" for head in heads)]))
    for what, found in rows.items():
        figures = [f"{found[name]:14.4g}" for name in names]
        if len(names) > 1:
            figures.append(f"{found[names[0]] / found[names[1]]:14.2f}")
        print("".join([f"  {what:44}", *figures]), flush=True)


def turned(samples: dict[str, dict[str, list[float]]]) -> dict[str, dict[str, float]]:
    """Medians by what was measured, then by side."""
    first = next(iter(samples.values()))
    return {what: {side: median(found[what]) for side, found in samples.items()} for what in first}


def p95(samples: list[float]) -> float:
    return sorted(samples)[min(len(samples) - 1, int(0.95 * len(samples)))]


async def load(run: Run) -> None:
    """Throughput and first text, on a fresh server and with other questions on one that has worked."""
    print(f"load: {loads.SYSTEM_WORDS} system words, {loads.ANSWER_TOKENS} tokens an answer")
    rows: dict[str, dict[str, float]] = {}
    waits: dict[str, dict[str, float]] = {}
    memory: dict[str, dict[str, float]] = {}
    for clients in run.clients:

        async def measure(side: Side, clients: int = clients) -> dict[str, list[float]]:
            cold = await loads.load(side, clients)
            warm = await loads.load(side, clients, offset=loads.WARM_OFFSET)
            return {
                "cold": [cold.tokens_s],
                "warm": [warm.tokens_s],
                "cold first": cold.firsts,
                "warm first": warm.firsts,
                "memory": [warm.memory_mib],
            }

        samples = await run.each(measure)
        for start in ("cold", "warm"):
            rows[f"{clients} clients, {start}"] = {s: median(found[start]) for s, found in samples.items()}
            firsts = {s: found[f"{start} first"] for s, found in samples.items()}
            waits[f"{clients} clients, {start}, median"] = {s: median(f) for s, f in firsts.items()}
            waits[f"{clients} clients, {start}, 95th percentile"] = {s: p95(f) for s, f in firsts.items()}
        memory[f"{clients} active chats"] = {s: max(found["memory"]) for s, found in samples.items()}
    show(rows, "tokens a second")
    show(waits, "first text, seconds")
    show(memory, "resident memory, MiB")


async def turns(run: Run) -> None:
    """Later turns of conversations that go on side by side."""

    async def measure(side: Side) -> dict[str, list[float]]:
        return {f"turn {turn}": found for turn, found in (await loads.turns(side)).items() if turn > 1}

    print(f"turns: {loads.STREAMS} conversations side by side")
    show(turned(await run.each(measure)), "first text, median, seconds")


async def gaps(run: Run) -> None:
    """What a long prompt does to streams that run."""
    tokens: list[int] = []

    async def measure(side: Side) -> dict[str, list[float]]:
        found = await loads.gaps(side)
        tokens.append(found.long_tokens)
        return {
            "undisturbed": [1000 * found.undisturbed_s],
            "while the prompt is read": [1000 * found.disturbed_s],
            "the long prompt's first text": [1000 * found.long_first_s],
        }

    rows = turned(await run.each(measure))
    print(f"gaps: a prompt of {max(tokens)} tokens arrives while {loads.STREAMS} chats stream")
    show(rows, "longest gap between tokens, milliseconds")


async def same(run: Run) -> None:
    """What temperature 0 and a fixed seed are worth beside others."""

    async def measure(side: Side) -> dict[str, list[float]]:
        count, shared = await loads.same_words(side)
        return {"the same to the last word": [count], "part shared from the beginning": [shared]}

    print(f"same: {loads.CROWD} answers of 32 tokens, alone and all at once, temperature 0, fixed seeds")
    show(turned(await run.each(measure)), "answers")


async def cancel(run: Run) -> None:
    """How soon a prompt that is being read lets go."""
    async with run.sides["ours"](run.model) as side:
        alone = [await loads.cancelled_reading(side.address, number) for number in range(CANCELS)]
    print(f"cancel: in the middle of a prompt of about {loads.LONG_WORDS} tokens, milliseconds")
    for what, found in (("heard", [h for h, _ in alone]), ("sequence free", [f for _, f in alone])):
        print(f"  {what}: median {1000 * median(found):.0f}, longest {1000 * max(found):.0f}", flush=True)


PARTS: dict[str, Part] = {"load": load, "turns": turns, "gaps": gaps, "same": same, "cancel": cancel}


async def measure(run: Run, parts: Sequence[str]) -> None:
    print(f"{run.model.name}, {cores()} cores, {CHATS} chats at most, {run.rounds} round(s)")
    print(f"load of the machine before: {os.getloadavg()[0]:.1f}")
    if len(run.sides) == 1:
        print(f"{VARIABLE} is not set: llama-server is not measured.")
    for part in parts:
        await PARTS[part](run)
    print(f"load of the machine after: {os.getloadavg()[0]:.1f}")


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks engine")
    parser.add_argument("--model", default="smollm2-135m", help="id in the catalogue, or path")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 16])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    options = parser.parse_args(arguments)
    run = Run(model_path(options.model), options.clients, options.rounds)
    asyncio.run(measure(run, options.parts))


def model_path(model: str) -> Path:
    """A file by its path, or by its name in the catalogue."""
    if Path(model).is_file():
        return Path(model)
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")
    django.setup()
    from chatplatform.inference.model_files import model_store

    return model_store.ensure(model)

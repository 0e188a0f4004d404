"""Our GGUF reader against damaged files, and llama.cpp against those that the reader lets through.

usage: python -m tests.benchmarks gguf_fuzz [--mutants N] [--loads N] [--model ID_OR_PATH] [--seed N]

Every mutant has to be accepted or refused with DamagedModel, within a second; those of a real model's header, which
is large, are one in a hundred. What is accepted is loaded for real until `--loads` were: that may refuse, or end the
process that loads, and no other.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time

from chatplatform.inference.engines.llamacpp.gguf import DamagedModel, read_header
from tests.benchmarks.engine import model_path
from tests.benchmarks.gguf_loading import FAILED, loader
from tests.benchmarks.gguf_mutants import damaged, mutants, real_header

READING_S = 1.0
REAL_EVERY = 100


def accepted(path: Path) -> bool:
    """Whether the reader takes a file. Raises AssertionError when it is slow, and whatever else it should not."""
    began = process_time()
    try:
        header = read_header(path)
    except DamagedModel:
        sound = False
    else:
        sound = True
        # what the engine asks of a header before the library sees the file
        assert header.context_tokens > 0
        assert isinstance(header.cache_bytes_per_token, int)
        assert header.chat_template is None or header.chat_template
        assert all(header.data_start + t.offset + t.bytes <= header.file_size for t in header.tensors)
    assert process_time() - began < READING_S, "reading took too long"
    return sound


@dataclass
class Fuzzed:
    """What came of it. `endings` counts how the files that were loaded ended; times in seconds."""

    mutants: int = 0
    accepted: int = 0
    slowest_s: float = 0.0
    endings: Counter[str] = field(default_factory=Counter)
    longest_load_s: float = 0.0

    def __str__(self) -> str:
        endings = ", ".join(f"{count} {ending}" for ending, count in self.endings.most_common())
        return (
            f"{self.mutants} mutants: {self.accepted} accepted, the others refused, none of them later than after "
            f"{1000 * self.slowest_s:.0f} ms of processor time\n"
            f"{self.endings.total()} of those accepted were loaded: {endings}; "
            f"the longest took {self.longest_load_s:.1f} s"
        )


def files(seed: int, real: Path | None) -> Iterator[tuple[bytes, int]]:
    """(what a file begins with, its size) without end; the rest of a file is nothing but zeros."""
    header, size = (real_header(real), real.stat().st_size) if real else (b"", 0)
    chance, tiny = random.Random(seed), mutants(seed)
    for number in itertools.count(1):
        if header and number % REAL_EVERY == 0:
            data = damaged(header, chance)
            yield data, max(size, len(data))
        else:
            data = next(tiny)
            yield data, len(data)


def fuzz(real: Path | None, *, count: int, loads: int, seed: int = 1) -> Fuzzed:
    """Read `count` mutants, and load up to `loads` of those that were accepted, spread over all."""
    fuzzed = Fuzzed()
    with tempfile.TemporaryDirectory(prefix="chatplatform-bench-") as folder, loader() as loading:
        path = Path(folder, "mutant.gguf")
        for data, size in itertools.islice(files(seed, real), count):
            path.write_bytes(data)
            os.truncate(path, size)
            began = process_time()
            try:
                sound = accepted(path)
            except Exception as error:
                kept = Path(tempfile.gettempdir(), "mutant.gguf")
                kept.write_bytes(data)
                raise AssertionError(
                    f"the reader failed; the first part of the file is kept as {kept}"
                ) from error
            fuzzed.slowest_s = max(fuzzed.slowest_s, process_time() - began)
            fuzzed.mutants += 1
            fuzzed.accepted += sound
            if sound and fuzzed.endings.total() * count < loads * fuzzed.mutants:
                began = perf_counter()
                fuzzed.endings[loading.load(path)] += 1
                fuzzed.longest_load_s = max(fuzzed.longest_load_s, perf_counter() - began)
    return fuzzed


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks gguf_fuzz")
    parser.add_argument("--mutants", type=int, default=100_000)
    parser.add_argument("--loads", type=int, default=200)
    parser.add_argument("--model", default="smollm2-135m", help="id in the catalogue, or path")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    fuzzed = fuzz(model_path(options.model), count=options.mutants, loads=options.loads, seed=options.seed)
    print(fuzzed)
    if fuzzed.endings[FAILED]:
        raise AssertionError("loading raised what nobody expects")

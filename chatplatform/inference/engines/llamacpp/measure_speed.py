"""`python -m … THREADS ROUNDS FILE…`: how fast model files are read and written here, for one chat alone.

The files take turns, so that whatever else the machine does meets them alike. Prints a JSON object for each round of
each file: `file` (its place among the arguments), `reading_tokens_s`, `writing_tokens_s`.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from chatplatform.inference.engines.llamacpp.context import Piece
from chatplatform.inference.engines.llamacpp.llama_context import LlamaContext
from chatplatform.inference.engines.llamacpp.model import LlamaModel
from chatplatform.inference.engines.llamacpp.sampling import SamplerSettings

PROMPT_TOKENS = 512
PIECE_TOKENS = 128
WRITTEN_TOKENS = 48
CELLS = 1024


def measure(path: Path, threads: int) -> tuple[float, float]:
    """Tokens a second, read and written after that."""
    model = LlamaModel(path)
    try:
        context = LlamaContext(model, cells=CELLS, threads=threads)
        try:
            return _measure(context, model)
        finally:
            context.close()
    finally:
        model.close()


def _measure(context: LlamaContext, model: LlamaModel) -> tuple[float, float]:
    usual = max(model.bos, 0)
    tokens = [(usual + 7 * number) % model.size for number in range(PROMPT_TOKENS)]
    context.decode([Piece(seq=0, start=0, tokens=tokens[:PIECE_TOKENS], sample=False)])  # warms up
    context.clear()
    began = time.monotonic()
    for start in range(0, PROMPT_TOKENS, PIECE_TOKENS):
        piece = tokens[start : start + PIECE_TOKENS]
        rows = context.decode(
            [Piece(seq=0, start=start, tokens=piece, sample=start + PIECE_TOKENS >= PROMPT_TOKENS)]
        )
    read = time.monotonic() - began
    sampler = context.sampler(SamplerSettings(temperature=0))
    began = time.monotonic()
    for position in range(PROMPT_TOKENS, PROMPT_TOKENS + WRITTEN_TOKENS):
        token = context.sample(rows[0], sampler)
        rows = context.decode([Piece(seq=0, start=position, tokens=[token], sample=True)])
    written = time.monotonic() - began
    sampler.close()
    return PROMPT_TOKENS / read, WRITTEN_TOKENS / written


def main() -> None:
    threads, rounds, *files = sys.argv[1:]
    for _round in range(int(rounds)):
        for place, file in enumerate(files):
            reading, writing = measure(Path(file), int(threads))
            found = {"file": place, "reading_tokens_s": reading, "writing_tokens_s": writing}
            print(json.dumps(found), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

"""`make bench`: prints every figure that the documentation claims, each with its own heading.

usage: python -m tests.benchmarks [NAME …]         names: see BENCHMARKS
       python -m tests.benchmarks NAME --OPTION …  options of one benchmark: see its module
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import takewhile

from tests.benchmarks import (
    answers,
    busy_machine,
    canary,
    chat_page,
    chat_search,
    chunking,
    console_pages,
    encoder,
    engine,
    evidence,
    gguf_fuzz,
    hostile_content,
    idle_sockets,
    ingestion,
    knowledge,
    overhead,
    quoting,
    relay,
    reranking,
    retrieval,
    sign_in,
    slow_readers,
    tool_calls,
    translation,
)

BENCHMARKS: dict[str, Callable[..., None]] = {
    "answers": answers.main,
    "chat_page": chat_page.main,
    "console_pages": console_pages.main,
    "chat_search": chat_search.main,
    "chunking": chunking.main,
    "sign_in": sign_in.main,
    "overhead": overhead.main,
    "relay": relay.main,
    "retrieval": retrieval.main,
    "knowledge": knowledge.main,
    "ingestion": ingestion.main,
    "idle_sockets": idle_sockets.main,
    "slow_readers": slow_readers.main,
    "busy_machine": busy_machine.main,
    "encoder": encoder.main,
    "reranking": reranking.main,
    "engine": engine.main,
    "evidence": evidence.main,
    "canary": canary.main,
    "gguf_fuzz": gguf_fuzz.main,
    "hostile_content": hostile_content.main,
    "quoting": quoting.main,
    "tool_calls": tool_calls.main,
    "translation": translation.main,
}


def main(arguments: list[str]) -> int:
    names = list(takewhile(lambda argument: not argument.startswith("-"), arguments))
    options = arguments[len(names) :]
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark is called {unknown[0]!r}; there are: {', '.join(BENCHMARKS)}")
        return 2
    if options and len(names) != 1:
        print("options are for one benchmark: python -m tests.benchmarks NAME --OPTION …")
        return 2
    for name in names or BENCHMARKS:
        print(f"== {name}", flush=True)
        BENCHMARKS[name](*([options] if options else []))
    return 0


sys.exit(main(sys.argv[1:]))

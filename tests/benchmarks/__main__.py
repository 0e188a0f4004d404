"""`make bench`: prints every figure that the documentation claims, each with its own heading.

usage: python -m tests.benchmarks [NAME …]         names: see BENCHMARKS
       python -m tests.benchmarks NAME --OPTION …  options of one benchmark: see its module
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import takewhile

from tests.benchmarks import (
    busy_machine,
    canary,
    console_pages,
    engine,
    gguf_fuzz,
    idle_sockets,
    overhead,
    quoting,
    relay,
    sign_in,
    slow_readers,
    tool_calls,
)

BENCHMARKS: dict[str, Callable[..., None]] = {
    "console_pages": console_pages.main,
    "sign_in": sign_in.main,
    "overhead": overhead.main,
    "relay": relay.main,
    "idle_sockets": idle_sockets.main,
    "slow_readers": slow_readers.main,
    "busy_machine": busy_machine.main,
    "engine": engine.main,
    "canary": canary.main,
    "gguf_fuzz": gguf_fuzz.main,
    "quoting": quoting.main,
    "tool_calls": tool_calls.main,
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

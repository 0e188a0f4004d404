"""`make bench`: prints every figure that the documentation claims, each with its own heading.

usage: python -m tests.benchmarks [NAME …]     names: see BENCHMARKS
"""

from __future__ import annotations

import sys

from tests.benchmarks import console_pages, idle_sockets, overhead, relay, sign_in, slow_readers

BENCHMARKS = {
    "console_pages": console_pages.main,
    "sign_in": sign_in.main,
    "overhead": overhead.main,
    "relay": relay.main,
    "idle_sockets": idle_sockets.main,
    "slow_readers": slow_readers.main,
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark is called {unknown[0]!r}; there are: {', '.join(BENCHMARKS)}")
        return 2
    for name in names or BENCHMARKS:
        print(f"== {name}", flush=True)
        BENCHMARKS[name]()
    return 0


sys.exit(main(sys.argv[1:]))

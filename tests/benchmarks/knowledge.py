"""Documents and what is found in them.

usage: python -m tests.benchmarks knowledge [--parts NAME …] [--OPTION …]     options of a part: see its module

parts: search    passages for a question among a hundred thousand chunks (knowledge_search)
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from tests.benchmarks import knowledge_search

PARTS: dict[str, Callable[[list[str]], None]] = {"search": knowledge_search.main}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="knowledge", description=__doc__, add_help=False)
    parser.add_argument("--parts", nargs="+", choices=sorted(PARTS), default=list(PARTS))
    options, rest = parser.parse_known_args(arguments or [])
    for part in options.parts:
        PARTS[part](rest)

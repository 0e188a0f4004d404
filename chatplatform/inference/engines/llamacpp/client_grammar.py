"""Grammars that clients write in llama.cpp's notation: tried in a limited process before the engine takes them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from chatplatform.inference.engines.llamacpp.sampling import GrammarRefused

TRY_S = 20.0
"""With the start of the process, which a busy machine delays."""
MAX_OPEN = 64
"""Brackets within each other. The library reads them by recursion, and a long row of them ends the process."""
MAX_RULES = 256
MAX_SIZE = 100_000
_TEXTS = re.compile(r'"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|#[^\n]*', re.DOTALL)
_RULE = re.compile(r"([a-zA-Z0-9-]+)\s*::=")
_COUNT = re.compile(r"\{[^}]*\}")
_NUMBER = re.compile(r"[0-9]{1,6}")
_NAME = re.compile(r"[a-zA-Z0-9-]+")
_KEPT = 64


def check_client_grammar(grammar: str) -> None:
    """Blocks. Raises GrammarRefused for what is too deep or too wide, takes too long, or means nothing to the library.

    No rule may come back to itself: the library follows all ways at once in which an answer so far can be read, and
    only without such rules their number has an end.
    """
    shown = _TEXTS.sub(" ", grammar)
    if "\0" in grammar or "<" in shown or _brackets(shown) > MAX_OPEN:
        raise GrammarRefused
    parts = _RULE.split(shown)
    bodies = dict(zip(parts[1::2], parts[2::2], strict=True))
    if _size("root", bodies, {}) > MAX_SIZE or not _works(grammar):
        raise GrammarRefused


def _brackets(shown: str) -> int:
    """The most brackets that are open at once."""
    deepest = depth = 0
    for letter in shown:
        depth += (letter == "(") - (letter == ")")
        deepest = max(deepest, depth)
    return deepest


def _size(name: str, bodies: Mapping[str, str], known: dict[str, int]) -> int:
    """How large a rule is, at most, with every rule that it refers to in its place. Raises GrammarRefused."""
    if name not in known:
        known[name] = -1
        body = bodies.get(name, "")
        times = 1
        for count in _COUNT.findall(body):
            times = min(times * max(map(int, _NUMBER.findall(count)), default=1), MAX_SIZE + 1)
        own = len(body) + sum(_size(part, bodies, known) for part in _NAME.findall(_COUNT.sub(" ", body)))
        known[name] = min(own * max(times, 1), MAX_SIZE + 1)
    if known[name] < 0 or len(known) > MAX_RULES:
        raise GrammarRefused
    return known[name]


@lru_cache(maxsize=_KEPT)
def _works(grammar: str) -> bool:
    worker = Path(__file__).with_name("grammar_worker.py")
    kept = ("PATH", "LANG", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(worker)],
            input=grammar.encode("utf-8", errors="replace"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TRY_S,
            check=False,
            env={name: os.environ[name] for name in kept if name in os.environ},
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0 and done.stdout.endswith(b"ok\n")

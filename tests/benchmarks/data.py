"""`make bench-data`: fetches public data for benchmarks into one folder, each file proved by its SHA-256.

The folder is CHATPLATFORM_BENCH_DATA, or `data/bench`. Tests of every day need none of it.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

VARIABLE = "CHATPLATFORM_BENCH_DATA"
LIST = Path(__file__).with_name("data.toml")


@dataclass(frozen=True)
class Wanted:
    """A file: its place below the folder, where it comes from, and what it must be."""

    name: str
    url: str
    sha256: str


def folder() -> Path:
    return Path(os.environ.get(VARIABLE) or "data/bench")


def wanted(listed: Path = LIST) -> Iterator[Wanted]:
    for one in tomllib.loads(listed.read_text())["set"]:
        for name, sha256 in one["files"].items():
            yield Wanted(f"{one['name']}/{name}", one["address"] + name, sha256)


def is_here(into: Path, one: Wanted) -> bool:
    path = into / one.name
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == one.sha256


def fetch(into: Path, one: Wanted, client: httpx.Client) -> str:
    """Fetch a file; what is wrong with it, or nothing. A file that is not right never gets its name."""
    try:
        answer = client.get(one.url).raise_for_status()
    except httpx.HTTPError as error:
        return f"{one.name} could not be fetched: {type(error).__name__}"
    if hashlib.sha256(answer.content).hexdigest() != one.sha256:
        return f"{one.name} is not the file that was listed"
    path = into / one.name
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}")
    draft.write_bytes(answer.content)
    draft.replace(path)
    return ""


def main(listed: Path = LIST) -> int:
    into = folder()
    missing = [one for one in wanted(listed) if not is_here(into, one)]
    with httpx.Client(timeout=60, follow_redirects=True) as client:
        failures = [problem for one in missing if (problem := fetch(into, one, client))]
    for problem in failures:
        print(problem)
    print(f"{into}: {len(missing) - len(failures)} files fetched, {len(failures)} missing")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

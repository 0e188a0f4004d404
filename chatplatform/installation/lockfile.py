"""Reading the locked requirements: `name==version` with hashes, one package a block."""

from __future__ import annotations

import re

_HEAD = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")


def blocks(lock: str) -> dict[str, str]:
    """The text of each package's block, by normalised name, in the order of the file."""
    found: dict[str, str] = {}
    name = ""
    for line in lock.splitlines(keepends=True):
        if head := _HEAD.match(line):
            name = re.sub(r"[-_.]+", "-", head[1]).lower()
            found[name] = ""
        if name:
            found[name] += line
    return found


def version(block: str) -> str:
    """The version in a package's block. Raises ValueError when it is none."""
    head = _HEAD.match(block)
    if head is None:
        raise ValueError("not a locked package")
    return head[2]

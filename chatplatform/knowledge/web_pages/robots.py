"""robots.txt as RFC 9309 has it: the group of our name, the longest rule that fits, `*` and `$` in paths.

The standard library's parser takes the first rule that fits and knows no wildcards, so it would fetch what many sites
exclude.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

# how we are called in robots.txt and in meta tags, and how we introduce ourselves
OUR_NAME: Final = "chatplatform"
MOST_BYTES: Final = 512 * 1024
MOST_RULES: Final = 5_000
LONGEST_PAUSE_S: Final = 30.0
_SAFE: Final = "/:@!$&'()*+,;=~-._%?"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a site asks of us; without rules everything may be fetched. `pause_s` is what it wishes between pages."""

    rules: tuple[tuple[str, bool], ...] = ()
    pause_s: float = 0.0

    def permits(self, address: str) -> bool:
        parts = urlsplit(address)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if path == "/robots.txt":
            return True
        best, permitted = -1, True
        for pattern, allows in self.rules:
            # of rules of one length the one that permits counts
            if len(pattern) >= best and _fits(pattern, path) and (len(pattern) > best or allows):
                best, permitted = len(pattern), allows
        return permitted


NOTHING: Final = Rules(rules=(("/", False),))


def rules_of(data: bytes) -> Rules:
    """What a robots.txt says to us: the groups of our name together, else those for everybody."""
    ours: list[tuple[str, bool]] = []
    everybodys: list[tuple[str, bool]] = []
    pauses = {True: 0.0, False: 0.0}
    names: list[str] = []
    in_rules = False
    has_ours = False
    for line in data[:MOST_BYTES].decode("utf-8", "replace").removeprefix("\ufeff").splitlines():
        field, colon, value = line.partition("#")[0].partition(":")
        field, value = field.strip().lower(), value.strip()
        if not colon:
            continue
        if field == "user-agent":
            if in_rules:
                names, in_rules = [], False
            names.append(value.lower())
            has_ours = has_ours or value.lower() == OUR_NAME
            continue
        if field not in {"allow", "disallow", "crawl-delay"}:
            continue
        in_rules = True
        for is_ours, group in ((True, ours), (False, everybodys)):
            if (OUR_NAME if is_ours else "*") not in names:
                continue
            if field == "crawl-delay":
                pauses[is_ours] = _seconds(value)
            elif value and len(group) < MOST_RULES:
                group.append((quote(value, safe=_SAFE), field == "allow"))
    return Rules(tuple(ours if has_ours else everybodys), pauses[has_ours])


def _seconds(value: str) -> float:
    try:
        return min(max(float(value), 0.0), LONGEST_PAUSE_S)
    except ValueError:
        return 0.0


def _fits(pattern: str, path: str) -> bool:
    """Whether the pattern is a beginning of the path; part by part, so that no pattern takes long."""
    is_whole = pattern.endswith("$")
    first, *others = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    for number, part in enumerate(others):
        if is_whole and number == len(others) - 1:
            return len(path) - len(part) >= at and path.endswith(part)
        found = path.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return not is_whole or at == len(path)

"""The confined process that reads marks: HTML comes in by standard input, one line of JSON goes out.

    python -m chatplatform.documents.marks_child CHARSET MEMORY_MB CPU_S META_NAMES

Hostile HTML keeps Python's parser busy for hours (its time grows with the square of what is left open), so it runs
where time is bounded. Imports no Django.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection
from html.parser import HTMLParser
from typing import Any, Final

from chatplatform.documents.confinement import confine

MOST_LINKS: Final = 2_000
MOST_METAS: Final = 50
# longer ones are no addresses that anybody meant
_LONGEST: Final = 2_000
_CHARSET: Final = re.compile(rb"""charset\s*=\s*["']?\s*([a-zA-Z0-9_-]{2,40})""", re.IGNORECASE)


def marks_of(data: bytes, charset: str = "", names: Collection[str] = ()) -> dict[str, Any]:
    """What `marks.Marks` holds, as JSON has it. Broken HTML is told as far as it goes."""
    reader = _Reader(names)
    try:
        reader.feed(_decoded(data, charset))
        reader.close()
    except (AssertionError, ValueError):
        pass  # the parser gives up on some broken marks; what it told before counts
    return {"base": reader.base, "own": reader.own, "links": list(reader.links), "metas": reader.metas}


class _Reader(HTMLParser):
    def __init__(self, names: Collection[str]) -> None:
        super().__init__(convert_charrefs=True)
        self._names = names
        self.base = self.own = ""
        self.links: dict[str, None] = {}
        self.metas: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "meta":
            if given.get("name", "").lower() in self._names and len(self.metas) < MOST_METAS:
                self.metas.append(given.get("content", "")[:_LONGEST])
            return
        href, relations = given.get("href", ""), given.get("rel", "").lower().split()
        if not href or len(href) > _LONGEST:
            return
        if tag in {"a", "area"} and "nofollow" not in relations and len(self.links) < MOST_LINKS:
            self.links[href] = None
        elif tag == "base":
            self.base = self.base or href
        elif tag == "link" and "canonical" in relations:
            self.own = self.own or href


def _decoded(data: bytes, charset: str) -> str:
    """Addresses are ASCII in nearly every encoding; what says nothing is read as UTF-8."""
    if not charset and (match := _CHARSET.search(data[:4096])):
        charset = match[1].decode("ascii")
    try:
        return data.decode(charset or "utf-8", "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


def main() -> None:
    charset, memory_mb, cpu_s, names = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    confine(memory_mb=memory_mb, cpu_s=cpu_s)
    said = marks_of(sys.stdin.buffer.read(), "" if charset == "-" else charset, names.split(","))
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()

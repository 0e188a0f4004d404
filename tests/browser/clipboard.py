"""What is on the clipboard once a copy has reached it: the kinds of one copy may arrive one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import Page

WAIT_S = 15.0
# null while there is none of that kind, or the page may not look yet
READ = """async (kind) => {
  try {
    for (const item of await navigator.clipboard.read())
      if (item.types.includes(kind)) return await (await item.getType(kind)).text();
  } catch {}
  return null;
}"""


def pasted(page: Page, holds: Callable[[str], bool], kind: str = "text/plain") -> str:
    """What a paste would bring, as soon as it holds. `wait_for_function` would not wait: a promise counts as true."""
    until = time.monotonic() + WAIT_S
    while True:
        words: str | None = page.evaluate(READ, kind)
        if words is not None and holds(words):
            return words
        assert time.monotonic() < until, f"{kind} on the clipboard is {words!r}"
        page.wait_for_timeout(50)

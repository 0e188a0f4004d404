"""Every page of the product, furnished with one of each thing, to be looked at in a browser.

The addresses are those of the permission matrix, which a test keeps complete: a new page needs no word here.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Error, Page

from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.site_process import SiteProcesses
from tests.security.permission_matrix import EVERYBODY, LINES
from tests.security.test_permission_matrix import FIXED

HERE = Path(__file__).parent
FIND_FLAWS = (HERE / "find_flaws.js").read_text()
FIND_OVERFLOW = (HERE / "find_overflow.js").read_text()
FIND_TEXTS = (HERE / "find_texts.js").read_text()
WIDTHS = (1440, 768, 360)
HEIGHT = 900
PICTURES = os.environ.get("CHATPLATFORM_TEST_PICTURES", "")

# rules whose answer depends on the colours
OF_COLOURS = ["color-contrast", "link-in-text-block"]
RUN_AXE = """async (rules) => {
  const only = rules ? { runOnly: { type: "rule", values: rules } } : {};
  // a menu or a dialog that is open lies above the page and belongs to its button, not to a part of the page
  if (document.querySelector(":popover-open, dialog[open]")) only.rules = { region: { enabled: false } };
  const found = await axe.run(document, { resultTypes: ["violations"], ...only });
  return found.violations.flatMap((one) =>
    one.nodes.map((node) => `${one.id}: ${node.target.join(" ")} ${node.html.slice(0, 140)}`));
}"""

FURNISH = """
import json
import django
django.setup()
from django.test.utils import setup_test_environment
setup_test_environment()
from chatplatform.accounts.models import Role
from tests.security.world import ENGINE_ID, make_world
world = make_world()
owner = world.here.people[Role.OWNER]
print(json.dumps({"session": owner.session_key, "ids": {**world.here.ids(Role.OWNER), "engine_id": ENGINE_ID}}))
"""


class Address(NamedTuple):
    """A page; `stranger` says that it is for people who are not signed in."""

    path: str
    stranger: bool


@dataclass(frozen=True)
class Furnished:
    """A site with one of each thing, and its owner's session."""

    processes: SiteProcesses
    session: str
    ids: Mapping[str, str]

    def addresses(self) -> list[Address]:
        known = {**FIXED, **self.ids}
        found = []
        for line in LINES:
            if line.method != "get" or line.address.startswith(("static/", "v1/", "api/")):
                continue
            path = re.sub(r"<(\w+)>", lambda name: known[name[1]], f"/{line.address}{line.query}")
            found.append(Address(path, line.who is EVERYBODY))
        return [*found, Address("/api/docs", False), Address("/nothing-here/", False)]


@contextmanager
def furnished_site() -> Iterator[Furnished]:
    engine = ScriptedEngineProcess()
    with tempfile.TemporaryDirectory(prefix="chatplatform-pages-") as folder:
        processes = SiteProcesses(Path(folder), engine_url=engine.url, engine_token=TOKEN)
        try:
            processes.migrate()
            made = json.loads(processes.script(FURNISH).splitlines()[-1])
            processes.start_web()
            yield Furnished(processes, made["session"], made["ids"])
        finally:
            processes.stop()
            engine.stop()


def goes_there(page: Page, url: str) -> bool:
    """Open an address; false when it is no page, or leads to another one."""
    try:
        answer = page.goto(url)
    except Error as problem:
        if "Download is starting" in problem.message:
            return False
        raise
    assert answer is not None
    if "text/html" not in answer.headers.get("content-type", "") or page.url != url:
        return False
    return page.locator("main").count() == 1  # others are parts that scripts ask for


def axe(page: Page, rules: list[str] | None = None) -> list[str]:
    """What axe-core finds; with `rules` only by these."""
    if not page.evaluate("Boolean(globalThis.axe)"):
        page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text())
    found: list[str] = page.evaluate(RUN_AXE, rules)
    return found


def faded(page: Page) -> None:
    """Wait until colours have faded into one another, however busy the machine is."""
    page.evaluate(
        """async () => {
          for (let calm = 0; calm < 5; calm++) {
            await new Promise(requestAnimationFrame);
            const fading = document.getAnimations().filter((one) => one instanceof CSSTransition);
            if (fading.length) calm = 0;
            await Promise.allSettled(fading.map((one) => one.finished));
          }
        }"""
    )


def overflow(page: Page, width: int) -> list[str]:
    page.set_viewport_size({"width": width, "height": HEIGHT})
    found: list[str] = page.evaluate(FIND_OVERFLOW)
    return [f"{width} px wide: {flaw}" for flaw in found]


def texts(page: Page) -> set[str]:
    return set(page.evaluate(FIND_TEXTS))


def take_picture(page: Page, path: str, name: str, **settings: Any) -> None:
    if PICTURES:
        folder = Path(PICTURES)
        folder.mkdir(parents=True, exist_ok=True)
        place = re.sub(r"[^\w]+", "-", re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "id", path)).strip("-") or "start"
        page.screenshot(path=folder / f"{place}.{name}.png", animations="disabled", caret="hide", **settings)

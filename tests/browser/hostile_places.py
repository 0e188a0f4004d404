"""The pages that show what `hostile.fill` made, a page load for many texts.

Each is told to a tally with how many of the texts it showed, so that a page that shows nothing cannot pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.hostile import Made, Watched

PATIENCE_MS = 60_000
TOO_MANY = 429
# what a file that stands alone has: its own style and policy, and addresses that lead nowhere on a disk
OF_FILES = ("an element that changes the page", "a strange address")
# press each of what stands there, wait until its text has come, and say how many there were
PRESS_ALL = """
async ({ buttons, panel, waits, shows }) => {
  const place = document.querySelector(panel);
  const pause = () => new Promise((done) => setTimeout(done, 4));
  const busy = () => place.querySelector(waits) !== null || !place.querySelector(shows)?.textContent;
  const all = [...document.querySelectorAll(buttons)];
  for (const button of all) {
    button.click();
    const until = Date.now() + 20_000;
    do await pause(); while ((!place.open || busy()) && Date.now() < until);
    if (busy()) throw new Error(`nothing came: ${place.textContent.replace(/\\s+/g, " ").slice(0, 400)}`);
    place.close();
    await pause();
  }
  return all.length;
}
"""
SOURCES = {
    "buttons": "[data-sources] button",
    "panel": "#sources-panel",
    "waits": "[data-source-text][aria-busy]",
    "shows": "[data-source-text] mark",
}


@dataclass
class Tally:
    """How many texts were seen in each place, and what was found."""

    seen: dict[str, int] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)

    def add(self, place: str, number: int, watched: Watched, *, but: tuple[str, ...] = ()) -> None:
        """`but`: what is no finding there, by how it begins."""
        self.seen[place] = self.seen.get(place, 0) + number
        self.found += [
            f"{place}: {one}" for one in watched.take_findings() if not (but and one.startswith(but))
        ]


def in_conversations(watched: Watched, made: Made, tally: Tally) -> None:
    """Questions, answers, names of files, sources: shown, and then a file with all of them and each source opened."""
    page = watched.page
    for identity in made.conversations:
        page.goto(f"{watched.url}/c/{identity}/")
        expect(page.locator("html[data-ready]")).to_be_attached()
        questions = page.locator(".message--user").count()
        assert page.locator(".message--assistant").count() == questions > 0
        tally.add("question", questions, watched)
        tally.add("answer", questions, watched)
        tally.add("file name", page.locator(".message--user [data-chip] [data-name]").count(), watched)
        page.locator(".message--user [data-chip] [data-open]").first.click()
        text = page.locator("#file-dialog [data-text] > :not(.file-text__page)")
        expect(text).to_have_count(questions, timeout=PATIENCE_MS)
        tally.add("file text", questions, watched)
        page.keyboard.press("Escape")
        tally.add("citation", page.evaluate(PRESS_ALL, SOURCES), watched)


def in_sidebar(watched: Watched, made: Made, tally: Tally) -> None:
    """Titles, and names of folders and tags."""
    page = watched.page
    page.goto(watched.url)
    expect(page.locator("html[data-ready]")).to_be_attached()
    page.wait_for_function(
        """(all) => {
          const frame = document.querySelector("[data-conversations]");
          frame.scrollTop = frame.scrollHeight;
          frame.dispatchEvent(new Event("scroll"));
          return frame.querySelectorAll("[data-list] [data-conversation-id]").length === all;
        }""",
        arg=made.titles,
        timeout=PATIENCE_MS,
    )
    tally.add("title", made.titles, watched)
    tally.add("folder", page.locator("[data-overview] .place__name").count() - 1, watched)
    tally.add("tag", page.locator("[data-overview] [data-tag-id]").count(), watched)


def in_shared_pages(watched: Watched, made: Made, tally: Tally) -> None:
    """For a stranger; the page has no script."""
    for link in made.links:
        while (answer := watched.page.goto(watched.url + link)) and answer.status == TOO_MANY:
            watched.page.wait_for_timeout(1_000 * int(answer.headers["retry-after"]))
        tally.add("shared page", watched.page.locator(".prose").count(), watched)


def in_exported_files(watched: Watched, made: Made, tally: Tally) -> None:
    """Opened from the disk, where only the file's own policy holds."""
    for file in made.files:
        watched.page.goto(Path(file).as_uri())
        tally.add("exported file", watched.page.locator(".prose").count(), watched, but=OF_FILES)


def in_import_reports(watched: Watched, made: Made, tally: Tally) -> None:
    """What of a file was not taken."""
    watched.page.goto(f"{watched.url}/settings/sharing/")
    tally.add("import file", watched.page.locator(".import-problems li").count(), watched)


def in_feedback(watched: Watched, tally: Tally) -> None:
    """Everybody's comments, in the console."""
    page = watched.page
    page.goto(f"{watched.url}/console/feedback/")
    older = page.get_by_role("link", name="Older feedback")
    while True:
        tally.add("comment", page.locator(".feedback-comment").count(), watched)
        if not older.count():
            return
        older.click()


OF_PERSON: tuple[Callable[[Watched, Made, Tally], None], ...] = (
    in_conversations,
    in_sidebar,
    in_import_reports,
)
OF_STRANGER: tuple[Callable[[Watched, Made, Tally], None], ...] = (in_shared_pages, in_exported_files)

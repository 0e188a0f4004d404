"""Thousands of hostile texts through every place of the product, in a real browser: nothing may run, load or leave.

usage: python -m tests.benchmarks hostile_content [--list FILE] [--most N]

Each text is a question, an answer, an answer that arrives one character at a time, a title, the name and the text of a
file, a source with its passage, the name of a folder and of a tag; it stands on a shared page, in an exported file, in
a comment that the console shows, and comes in an import file, as a conversation and as one that is refused.
Our own list is tried, and `xss-payload-list.txt` where a copy lies in the folder of benchmark data or FILE names one.
Ends with 1 when anything was found, or when a place did not show every text.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from chatplatform.installation.browser import find_browser
from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.site_process import SiteProcesses
from tests.benchmarks.data import folder

NAME = "xss-payload-list.txt"
STREAMED_AT_ONCE = 150
# so many belong to one person: their list of conversations is walked to its end
OF_ONE_PERSON = 500


def main(arguments: list[str] | None = None) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")
    django.setup()
    from tests.browser.hostile import payloads

    parser = argparse.ArgumentParser(prog="hostile_content", description=__doc__)
    parser.add_argument("--list", type=Path, default=folder() / NAME)
    parser.add_argument("--most", type=int, default=10_000)
    options = parser.parse_args(arguments or [])
    texts = payloads(options.list)[: options.most]
    print(f"{len(texts):,} hostile texts", flush=True)
    engine = ScriptedEngineProcess()
    with tempfile.TemporaryDirectory(prefix="chatplatform-bench-") as scratch:
        site = SiteProcesses(
            Path(scratch),
            engine_url=engine.url,
            engine_token=TOKEN,
            CHATPLATFORM_API_REQUESTS_A_MINUTE="1000000",
        )
        try:
            site.migrate()
            people = -(-len(texts) // OF_ONE_PERSON)
            sessions = [cookie.partition("=")[2] for cookie in site.people(people + 1)]
            site.start_web()
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
                found = streamed(site, browser, sessions.pop(), texts)
                found += stored(site, browser, sessions, texts)
                browser.close()
        finally:
            site.stop()
            engine.stop()
    print(f"{len(found)} findings")
    if found:
        raise SystemExit(1)


def stored(site: SiteProcesses, browser: Browser, sessions: list[str], texts: list[str]) -> list[str]:
    """In every place that rows fill."""
    from tests.browser import hostile_places as places
    from tests.browser.hostile import Watched, console_session, fill, watched_context

    began, tally, told = time.monotonic(), places.Tally(), 0
    stranger = Watched(watched_context(browser, site.url), site.url)
    for number, session in enumerate(sessions):
        part = texts[number * OF_ONE_PERSON : (number + 1) * OF_ONE_PERSON]
        context = watched_context(browser, site.url, session)
        watched = Watched(context, site.url)
        watched.page.goto(site.url)
        person = watched.page.evaluate(
            "JSON.parse(document.getElementById('page-data').textContent).person_id"
        )
        made = fill(site, person, part)
        for look in places.OF_PERSON:
            look(watched, made, tally)
        for look in places.OF_STRANGER:
            look(stranger, made, tally)
        context.close()
        for one in tally.found[told:]:
            print(f"  FOUND {one}", flush=True)
        told = len(tally.found)
        print(
            f"  {min((number + 1) * OF_ONE_PERSON, len(texts)):,} ({time.monotonic() - began:.0f} s)",
            flush=True,
        )
    console = Watched(watched_context(browser, site.url, console_session(site)), site.url)
    places.in_feedback(console, tally)
    for place, seen in tally.seen.items():
        print(f"{place}: {seen:,}", flush=True)
        if seen < len(texts):  # the conversations that hold the texts have titles too
            tally.found.append(f"{place}: {seen:,} texts of {len(texts):,} were shown")
    for one in tally.found[told:]:
        print(f"  FOUND {one}", flush=True)
    print(f"in stored places: {len(tally.found)} findings ({time.monotonic() - began:.0f} s)", flush=True)
    return tally.found


def streamed(site: SiteProcesses, browser: Browser, session: str, texts: list[str]) -> list[str]:
    """As answers that arrive one character at a time."""
    from tests.browser.hostile import Watched, show_streamed, watched_context

    began, found, frames = time.monotonic(), [], 0
    context = watched_context(browser, site.url, session, fake_socket=True)
    watched = Watched(context, site.url)
    for start in range(0, len(texts), STREAMED_AT_ONCE):
        watched.page.goto(site.url)
        watched.page.wait_for_selector("html[data-ready]")
        frames += show_streamed(watched.page, texts[start : start + STREAMED_AT_ONCE])
        found += watched.take_findings()
    context.close()
    for one in found:
        print(f"  FOUND {one}")
    print(
        f"one character at a time: {len(texts):,} texts in {frames:,} frames:"
        f" {len(found)} findings ({time.monotonic() - began:.0f} s)",
        flush=True,
    )
    return found

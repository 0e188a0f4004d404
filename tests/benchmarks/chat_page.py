"""The chat page in a real browser: how it opens, scrolls and streams when a conversation or an answer is very long.

usage: python -m tests.benchmarks chat_page [--only open|scroll|stream] [--rounds N] [--tokens N] [--shape NAME …]

`open`: a conversation of 5,000 messages against one of 50, from the click on the address to a page that can be used.
`scroll`: up through all 5,000, with every task of the page's thread that took longer than 50 ms.
`stream`: what one token costs the browser's thread and the web process, at the beginning of an answer of 20,000
tokens and at its end, for answers of several shapes. The limit on an answer's length is lifted for that.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, sync_playwright

from chatplatform.installation.browser import find_browser
from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.site_process import ROOT, SiteProcesses

SHORT, LONG = 50, 5_000
TOKENS = 20_000
SCRIPT_LIMIT = 120 * 1024
DELAY_MS = 2
# tasks are counted in the thread's own time: on a busy machine the clock counts what others did meanwhile
OWN_TIME = {"timeDomain": "threadTicks"}

FILL = """
import json, sys
import django
django.setup()
from chatplatform.accounts.models import Membership
from chatplatform.chat.content import sealed_message, sealed_title
from chatplatform.chat.models import Conversation, Message
from chatplatform.common.ids import new_id
from chatplatform.common.scope import workspace_scope
from chatplatform.privacy.subjects import Subject
place = Membership.objects.get(user_id=sys.argv[1])
owner = Subject.person(place.user_id)
with workspace_scope(place.workspace_id):
    conversation = Conversation(id=new_id(), workspace_id=place.workspace_id, owner_id=place.user_id)
    conversation.title = sealed_title(owner, conversation.id, f"{sys.argv[2]} messages")
    conversation.save()
    parent, rows = None, []
    for number in range(int(sys.argv[2])):
        row = Message(id=new_id(), workspace_id=place.workspace_id, conversation=conversation, parent=parent,
                      number=number, role=("user", "assistant")[number % 2])
        text = f"Message {number}. What about the poles, and how long do they last?"
        if number % 2:
            text = f"Message {number}.\\n\\n" + "They last for **years** when they are kept dry. " * 8 + (
                "\\n\\n- the long one\\n- the short one\\n\\n`fold(poles)` does the rest.\\n")
            if number % 20 == 1:
                text += "\\n```python\\ndef fold(poles):\\n    return sorted(poles)\\n```\\n"
                text += "\\n| part | weight |\\n| --- | ---: |\\n| pole | 0.4 kg |\\n"
        row.content = sealed_message(owner, row.id, text)
        rows.append(row)
        parent = row
    Message.objects.bulk_create(rows, batch_size=500)
print(conversation.id)
"""

# the web process with answers as long as the engine wants
UNLIMITED = """
import sys
from dataclasses import replace
import django
django.setup()
import chatplatform.chat.limits
import chatplatform.chat.prompt_building
from chatplatform.prompts.sampling import SamplingSettings
chatplatform.chat.limits.ANSWER_TOKENS = 1_000_000
chatplatform.chat.prompt_building.window_of = lambda model: 8_000_000
resolved = SamplingSettings.resolved
SamplingSettings.resolved = lambda self: replace(resolved(self), max_tokens=1_000_000)
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", *sys.argv[1:]])
"""

WATCH = """
window.longTasks = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.longTasks.push(Math.round(entry.duration));
}).observe({ entryTypes: ["longtask"] });
new MutationObserver((_, watcher) => {
  if (document.documentElement?.dataset.ready === undefined) return;
  requestAnimationFrame(() => { window.readyAt ??= performance.now(); });
  watcher.disconnect();
}).observe(document, { attributes: true, subtree: true, attributeFilter: ["data-ready"] });
"""

WORDS = (
    "the tent stands in the wind and keeps the rain away from those who sleep in it, as a good tent should. "
)
SHAPES: dict[str, Callable[[int], str]] = {
    "prose": lambda n: "\n\n".join([(WORDS * 3).strip()] * (n // 66)),
    "one paragraph": lambda n: (WORDS * (n // 22)).strip(),
    "without a full stop": lambda n: "word " * n,
    "code": lambda n: (
        "```python\n" + "    total = total + weight_of(pole)  # one more\n" * (n // 9) + "```\n"
    ),
    "list": lambda n: "- the long pole goes in first, then the short one\n" * (n // 11),
    "mixed": lambda n: (
        (
            WORDS
            + "\n\n- the long pole\n- the short pole\n\n```python\ntotal = total + weight_of(pole)\n```\n\n"
            + "| part | kg |\n| --- | --- |\n| the long pole | 0.4 |\n\n"
        )
        * (n // 61)
    ),
    "table": lambda n: "| part | kg |\n| --- | --- |\n" + "| the long pole | 0.4 |\n" * (n // 7),
}


@dataclass
class Chat:
    """One person's browser before a site."""

    site: SiteProcesses
    context: BrowserContext
    person: str

    def page(self) -> Page:
        return self.context.new_page()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="chat_page", description=__doc__)
    parser.add_argument("--only", choices=["open", "scroll", "stream"])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--tokens", type=int, default=TOKENS)
    parser.add_argument("--shape", nargs="*", choices=list(SHAPES), default=list(SHAPES))
    options = parser.parse_args(arguments or [])
    script = [{"when": f"shape {name}.", "reply": shape(options.tokens)} for name, shape in SHAPES.items()]
    with chat_site(script) as chat:
        if options.only != "stream":
            long = made(chat, LONG)
            if options.only != "scroll":
                time_opening(chat, made(chat, SHORT), long, options.rounds)
            if options.only != "open":
                time_scrolling(chat, long)
        if options.only in {None, "stream"}:
            for name in options.shape:
                time_streaming(chat, name, options.tokens)


@contextmanager
def chat_site(script: list[dict[str, str]]) -> Iterator[Chat]:
    with tempfile.TemporaryDirectory(prefix="chatplatform-bench-") as scratch:
        folder = Path(scratch)
        (folder / "script.json").write_text(json.dumps(script))
        engine = ScriptedEngineProcess("--script", str(folder / "script.json"), "--context", "1000000")
        site = SiteProcesses(folder, engine_url=engine.url, engine_token=TOKEN)
        try:
            site.migrate()
            session = site.people(1)[0].partition("=")[2]
            site.command = [sys.executable, "-c", UNLIMITED]
            site.start_web()
            with sync_playwright() as playwright:
                switches = [
                    "--disable-gpu",
                    "--no-first-run",
                    "--disable-background-networking",
                    "--no-sandbox",
                ]
                browser: Browser = playwright.chromium.launch(executable_path=find_browser(), args=switches)
                context = browser.new_context(viewport={"width": 1280, "height": 800})
                context.add_init_script(WATCH)
                context.add_cookies([{"name": "sessionid", "value": session, "url": site.url}])
                page = context.new_page()
                page.goto(site.url)
                person = page.evaluate(
                    "JSON.parse(document.getElementById('page-data').textContent).person_id"
                )
                page.close()
                yield Chat(site, context, person)
                browser.close()
        finally:
            site.stop()
            engine.stop()


def made(chat: Chat, messages: int) -> str:
    """The address of a conversation with so many messages."""
    return f"/c/{chat.site.script(FILL, chat.person, str(messages)).split()[-1]}/"


# ---------------------------------------------------------------- opening


def time_opening(chat: Chat, short: str, long: str, rounds: int) -> None:
    found: dict[str, list[dict[str, float]]] = {short: [], long: []}
    for _ in range(rounds + 1):
        for path in found:  # in turn, so that a busy moment meets both
            found[path].append(open_once(chat, path))
    names = {short: f"{SHORT:,} messages", long: f"{LONG:,} messages"}
    middle = {
        path: {key: statistics.median(each[key] for each in times[1:]) for key in times[0]}
        for path, times in found.items()
    }
    for path, times in middle.items():
        print(
            f"{names[path]}: usable after {times['ready']:.0f} ms, first paint {times['paint']:.0f} ms,"
            f" the server's part {times['server']:.0f} ms, page {times['page'] / 1024:.0f} KiB (median of {rounds})"
        )
    ratio = middle[long]["ready"] / middle[short]["ready"]
    print(f"ratio: {ratio:.2f} (wanted: at most 1.5){'' if ratio <= 1.5 else ' TOO SLOW'}")
    paint = middle[long]["paint"]
    print(f"first paint: {paint:.0f} ms (wanted: under 1,000){'' if paint < 1000 else ' TOO SLOW'}")
    script = middle[long]["script"] / 1024
    verdict = "" if script * 1024 < SCRIPT_LIMIT else " TOO MUCH"
    print(
        f"script at start: {script:.1f} KiB in {middle[long]['scripts']:.0f} files (wanted: under 120){verdict}"
    )


def open_once(chat: Chat, path: str) -> dict[str, float]:
    page = chat.page()
    page.goto(chat.site.url + path)
    page.wait_for_function("window.readyAt")
    times: dict[str, float] = page.evaluate(
        """() => {
          const [navigation] = performance.getEntriesByType("navigation");
          const scripts = performance.getEntriesByType("resource").filter(({ name }) => /\\.js(\\?|$)/.test(name));
          return {
            ready: window.readyAt,
            paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
            server: navigation.responseEnd - navigation.requestStart,
            page: navigation.decodedBodySize,
            script: scripts.reduce((sum, one) => sum + one.decodedBodySize, 0),
            scripts: scripts.length,
          };
        }"""
    )
    page.close()
    return times


# ---------------------------------------------------------------- scrolling


def time_scrolling(chat: Chat, path: str) -> None:
    page = chat.page()
    page.goto(chat.site.url + path)
    page.wait_for_function("window.readyAt")
    page.wait_for_timeout(500)
    page.evaluate("window.longTasks.length = 0")
    metrics = page.context.new_cdp_session(page)
    metrics.send("Performance.enable", OWN_TIME)
    page.locator("[data-log]").hover()
    before, began = task_s(metrics), time.monotonic()
    pages, worst, spent = 0, [], []
    turn = before
    while (
        not page.evaluate("document.querySelector('[data-older]').hidden") and time.monotonic() - began < 240
    ):
        page.mouse.wheel(0, -2500)
        page.wait_for_timeout(16)
        pages += 1
        spent.append(1000 * (task_s(metrics) - turn))
        turn += spent[-1] / 1000
        if pages % 100 == 0:
            worst.append(
                (page.locator(".message").count(), round(1000 * (task_s(metrics) - before) / 100, 1))
            )
            before = task_s(metrics)
    count = page.locator(".message").count()
    tasks: list[int] = page.evaluate("window.longTasks")
    print(
        f"scrolled up through {count:,} messages in {time.monotonic() - began:.0f} s and {pages} turns of the wheel:"
        f" {len(tasks)} tasks over 50 ms, the longest {max(tasks, default=0)} ms"
    )
    print(
        f"  of its own time the page's thread spent over 50 ms in {sum(each > 50 for each in spent)} of these turns,"
        f" at most {max(spent, default=0):.0f} ms, {statistics.median(spent):.1f} ms in the median one"
    )
    print(f"  messages loaded, and ms of the page's thread for each turn of the wheel: {worst}")
    page.evaluate("window.longTasks.length = 0")
    for _ in range(200):
        page.mouse.wheel(0, 2500)
        page.wait_for_timeout(16)
    down: list[int] = page.evaluate("window.longTasks")
    print(f"  and 200 turns down again: {len(down)} tasks over 50 ms, the longest {max(down, default=0)} ms")
    page.close()


def task_s(metrics: CDPSession) -> float:
    return metric(metrics, "TaskDuration")


def metric(metrics: CDPSession, name: str) -> float:
    found: dict[str, Any] = metrics.send("Performance.getMetrics")
    return float(next(each["value"] for each in found["metrics"] if each["name"] == name))


# ---------------------------------------------------------------- streaming


def stored_characters(page: Page, url: str) -> int:
    """Of the answer: the page shows only the beginning of a very long table."""
    conversation = page.url.rstrip("/").rpartition("/")[2]
    messages = page.request.get(f"{url}/api/conversations/{conversation}/messages").json()["items"]
    return len(messages[-1]["text"])


def time_streaming(chat: Chat, shape: str, tokens: int) -> None:
    """Sample what browser and server have used, and how far the answer is, while it arrives."""
    whole = len(SHAPES[shape](tokens))
    page = chat.page()
    page.goto(chat.site.url)
    page.wait_for_function("window.readyAt")
    metrics = page.context.new_cdp_session(page)
    metrics.send("Performance.enable", OWN_TIME)
    page.locator("#message").fill(f"shape {shape}. [[delay_ms={DELAY_MS}]]")
    page.locator("#message").press("Enter")
    page.wait_for_selector("[data-running=running]")
    page.evaluate("window.longTasks.length = 0")
    samples: list[tuple[float, float, float]] = []  # seconds, of the page's thread, of the web process
    began = time.monotonic()
    while page.locator("[data-running]").count() and time.monotonic() - began < 300:
        samples.append((time.monotonic() - began, task_s(metrics), chat.site.cpu_s("web")))
        page.wait_for_timeout(250)
    ended = time.monotonic() - began
    tasks: list[int] = page.evaluate("window.longTasks")
    shown = page.locator(".message--assistant [data-body]").last.evaluate("(body) => body.textContent.length")
    stored = stored_characters(page, chat.site.url)
    if stored < 0.9 * whole:
        raise AssertionError(f"{shape}: of {whole} characters only {stored} were written")
    # the engine writes evenly, so time tells how far the answer was
    pace = tokens / ended

    def cost(start: float, end: float) -> tuple[float, float]:
        inside = [each for each in samples if start * ended <= each[0] <= end * ended]
        if len(inside) < 2:
            return 0.0, 0.0
        written = (inside[-1][0] - inside[0][0]) * pace
        return (
            1e6 * (inside[-1][1] - inside[0][1]) / written,
            1e6 * (inside[-1][2] - inside[0][2]) / written,
        )

    first, last = cost(0.02, 0.12), cost(0.88, 0.98)
    print(
        f"{shape}: {tokens:,} tokens ({whole:,} characters, {shown:,} shown) in {ended:.0f} s; a token costs the"
        f" browser {first[0]:.0f} µs at the beginning and {last[0]:.0f} µs at the end (x {ratio(last[0], first[0])}),"
        f" the server {first[1]:.0f} and {last[1]:.0f} µs (x {ratio(last[1], first[1])});"
        f" {len(tasks)} tasks over 50 ms, the longest {max(tasks, default=0)} ms",
        flush=True,
    )
    page.close()


def ratio(last: float, first: float) -> str:
    return f"{last / first:.2f}" if first else "?"


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main(sys.argv[1:])

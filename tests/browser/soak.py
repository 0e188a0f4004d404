"""People who chat while everything around them breaks, by a script of random events that a seed foretells.

`Soak.run(n)` does n events on streaming answers, in a real browser before real processes, over a line that can be cut.
Now and then, and at the end, everything is mended, answers are waited for, and soak_judging looks at rows and pages.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error
from playwright.sync_api import TimeoutError as TookTooLong

from tests.browser.conftest import COUNT_REPORTS, WAIT_MS, ChatPage, Site
from tests.browser.cuttable_line import CuttableLine
from tests.browser.soak_judging import Row, Shown, growing_finding, shown_findings, stored_findings

LOOK_EVERY = 40
# an answer that does not end in this time after everything was mended is stuck
SETTLES_S = 60
TABS = 3

READ_ROWS = """
import json, sys
import django
django.setup()
from chatplatform.chat.content import text_of
from chatplatform.chat.models import Message, Turn
from chatplatform.chat.segments import joined_text
from chatplatform.common.scope import all_workspaces
from chatplatform.privacy.subjects import Subject
def rows_of(owners):
    rows = []
    turns = {turn.answer_id: turn for turn in Turn.objects.filter(owner_id__in=owners)}
    for message in Message.objects.filter(conversation__owner_id__in=owners).select_related("conversation"):
        owner = Subject.person(message.conversation.owner_id)
        turn = turns.get(message.id)
        text = text_of(message, owner)
        if turn is not None and turn.state == Turn.State.FAILED and not text:
            text = joined_text(turn, owner)[0]
        parent = str(message.parent_id) if message.parent_id else None
        rows.append([str(message.id), str(message.conversation_id), parent, message.number,
                     message.on_path, message.role, text, turn.state if turn else ""])
    return rows
with all_workspaces("a test reads what was stored"):
    for line in sys.stdin:
        print(json.dumps(rows_of(json.loads(line))), flush=True)
"""

# what a page shows: the words of messages without our own buttons and labels between them
LOOK = """() => [...document.querySelectorAll("[data-column] .message")].map((element) => {
  const body = element.querySelector("[data-body]").cloneNode(true);
  const ours = ".code__bar, .table-bar, .table-more, .code-more, button";
  for (const each of body.querySelectorAll(ours)) each.remove();
  return {
    id: element.dataset.messageId ?? "",
    role: element.classList.contains("message--user") ? "user" : "assistant",
    running: element.dataset.running ?? "",
    pending: element.hasAttribute("data-pending"),
    text: body.textContent,
  };
})"""


@dataclass
class Person:
    """One person's browser with some tabs."""

    name: str
    context: BrowserContext
    id: str = ""
    tabs: list[ChatPage] = field(default_factory=list)
    offline: bool = False
    asked: int = 0


@dataclass
class Soak:
    """`figures` counts what was done; `findings` is what must stay empty."""

    site: Site
    browser: Browser
    seed: int
    people_count: int = 2
    say: Callable[[str], None] = print
    findings: list[str] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.line = CuttableLine(self.site.processes.port)
        self.people: list[Person] = []
        self.sent: list[str] = []
        self.edits: list[str] = []
        self.log: list[str] = []
        self._number = 0
        self._mends: list[tuple[int, str, Callable[[], None]]] = []
        # one process reads the rows whenever they are wanted: to start one each time would take longer than to read
        self._reader = subprocess.Popen(
            [sys.executable, "-c", READ_ROWS],
            env=self.site.processes.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._web_runs = self._engine_runs = self._line_stands = True
        self._done = 0

    # ---------------------------------------------------------------- the whole

    def run(self, events: int) -> None:
        """Do so many events. Raises nothing for what it finds: `findings` tell."""
        try:
            for number in range(self.people_count):
                self.people.append(self._arrive(f"person {number}"))
            while self._done < events:
                if self._one_event() and self._done % LOOK_EVERY == 0:
                    self._look_closely()
            self._look_closely()
        finally:
            self._mend_all()
            for person in self.people:
                person.context.close()
            self.line.close()
            self._reader.communicate(timeout=30)

    def _arrive(self, name: str) -> Person:
        context = self.browser.new_context(viewport={"width": 1100, "height": 700})
        context.set_default_timeout(WAIT_MS)
        context.add_init_script(COUNT_REPORTS)
        context.add_cookies([{"name": "sessionid", "value": self.site.next_person(), "url": self.line.url}])
        person = Person(name, context)
        person.tabs.append(ChatPage(context.new_page(), self.line.url).open("/"))
        person.id = person.tabs[0].page.evaluate(
            "JSON.parse(document.getElementById('page-data').textContent).person_id"
        )
        return person

    def _one_event(self) -> bool:
        person = self.chance.choice(self.people)
        chat = self.chance.choice(person.tabs)
        names, weights = zip(*EVENTS.items(), strict=True)
        name = self.chance.choices(names, weights)[0]
        pause_ms = self.chance.choice([20, 80, 200, 500, 900])
        try:
            done = bool(getattr(self, f"_{name}")(person, chat))
        except (Error, TookTooLong) as problem:
            # a page that is just being loaded, or whose server is away, takes no orders
            done = False
            self._note(f"{name} was not possible: {str(problem).splitlines()[0]}")
        if done:
            self._done += 1
            self.figures[name] += 1
            self._note(f"{self._done}. {person.name}: {name}")
            self._mend_what_is_due()
        person.tabs[0].page.wait_for_timeout(pause_ms if done else 10)
        self._look_quickly(person)
        return done

    def _note(self, words: str) -> None:
        self.log.append(words)

    # ---------------------------------------------------------------- what people do

    def _ask(self, person: Person, chat: ChatPage) -> bool:
        """Say something; while an answer runs it waits in the queue."""
        if not self._is_ready(chat):
            return False
        if chat.field.input_value():
            return self._send_what_came_back(chat)
        text = self._question()
        chat.field.fill(text)
        chat.field.press("Enter")
        if chat.field.input_value():
            chat.field.fill("")
            return False
        self.sent.append(text)
        return True

    def _take_back(self, person: Person, chat: ChatPage) -> bool:
        waiting = chat.page.locator("[data-queue] li")
        if not waiting.count() or chat.field.input_value():
            return False
        waiting.last.locator("[data-take-back]").click(timeout=1000)
        return True

    def _send_now(self, person: Person, chat: ChatPage) -> bool:
        button = chat.page.locator("[data-send-now]:visible")
        if not button.count():
            return False
        button.first.click(timeout=1000)
        return True

    def _edit(self, person: Person, chat: ChatPage) -> bool:
        """Other words for a question, and an answer to them."""
        if (
            chat.page.locator("[data-running], [data-pending], [data-editor]").count()
            or not chat.questions.count()
        ):
            return False
        question = chat.questions.nth(self.chance.randrange(chat.questions.count()))
        question.hover(timeout=1000)
        question.locator('[data-message-action="edit"]').first.click(timeout=1000)
        editor = chat.page.locator("[data-editor] textarea")
        text = self._question()
        editor.fill(text, timeout=1000)
        editor.press("Control+Enter")
        # sent, and taken or refused; without a connection it stays open with its words
        for _ in range(20):
            if not editor.count():
                self.sent.append(text)
                return True
            chat.page.wait_for_timeout(100)
        self.edits.append(text)
        return True

    def _another_version(self, person: Person, chat: ChatPage) -> bool:
        steps = chat.page.locator('[data-message-action^="sibling-"]:visible:enabled')
        if not steps.count():
            return False
        steps.nth(self.chance.randrange(steps.count())).click(timeout=1000)
        return True

    def _go_on(self, person: Person, chat: ChatPage) -> bool:
        """Continue an answer that was stopped."""
        button = chat.page.locator('[data-message-action="continue"]:visible')
        if not button.count():
            return False
        button.last.click(timeout=1000)
        return True

    def _question(self) -> str:
        self._number += 1
        number = self._number
        kind = self.chance.random()
        delay = self.chance.choice([4, 8, 15, 25])
        if kind < 0.2:
            return f"Question {number} [[mode=markdown delay_ms={delay}]]"
        tokens = self.chance.choice([5, 60, 150, 300])
        paragraph = self.chance.choice([0, 12, 40])
        return f"Question {number} [[tokens={tokens} delay_ms={delay} word=q{number}w paragraph={paragraph}]]"

    def _stop(self, person: Person, chat: ChatPage) -> bool:
        button = chat.page.locator("[data-stop]")
        if not button.is_visible():
            return False
        button.click(timeout=1000)
        return True

    def _answer_again(self, person: Person, chat: ChatPage) -> bool:
        if chat.page.locator("[data-running], [data-pending]").count() or not chat.answers.count():
            return False
        chat.last_answer.hover(timeout=1000)
        button = chat.last_answer.locator('[data-message-action="regenerate"]:visible')
        if not button.count():
            return False
        button.first.click(timeout=1000)
        return True

    def _retry(self, person: Person, chat: ChatPage) -> bool:
        button = chat.last_answer.locator('[data-error]:visible [data-action="retry"]:visible')
        if not button.count():
            return False
        button.first.click(timeout=1000)
        return True

    def _new_chat(self, person: Person, chat: ChatPage) -> bool:
        if chat.page.locator("[data-pending]").count():
            return False
        chat.page.locator(".sidebar__new").click(timeout=1000)
        return True

    def _another_conversation(self, person: Person, chat: ChatPage) -> bool:
        links = chat.page.locator(".conversation > a:visible")
        if not links.count() or chat.page.locator("[data-pending]").count():
            return False
        links.nth(self.chance.randrange(min(links.count(), 4))).click(timeout=1000)
        return True

    # ---------------------------------------------------------------- what happens to them

    def _reload(self, person: Person, chat: ChatPage) -> bool:
        if person.offline or not self._site_answers():
            return False
        chat.page.reload(wait_until="domcontentloaded")
        self._send_what_came_back(chat)
        return True

    def _second_tab(self, person: Person, chat: ChatPage) -> bool:
        if person.offline or not self._site_answers():
            return False
        if len(person.tabs) >= TABS:
            gone = self.chance.choice(person.tabs[1:])
            if gone.page.locator("[data-pending]").count():
                return False
            person.tabs.remove(gone)
            self._take_errors(gone)
            gone.page.close()
        path = chat.page.url.removeprefix(self.line.url)
        person.tabs.append(ChatPage(person.context.new_page(), self.line.url).open(path))
        return True

    def _no_network(self, person: Person, chat: ChatPage) -> bool:
        if person.offline:
            return False
        person.offline = True
        person.context.set_offline(True)

        def back() -> None:
            person.offline = False
            person.context.set_offline(False)

        self._mend_later(person.name, back)
        return True

    def _cut(self, person: Person, chat: ChatPage) -> bool:
        return self._break_line(self.line.cut)

    def _hold_up(self, person: Person, chat: ChatPage) -> bool:
        return self._break_line(self.line.hold_up)

    def _break_line(self, how: Callable[[], None]) -> bool:
        if not self._line_stands:
            return False
        self._line_stands = False
        how()

        def back() -> None:
            self._line_stands = True
            self.line.mend()

        self._mend_later("line", back)
        return True

    def _kill_web(self, person: Person, chat: ChatPage) -> bool:
        if not self._site_answers():
            return False
        self._web_runs = False
        self.site.processes.kill("web")

        self._mend_later("web", lambda: self.site.processes.start("web"))
        return True

    def _kill_engine(self, person: Person, chat: ChatPage) -> bool:
        if not self._engine_runs:
            return False
        self._engine_runs = False
        self.site.engine.kill()
        self._mend_later("engine", self._start_engine)
        return True

    def _start_engine(self) -> None:
        self.site.engine.restart()
        self._engine_runs = True

    # ---------------------------------------------------------------- mending

    def _mend_later(self, what: str, how: Callable[[], None]) -> None:
        self._mends.append((self._done + self.chance.randint(1, 4), what, how))

    def _mend_what_is_due(self) -> None:
        due = [each for each in self._mends if each[0] <= self._done]
        self._mends = [each for each in self._mends if each[0] > self._done]
        for _when, what, how in due:
            how()
            self._note(f"{what} is back")

    def _mend_all(self) -> None:
        mends, self._mends = self._mends, []
        for _when, _what, how in mends:
            how()
        if not self._web_runs:
            self.site.processes.wait_for_web()
            self._web_runs = True

    def _site_answers(self) -> bool:
        """Whether a page can be loaded; a web process that was started comes up beside the events."""
        if not self._web_runs and not any(what == "web" for _when, what, _how in self._mends):
            with contextlib.suppress(TimeoutError):
                self.site.processes.wait_for_web(timeout_s=0.2)
                self._web_runs = True
        return self._web_runs and self._line_stands

    def _is_ready(self, chat: ChatPage) -> bool:
        return chat.field.is_visible() and chat.page.locator("html[data-ready]").count() == 1

    def _send_what_came_back(self, chat: ChatPage) -> bool:
        """What was on its way when the page was left, or was taken back, is in the field again: a person sends it."""
        if not self._is_ready(chat):
            return False
        words = chat.field.input_value()
        parts = [part for part in words.split("\n\n") if part in self.sent]
        if not parts:
            return False
        chat.page.wait_for_timeout(300)
        visible = self._visible(chat)
        chat.field.fill("")
        for part in parts:
            if part in visible:
                self._found(f"doubled: {part!r} is shown as sent, and in the field as not sent")
                continue
            self.figures["came back into the field"] += 1
            chat.field.fill(part)
            chat.field.press("Enter")
        return True

    def _visible(self, chat: ChatPage) -> list[str]:
        """The questions that a page shows, sent or waiting."""
        waiting: list[str] = chat.page.locator("[data-queue] [data-body]").all_text_contents()
        return [*waiting, *(each["text"] for each in chat.page.evaluate(LOOK) if each["role"] == "user")]

    # ---------------------------------------------------------------- looking

    def _look_quickly(self, person: Person) -> None:
        """What is being written must be the beginning of what will be."""
        for chat in person.tabs:
            try:
                shown = chat.page.evaluate(LOOK)
            except Error:
                continue  # between two pages
            for before, each in itertools.pairwise(shown):
                if each["role"] == "assistant" and each["running"] and "mode=markdown" not in before["text"]:
                    self.figures["looks at running answers"] += 1
                    if problem := growing_finding(before["text"], each["text"]):
                        self._found(f"{person.name}: {problem}")

    def _look_closely(self) -> None:
        """Mend everything, wait until all is said, and compare rows and pages."""
        self._mend_all()
        began = time.monotonic()
        self._wait_for_calm()
        rows = self._rows()
        waiting = [words for person in self.people for chat in person.tabs for words in self._unsent(chat)]
        for finding in stored_findings(rows, self.sent, waiting):
            self._found(finding)
        for person in self.people:
            for chat in person.tabs:
                self._compare(person, chat, rows)
                self._take_errors(chat)
        self.figures["close looks"] += 1
        self.figures["messages compared"] += len(rows)
        self.say(
            f"  after {self._done} events: {len(rows)} messages stored, {len(self.findings)} findings,"
            f" calm after {time.monotonic() - began:.1f} s"
        )

    def _wait_for_calm(self) -> None:
        until = time.monotonic() + SETTLES_S
        while time.monotonic() < until:
            busy = 0
            for person in self.people:
                for chat in person.tabs:
                    if chat.page.locator("html[data-ready]").count() == 0:
                        chat.page.goto(
                            chat.page.url if chat.page.url.startswith(self.line.url) else self.line.url
                        )
                    self._send_what_came_back(chat)
                    # an editor whose words did not get through stays open with them, until the person gives up
                    for button in chat.page.locator(
                        "[data-send-now]:visible, [data-editor] [data-cancel]"
                    ).all():
                        button.click()
                    busy += chat.page.locator(
                        "[data-running], [data-pending], .skeleton, [data-queue] li"
                    ).count()
                    busy += chat.page.locator("[data-connection]:visible").count()
            if not busy:
                unfinished = [row for row in self._rows() if row.state in {"queued", "running", "waiting"}]
                if not unfinished:
                    return
            self.people[0].tabs[0].page.wait_for_timeout(250)

    def _rows(self) -> list[Row]:
        assert self._reader.stdin is not None
        assert self._reader.stdout is not None
        self._reader.stdin.write(json.dumps([person.id for person in self.people]) + "\n")
        self._reader.stdin.flush()
        return [Row(*row) for row in json.loads(self._reader.stdout.readline())]

    def _unsent(self, chat: ChatPage) -> list[str]:
        shown: list[dict[str, Any]] = chat.page.evaluate(LOOK)
        waiting: list[str] = chat.page.locator("[data-queue] [data-body]").all_text_contents()
        parts = chat.field.input_value().split("\n\n")
        return [*parts, *waiting, *(each["text"] for each in shown if not each["id"])]

    def _compare(self, person: Person, chat: ChatPage, rows: list[Row]) -> None:
        found = re.search(r"/c/([0-9a-f-]{36})/", chat.page.url)
        if found is None:
            return
        shown = [Shown(each["id"], each["role"], each["text"]) for each in chat.page.evaluate(LOOK)]
        self.figures["pages compared"] += 1
        for finding in shown_findings(rows, found[1], shown):
            self._found(f"{person.name}: {finding}")

    def _take_errors(self, chat: ChatPage) -> None:
        for error in chat.errors:
            self._found(f"a script failed: {error}")
        chat.errors.clear()

    def _found(self, finding: str) -> None:
        if finding not in self.findings:
            self.findings.append(finding)
            self._note(f"FOUND {finding}")
            self.say(f"  after {self._done} events: {finding}")


# what happens, and how often
EVENTS = {
    "ask": 30,
    "stop": 9,
    "answer_again": 6,
    "edit": 7,
    "another_version": 6,
    "go_on": 4,
    "take_back": 3,
    "send_now": 2,
    "retry": 3,
    "new_chat": 4,
    "another_conversation": 6,
    "reload": 14,
    "second_tab": 7,
    "no_network": 7,
    "cut": 6,
    "hold_up": 4,
    "kill_web": 4,
    "kill_engine": 5,
}
